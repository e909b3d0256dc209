"""Where a training run reads and writes: the contract of SageMaker's script mode.

Hyperparameters in `SM_HPS`; channels in `SM_CHANNEL_TRAIN`, `…_VALIDATION`, `…_TEST`, `…_DOMAIN`
and `…_MODEL`; rules of scoring in `SM_CHANNEL_SCORING`; the finished model in `SM_MODEL_DIR`; a
failure's reason below `SM_OUTPUT_DIR`.
Checkpoints go to `NIGHTSCRIBE_CHECKPOINT_DIR`, never into the model folder, which becomes
`model.tar.gz`.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from training.scoring.rules import DEFAULT_RULES, RULES_FILE, ScoringRules
from training.settings import Settings

_CHECKPOINTS = "/opt/ml/checkpoints"
_CHANNELS = ("train", "validation", "test", "domain")


@dataclass(frozen=True, kw_only=True)
class Job:
    """What to train on and where to put it; each channel is a folder or a manifest."""

    settings: Settings
    train: Path
    validation: Path | None = None
    test: Path | None = None
    """Labels that are scored once, at the end."""
    domain: Path | None = None
    """Labels of what the base model was good at before, to see what it forgot."""
    scoring: ScoringRules = DEFAULT_RULES
    """By which the final figures are counted, as the reports are."""
    base: Path | None
    output: Path
    checkpoints: Path


def parse(argv: Sequence[str] | None = None) -> Job:
    """The job of a command line, whose defaults are the container's environment.

    Raises:
        ValueError: something is missing or contradicts something else; the message says what.
    """
    given = _arguments(argv)
    settings = Settings.parse(given.hyperparameters)
    for name, variable in (("train", "SM_CHANNEL_TRAIN"), ("output", "SM_MODEL_DIR")):
        if not getattr(given, name):
            raise ValueError(f"--{name} is missing, and {variable} is not set")
    if bool(given.base) == bool(settings.architecture):
        raise ValueError(
            "give either a base model (--base, SM_CHANNEL_MODEL) or the hyperparameter "
            f"architecture; found base {given.base!r} and architecture {settings.architecture!r}"
        )
    _check_checkpoints(Path(given.checkpoints), Path(given.output))
    return Job(
        settings=settings,
        train=Path(given.train),
        validation=_path(given.validation),
        test=_path(given.test),
        domain=_path(given.domain),
        scoring=_rules(given.scoring),
        base=_path(given.base),
        output=Path(given.output),
        checkpoints=Path(given.checkpoints),
    )


def write_failure(reason: str) -> None:
    """Leave the reason where SageMaker looks for a failed job's; nothing outside a container."""
    if folder := os.environ.get("SM_OUTPUT_DIR"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        (Path(folder) / "failure").write_text(reason, "utf-8")


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    env = os.environ
    parser = argparse.ArgumentParser(prog="python -m training.train", description=__doc__)
    parser.add_argument("--hyperparameters", default=env.get("SM_HPS") or "{}")
    for name in _CHANNELS:
        parser.add_argument(f"--{name}", default=env.get(f"SM_CHANNEL_{name.upper()}"))
    parser.add_argument("--scoring", default=env.get("SM_CHANNEL_SCORING"))
    parser.add_argument("--base", default=env.get("SM_CHANNEL_MODEL"))
    parser.add_argument("--output", default=env.get("SM_MODEL_DIR"))
    parser.add_argument(
        "--checkpoints", default=env.get("NIGHTSCRIBE_CHECKPOINT_DIR") or _CHECKPOINTS
    )
    # SageMaker repeats the hyperparameters as arguments, which SM_HPS holds already.
    return parser.parse_known_args(argv)[0]


def _check_checkpoints(checkpoints: Path, output: Path) -> None:
    if output.resolve() in (folder := checkpoints.resolve(), *folder.parents):
        raise ValueError(
            f"checkpoints {checkpoints} lie in the model folder {output}, which would carry the "
            "optimiser's state into model.tar.gz; choose another folder"
        )


def _rules(given: str | None) -> ScoringRules:
    if not given:
        return DEFAULT_RULES
    return ScoringRules.of_json(json.loads((Path(given) / RULES_FILE).read_text("utf-8")))


def _path(given: str | None) -> Path | None:
    return Path(given) if given else None
