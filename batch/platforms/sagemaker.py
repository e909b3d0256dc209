"""SageMaker as a platform for a run: transform jobs and training jobs in one account and region."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from batch.platforms.base import Document, JobOutcome, OnOutput
from batch.platforms.sagemaker_training import SageMakerTraining
from batch.platforms.sagemaker_transform import SageMakerTransform


@dataclass(kw_only=True)
class SageMakerPlatform:
    """Carries jobs out there; ``instance_types`` are tried in order where one is not to be had."""

    region: str | None = None
    instance_types: Sequence[str] = ()
    deadline_seconds: float | None = None
    until: float | None = None
    """When jobs are stopped, in seconds since 1970."""
    on_line: Callable[[str], None] = field(default=lambda _: None)
    wait: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic

    @cached_property
    def _transforms(self) -> SageMakerTransform:
        """One for all jobs of a run: they share the deadline."""
        return SageMakerTransform(
            region=self.region,
            instance_types=self.instance_types,
            deadline_seconds=self.deadline_seconds,
            until=self.until,
            on_line=self.on_line,
            wait=self.wait,
            clock=self.clock,
        )

    def transform(self, model: Document, job: Document, *, on_output: OnOutput) -> JobOutcome:
        """Carry out a transform job."""
        return self._transforms.transform(model, job, on_output=on_output)

    def stop_transform(self, name: str) -> None:
        """Ask a transform job to stop, where it runs."""
        self._transforms.stop(name)

    def train(self, job: Document, *, on_line: Callable[[str], None]) -> JobOutcome:
        """Carry out a training job."""
        jobs = SageMakerTraining(
            region=self.region, instance_types=self.instance_types, wait=self.wait
        )
        return jobs.train(job, on_line=on_line)
