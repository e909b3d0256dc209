"""How training jobs stand: from what lies below the output, and from SageMaker itself."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from batch.config import Config
from batch.fine_tuning import JOBS
from batch.platforms.sagemaker_training import SageMakerTraining
from batch.requests import LOCAL_IMAGE
from manifests.errors import NightscribeError
from manifests.storage import Store, open_store


@dataclass(frozen=True, kw_only=True)
class TrainingStanding:
    """One training job; ``model`` is the bundle's URI once it is there."""

    name: str
    state: str
    model: str | None = None
    wer: float | None = None


def training_standings(config: Config) -> list[TrainingStanding]:
    """Every training job below the output location, by name."""
    output = open_store(config.output.uri)
    names = [
        entry.key[len(JOBS) :].removesuffix("/job.json")
        for entry in output.list(JOBS)
        if entry.key.endswith("/job.json")
    ]
    region = config.sagemaker.region if config.sagemaker else None
    platform = SageMakerTraining(region=region)
    return [_standing(output, name, platform) for name in names]


def _standing(output: Store, name: str, platform: SageMakerTraining) -> TrainingStanding:
    if (trained := _read(output, f"{JOBS}{name}/trained.json")) is not None:
        after = trained["metrics"].get("after") or {}
        return TrainingStanding(
            name=name, state="finished", model=trained["model"], wer=after.get("wer")
        )
    job = _read(output, f"{JOBS}{name}/job.json") or {}
    if job["AlgorithmSpecification"]["TrainingImage"] == LOCAL_IMAGE:
        return TrainingStanding(name=name, state="not finished; the same command goes on with it")
    try:
        attempts = list(platform.attempts(name))
    except NightscribeError as error:
        # Runs and other jobs are told all the same.
        return TrainingStanding(name=name, state=f"not known: {error}")
    if not attempts:
        return TrainingStanding(name=name, state="not submitted")
    last = attempts[-1]
    reason = f": {last.failure_reason}" if last.failure_reason else ""
    return TrainingStanding(name=name, state=f"{last.status}, {last.phase} ({last.name}){reason}")


def _read(output: Store, key: str) -> Any:
    return None if output.stat(key) is None else json.loads(output.read(key))
