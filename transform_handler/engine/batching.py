"""Windows of many recordings into batches."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic

from transform_handler.engine.frames import Samples
from transform_handler.engine.interface import Engine, Scored


@dataclass(frozen=True, kw_only=True)
class Job(Generic[Scored]):
    """One window on its way through the model, and whom to tell."""

    samples: Samples
    language: str | None
    done: Callable[[Scored], None]
    failed: Callable[[Exception], None]


@dataclass(kw_only=True)
class Batcher(Generic[Scored]):
    """Collects windows until a batch is full; across recordings and channels."""

    engine: Engine[Scored]
    _waiting: list[Job[Scored]] = field(default_factory=list)

    def add(self, job: Job[Scored]) -> None:
        """Score the window now, or later with others."""
        self._waiting.append(job)
        if len(self._waiting) >= self.engine.limits.windows:
            self.flush()

    def flush(self) -> None:
        """Score all that waits."""
        waiting, self._waiting = self._waiting, []
        for language in dict.fromkeys(job.language for job in waiting):
            self._run([job for job in waiting if job.language == language])

    def _run(self, jobs: list[Job[Scored]]) -> None:
        try:
            results = self.engine.run([job.samples for job in jobs], language=jobs[0].language)
        except Exception as error:  # noqa: BLE001 - out of memory has many names
            if len(jobs) == 1:
                jobs[0].failed(error)
                return
            # One by one, so that only the culprit fails.
            for job in jobs:
                self._run([job])
            return
        for job, scores in zip(jobs, results, strict=True):
            job.done(scores)
