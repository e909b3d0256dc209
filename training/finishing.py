"""The end of a run: the model is written, scored beside its base, and described.

All of it happens in a folder aside, so that the model's folder holds a finished model or nothing.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from manifests.labels import LabelledUtterance, read_labels
from training.evaluating.curves import write_curves
from training.evaluating.evaluation import evaluate
from training.evaluating.report import (
    Compared,
    DataFacts,
    Outcome,
    Throughput,
    write_details,
    write_outcome,
)
from training.job import Job
from training.models.head import is_pretrained_only
from training.preparation import Prepared
from training.running.checkpoints import Saved
from training.running.interruption import InterruptedTrainingError
from training.running.progress import best_row
from training.running.trainer import CtcTrainer
from training.scoring import normalizer_named
from transform_handler.identity import model_digest

if TYPE_CHECKING:
    from training.evaluating.hypotheses import OnProgress

_NAME = "model"


def finish(job: Job, prepared: Prepared, trainer: CtcTrainer, *, resume: Saved | None) -> None:
    """Write the trained model with its card, metrics and curves.

    Raises:
        InterruptedTrainingError: SIGTERM came before all was written; the checkpoint is there.
    """
    blend(job, prepared)
    if not trainer.is_world_process_zero():
        return
    with TemporaryDirectory(prefix="nightscribe-model-") as scratch:
        # A folder within: the scratch one is closed to other users, and copies its mode.
        folder = Path(scratch) / _NAME
        folder.mkdir()
        prepared.acoustic.save(folder)
        prepared.rules.write(folder)
        name = _name(job)
        write_curves(trainer.state.log_history, folder, title=f"Training of {name}")
        evaluations = _evaluations(job, folder, trainer)
        write_outcome(_outcome(job, prepared, trainer, evaluations, resume), folder)
        shutil.copytree(folder, job.output, dirs_exist_ok=True)
    if details := os.environ.get("SM_OUTPUT_DATA_DIR"):
        write_details(evaluations, Path(details) / "evaluation")


def blend(job: Job, prepared: Prepared) -> None:
    """Make the trained network a plain one, and mix the base's share into it."""
    if job.settings.lora_rank:
        from training.models.adapting import merge_lora  # noqa: PLC0415

        merge_lora(prepared.acoustic.network)
    if prepared.base_weights is not None:
        prepared.acoustic.mix(prepared.base_weights, job.settings.base_share)


def _evaluations(job: Job, model: Path, trainer: CtcTrainer) -> dict[str, Compared]:
    """The base and the new model on each set that is given, as production would hear it."""

    def heed(_done: int, _total: int) -> None:
        if trainer.interruption.asked:
            raise InterruptedTrainingError(trainer.state.global_step)

    base = job.base if job.base and _answers(job, job.base) else None
    return {
        name: _compared(job, model, base, read_labels(channel), heed)
        for name, channel in _sets(job).items()
        if name != "train"
    }


def _compared(
    job: Job,
    model: Path,
    base: Path | None,
    labels: Sequence[LabelledUtterance],
    heed: OnProgress,
) -> Compared:
    scoring = job.scoring
    after = evaluate(model, labels, name=_name(job), scoring=scoring, on_progress=heed)
    if base is None:
        return Compared(before=None, after=after)
    # The base's own rules may name another language, or none; figures compare under one rule.
    rule = normalizer_named(after.normalizer, scoring.custom)
    before = evaluate(
        base,
        labels,
        name=_base_name(job),
        scoring=scoring,
        normalizer=rule,
        on_progress=heed,
    )
    return Compared(before=before, after=after)


def _answers(job: Job, base: Path) -> bool:
    """Whether the base can be scored: it has a head, and not one of another language."""
    return not job.settings.adapter_language and not is_pretrained_only(base)


def _outcome(
    job: Job,
    prepared: Prepared,
    trainer: CtcTrainer,
    evaluations: Mapping[str, Compared],
    resume: Saved | None,
) -> Outcome:
    clock = trainer.clock
    best = best_row(trainer.state.log_history)
    return Outcome(
        settings=job.settings,
        name=_name(job),
        base=_base_name(job),
        best_step=best["step"] if best else None,
        base_mixed_in=job.settings.base_share if prepared.base_weights is not None else 0.0,
        base_digest=model_digest(job.base) if job.base else None,
        data={n: DataFacts.of(path, read_labels(path)) for n, path in _sets(job).items()},
        steps=trainer.state.global_step,
        evaluations=evaluations,
        throughput=Throughput(
            audio_seconds_per_second=clock.audio_seconds / max(clock.seconds, 1e-9),
            device=_device(trainer),
            processes=int(os.environ.get("WORLD_SIZE", "1")),
        ),
        resumed_at=resume.step if resume else None,
        licence=job.settings.licence or None,
    )


def _sets(job: Job) -> dict[str, Path]:
    given = {
        "train": job.train,
        "validation": job.validation,
        "test": job.test,
        "domain": job.domain,
    }
    return {name: path for name, path in given.items() if path is not None}


def _base_name(job: Job) -> str | None:
    return job.settings.base_name or job.base.name if job.base else None


def _name(job: Job) -> str:
    return job.settings.name or _NAME


def _device(trainer: CtcTrainer) -> str:
    import torch  # noqa: PLC0415

    if trainer.args.device.type == "cuda":
        return str(torch.cuda.get_device_name())
    return f"CPU, {torch.get_num_threads()} threads"
