"""Windows of many recordings into batches."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

from transform_handler.engine.ctc_engine import CtcEngine
from transform_handler.engine.frames import FrameScores, Samples


@dataclass(frozen=True, kw_only=True)
class Job:
    """One window on its way through the model, and whom to tell."""

    samples: Samples
    done: Callable[[FrameScores], None]
    failed: Callable[[Exception], None]


@dataclass(kw_only=True)
class Batcher:
    """Collects windows of equal length until a batch is full; across recordings and channels."""

    engine: CtcEngine
    _waiting: dict[int, list[Job]] = field(default_factory=lambda: defaultdict(list))

    def add(self, job: Job) -> None:
        """Score the window now, or later with others of its length."""
        waiting = self._waiting[len(job.samples)]
        waiting.append(job)
        if len(waiting) >= self.engine.batch_windows:
            self._run(len(job.samples))
        elif sum(map(len, self._waiting.values())) >= 4 * self.engine.batch_windows:
            self.flush()

    def flush(self) -> None:
        """Score all that waits, longest first."""
        for length in sorted(self._waiting, reverse=True):
            self._run(length)

    def _run(self, length: int) -> None:
        jobs = self._waiting.pop(length, [])
        try:
            results = self.engine.run([job.samples for job in jobs]) if jobs else []
        except Exception as error:  # noqa: BLE001 - out of memory has many names
            if len(jobs) == 1:
                jobs[0].failed(error)
                return
            # One by one, so that only the culprit fails.
            for job in jobs:
                self._waiting[length] = [job]
                self._run(length)
            return
        for job, scores in zip(jobs, results, strict=True):
            job.done(scores)
