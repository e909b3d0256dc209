"""Windows of many recordings and channels into batches that a device takes at once."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic

from transform_handler.audio.layout import SAMPLE_RATE
from transform_handler.engine.frames import BatchLimits, Samples
from transform_handler.engine.interface import Engine, Scored

# Batches' worth of windows to choose from. An engine that takes a batch in four passes, sorted by
# length, then pads windows of 14-20 s by 1 %, of 1-20 s by 5 %; three batches are 240 MB of sound.
LOOK_AHEAD = 3


@dataclass(frozen=True, kw_only=True)
class Job(Generic[Scored]):
    """One window on its way through the model, and whom to tell."""

    samples: Samples
    done: Callable[[Scored], None]
    failed: Callable[[Exception], None]
    language: str | None = None


class Batcher(Generic[Scored]):
    """Collects windows until there is a full batch of like ones; holds three batches' worth.

    Like ones are of one language, and of one length where the engine wants that. When a batch does
    not fit into memory, it and all later ones are halved.
    """

    def __init__(self, *, engine: Engine[Scored]) -> None:
        self._engine = engine
        self._fitting: BatchLimits | None = None
        self._waiting: dict[Hashable, list[Job[Scored]]] = {}
        self._windows = 0
        self._samples = 0

    @property
    def limits(self) -> BatchLimits:
        """What a batch may hold: as the engine says, or less where that proved too much."""
        said, fitting = self._engine.limits, self._fitting
        if fitting is None:
            return said
        return BatchLimits(
            windows=min(said.windows, fitting.windows), seconds=min(said.seconds, fitting.seconds)
        )

    def add(self, job: Job[Scored]) -> None:
        """Score the window now, or later with others."""
        length = len(job.samples) if self._engine.equal_lengths_only else None
        key = (job.language, length)
        self._waiting.setdefault(key, []).append(job)
        self._windows += 1
        self._samples += len(job.samples)
        while self._waiting and self._full():
            self._run_most()

    def flush(self) -> None:
        """Score all that waits."""
        while self._waiting:
            self._run_most()

    def _full(self) -> bool:
        limits = self.limits
        # Where a batch is one window there is nothing to choose.
        many = 1 if limits.windows == 1 else LOOK_AHEAD
        return (
            self._windows >= many * limits.windows
            or self._samples >= many * limits.seconds * SAMPLE_RATE
        )

    def _run_most(self) -> None:
        """Score, of the likes that most sound waits of, the full batch with the least padding."""
        key = max(self._waiting, key=lambda key: _seconds(self._waiting[key]))
        batches = list(_batches(self._waiting.pop(key), self.limits))
        full = batches[:-1] or batches
        chosen = min(full, key=lambda batch: _padded(batch) / _seconds(batch))
        if left := [job for batch in batches if batch is not chosen for job in batch]:
            self._waiting[key] = left
        self._windows -= len(chosen)
        self._samples -= sum(len(job.samples) for job in chosen)
        self._run(chosen)

    def _run(self, jobs: list[Job[Scored]]) -> None:
        try:
            results = self._engine.run([job.samples for job in jobs], language=jobs[0].language)
        except MemoryError as error:
            self._make_smaller(jobs, error)
        except Exception as error:  # noqa: BLE001 - whatever it is, one window must not take others
            if len(jobs) == 1:
                jobs[0].failed(error)
                return
            for job in jobs:
                self._run([job])
        else:
            for job, scored in zip(jobs, results, strict=True):
                job.done(scored)

    def _make_smaller(self, jobs: list[Job[Scored]], error: MemoryError) -> None:
        if len(jobs) == 1:
            seconds = len(jobs[0].samples) / SAMPLE_RATE
            refusal = MemoryError(f"a window of {seconds:.1f} s does not fit into memory by itself")
            refusal.__cause__ = error
            jobs[0].failed(refusal)
            return
        half = len(jobs) // 2
        self._fitting = BatchLimits(windows=half, seconds=_padded(jobs) / 2)
        for batch in _batches(jobs, self.limits):
            self._run(batch)


def _batches(jobs: list[Job[Scored]], limits: BatchLimits) -> Iterator[list[Job[Scored]]]:
    """Jobs by falling length, in batches within the limits; a window alone may be over them."""
    batch: list[Job[Scored]] = []
    for job in sorted(jobs, key=lambda job: -len(job.samples)):
        longest = len((batch or [job])[0].samples)
        seconds = (len(batch) + 1) * longest / SAMPLE_RATE
        if batch and (len(batch) >= limits.windows or seconds > limits.seconds):
            yield batch
            batch = []
        batch.append(job)
    if batch:
        yield batch


def _padded(jobs: Sequence[Job[Any]]) -> float:
    """Seconds that the device computes for a batch."""
    return len(jobs) * max(len(job.samples) for job in jobs) / SAMPLE_RATE


def _seconds(jobs: Sequence[Job[Any]]) -> float:
    return sum(len(job.samples) for job in jobs) / SAMPLE_RATE
