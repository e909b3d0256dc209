"""Entry of a training container: parse, build, run, close.

The contract is SageMaker's script mode: hyperparameters in `SM_HPS`; channels in
`SM_CHANNEL_TRAIN`, `SM_CHANNEL_VALIDATION` and `SM_CHANNEL_MODEL`; the finished model in
`SM_MODEL_DIR`. Checkpoints go to `NIGHTSCRIBE_CHECKPOINT_DIR`, never into the model folder, which
becomes `model.tar.gz`.
"""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from manifests.labels import read_labels
from training.augment import Augmentation
from training.data import SpeechDataset, trainable
from training.model import Acoustic, load_base, new_model
from training.report import Outcome, write_outcome
from training.settings import Settings
from training.vocabulary import build_vocabulary

if TYPE_CHECKING:
    from collections.abc import Sequence

    from training.trainer import CtcTrainer

_CHECKPOINTS = "/opt/ml/checkpoints"


@dataclass(frozen=True, kw_only=True)
class Job:
    """Where a run reads and writes."""

    settings: Settings
    train: Path
    validation: Path | None
    base: Path | None
    output: Path
    checkpoints: Path


def main(argv: Sequence[str] | None = None) -> int:
    """Train; 0 when the model is written, 2 for what the user must mend."""
    try:
        job = parse(argv)
        run(job)
    except (ValueError, FileNotFoundError) as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201
        return 2
    return 0


def parse(argv: Sequence[str] | None = None) -> Job:
    """The job of a command line, whose defaults are the container's environment."""
    env = os.environ
    parser = argparse.ArgumentParser(prog="python -m training.train", description=__doc__)
    parser.add_argument("--hyperparameters", default=env.get("SM_HPS") or "{}")
    parser.add_argument("--train", default=env.get("SM_CHANNEL_TRAIN"))
    parser.add_argument("--validation", default=env.get("SM_CHANNEL_VALIDATION"))
    parser.add_argument("--base", default=env.get("SM_CHANNEL_MODEL"))
    parser.add_argument("--output", default=env.get("SM_MODEL_DIR"))
    parser.add_argument(
        "--checkpoints", default=env.get("NIGHTSCRIBE_CHECKPOINT_DIR") or _CHECKPOINTS
    )
    # SageMaker repeats the hyperparameters as arguments, which SM_HPS holds already.
    given, _ = parser.parse_known_args(argv)
    settings = Settings.parse(given.hyperparameters)
    for name, variable in (("train", "SM_CHANNEL_TRAIN"), ("output", "SM_MODEL_DIR")):
        if not getattr(given, name):
            raise ValueError(f"--{name} is missing, and {variable} is not set")
    if bool(given.base) == bool(settings.architecture):
        raise ValueError(
            "give either a base model (--base, SM_CHANNEL_MODEL) or the hyperparameter "
            f"architecture; found base {given.base!r} and architecture {settings.architecture!r}"
        )
    if Path(given.output).resolve() in (
        folder := Path(given.checkpoints).resolve(),
        *folder.parents,
    ):
        raise ValueError(
            f"checkpoints {given.checkpoints} lie in the model folder {given.output}, which would "
            "carry the optimiser's state into model.tar.gz; choose another folder"
        )
    return Job(
        settings=settings,
        train=Path(given.train),
        validation=Path(given.validation) if given.validation else None,
        base=Path(given.base) if given.base else None,
        output=Path(given.output),
        checkpoints=Path(given.checkpoints),
    )


def run(job: Job) -> None:
    """Train, keep the best model by validation WER, write it with its card and metrics."""
    from training.trainer import resume_point  # noqa: PLC0415

    acoustic, trainer = build(job)
    resume = resume_point(job.checkpoints)
    before = trainer.score_validation() if job.base else None
    base = acoustic.weights() if job.base else None
    trainer.train(resume_from_checkpoint=resume)
    if base is not None:
        acoustic.mix(base, job.settings.base_share)
    after = trainer.score_validation()
    acoustic.save(job.output)
    write_outcome(
        Outcome(
            settings=job.settings,
            base=job.base.name if job.base else None,
            train=job.train,
            validation=job.validation,
            before=before,
            after=after,
            steps=trainer.state.global_step,
        ),
        job.output,
    )


def build(job: Job) -> tuple[Acoustic, CtcTrainer]:
    """The model and a trainer with its data."""
    from transformers import set_seed  # noqa: PLC0415
    from transformers.utils import logging  # noqa: PLC0415

    from training.trainer import CtcTrainer  # noqa: PLC0415

    logging.disable_progress_bar()
    settings = job.settings
    set_seed(settings.seed)
    utterances = read_labels(job.train)
    if job.base:
        acoustic = load_base(job.base)
    else:
        vocabulary = build_vocabulary(u.text for u in utterances)
        acoustic = new_model(Path(settings.architecture or ""), vocabulary)
    if settings.freeze_feature_encoder:
        acoustic.network.freeze_feature_encoder()
    vocabulary = acoustic.vocabulary
    usable = trainable(utterances, output_length=acoustic.output_length, vocabulary=vocabulary)
    print(f"utterances={len(utterances)} usable={len(usable)}", flush=True)  # noqa: T201
    augmentation = Augmentation(
        seed=settings.seed,
        noise=settings.noise_share,
        telephone=settings.telephone_share,
        gain_db=settings.gain_db,
    )
    trainer = CtcTrainer(
        acoustic,
        settings,
        train=SpeechDataset(
            usable, vocabulary=vocabulary, normalise=acoustic.normalise, augment=augmentation
        ),
        validation=SpeechDataset(
            read_labels(job.validation), vocabulary=vocabulary, normalise=acoustic.normalise
        )
        if job.validation
        else None,
        checkpoints=job.checkpoints,
    )
    return acoustic, trainer


if __name__ == "__main__":
    raise SystemExit(main())
