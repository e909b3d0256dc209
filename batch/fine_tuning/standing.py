"""How training jobs stand: from what lies below the output, and from SageMaker itself."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from batch.claim import working
from batch.config import Config
from batch.fine_tuning.fine_tuning import JOBS, claim_of
from batch.platforms.sagemaker_training import SageMakerTraining
from batch.requests import LOCAL_IMAGE
from manifests.errors import NightscribeError
from manifests.storage import Store, open_store

State = Literal["finished", "running", "stopped", "failed", "not submitted", "not known"]
_STATES: Mapping[str, State] = {
    "InProgress": "running",
    "Stopping": "running",
    "Completed": "stopped",  # and not yet bundled
    "Failed": "failed",
    "Stopped": "stopped",
}


@dataclass(frozen=True, kw_only=True)
class TrainingStanding:
    """One training job; ``model`` is the bundle's URI once it is there, the WERs on validation."""

    name: str
    state: State
    detail: str = ""
    model: str | None = None
    wer: float | None = None
    base_wer: float | None = None

    def line(self) -> str:
        """The standing for eyes."""
        text = f"{self.name}  {self.state}" + (f", {self.detail}" if self.detail else "")
        if self.wer is not None:
            base = "" if self.base_wer is None else f" (base {self.base_wer:.1%})"
            text += f", WER on validation {self.wer:.1%}{base}"
        return text


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
        before, after = (trained["metrics"].get(when) or {} for when in ("before", "after"))
        return TrainingStanding(
            name=name,
            state="finished",
            model=trained["model"],
            wer=after.get("wer"),
            base_wer=before.get("wer"),
        )
    job = _read(output, f"{JOBS}{name}/job.json") or {}
    if job["AlgorithmSpecification"]["TrainingImage"] == LOCAL_IMAGE:
        return _here(output, name)
    try:
        attempts = list(platform.attempts(name))
    except NightscribeError as error:
        # Runs and other jobs are told all the same.
        return TrainingStanding(name=name, state="not known", detail=str(error))
    if not attempts:
        return TrainingStanding(name=name, state="not submitted")
    last = attempts[-1]
    reason = f": {last.failure_reason}" if last.failure_reason else ""
    detail = f"{last.phase} ({last.name}){reason}"
    return TrainingStanding(name=name, state=_STATES[last.status], detail=detail)


def _here(output: Store, name: str) -> TrainingStanding:
    """A job of this or another machine that carries its own jobs out."""
    if (holder := working(output, claim_of(name))) is not None:
        detail = f"process {holder['pid']} on {holder['host']}"
        return TrainingStanding(name=name, state="running", detail=detail)
    if (failed := _read(output, f"{JOBS}{name}/failed.json")) is not None:
        return TrainingStanding(name=name, state="failed", detail=failed["reason"])
    return TrainingStanding(name=name, state="stopped", detail="the same command goes on with it")


def _read(output: Store, key: str) -> Any:
    return None if output.stat(key) is None else json.loads(output.read(key))
