"""The machine at hand as a platform: the same documents and bundles, in processes of their own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from batch.capacity.used import used_here
from batch.platforms.base import Document, JobOutcome, OnOutput, ignored
from batch.platforms.training_job import TrainingSpec, run_training
from batch.platforms.transform_job import TransformSpec, run_transform


class LocalPlatform:
    """Carries jobs out here; ``on_line`` is told what a person should know meanwhile."""

    def __init__(self, on_line: Callable[[str], None] = ignored) -> None:
        self._on_line = on_line

    def transform(self, model: Document, job: Document, *, on_output: OnOutput) -> JobOutcome:
        """Carry out a transform job."""
        return run_transform(
            TransformSpec.of(model, job), on_output=on_output, on_line=self._on_line
        )

    def stop_transform(self, name: str) -> None:
        """Nothing: a job here ends with its run."""

    def train(self, job: Document, *, on_line: Callable[[str], None]) -> JobOutcome:
        """Carry out a training job."""
        created = datetime.now(UTC)
        outcome = run_training(TrainingSpec.of(job), on_line=on_line)
        name = job["TrainingJobName"]
        use = used_here(name, status=outcome.status, created=created, workers=1)
        return replace(outcome, jobs=(use,))
