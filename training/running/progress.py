"""What the log of a training says about its course; the log is part of each checkpoint."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from transform_handler.audio.layout import SAMPLE_RATE

Row = Mapping[str, Any]


def best_row(log: Sequence[Row]) -> Row | None:
    """The evaluation with the lowest WER; of equal ones that with the lowest loss, then the first.

    A set in which nothing is said has no WER: there the loss decides alone.
    """
    return min((row for row in log if "eval_loss" in row), key=_badness, default=None)


def is_over(log: Sequence[Row], patience: int) -> bool:
    """Whether the last `patience` evaluations brought nothing better; 0 is endless patience."""
    evaluations = [row for row in log if "eval_loss" in row]
    best = best_row(evaluations)
    if not patience or best is None:
        return False
    since = [row for row in evaluations if row["step"] > best["step"]]
    return len(since) >= patience


def _badness(row: Row) -> tuple[float, float]:
    wer, loss = row.get("eval_wer"), row["eval_loss"]
    return (math.inf if wer is None else wer, math.inf if math.isnan(loss) else loss)


class Clock:
    """Seconds of sound and of work, evaluations and checkpoints left out."""

    def __init__(self) -> None:
        self._samples = 0
        self.seconds = 0.0
        """From the start of the training, interruptions left out; so is `audio_seconds`."""
        self.session_audio = self.session_seconds = self.waited = 0.0
        """Of this process alone; `waited` is the time in which data was awaited."""
        self._begun = time.perf_counter()

    def go_on_from(self, log: Sequence[Row]) -> None:
        """Count on from the last step of a log."""
        for row in log:
            if "audio_seconds" in row:
                self._samples = round(row["audio_seconds"] * SAMPLE_RATE)
                self.seconds = row["seconds"]

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """The batches of a step are awaited within the block, with which the step begins."""
        self._begun = time.perf_counter()
        try:
            yield
        finally:
            self.waited += time.perf_counter() - self._begun

    @property
    def audio_seconds(self) -> float:
        """Sound that the model has heard, padding left out."""
        # Counted in samples, so that a run in parts adds up to the same number.
        return self._samples / SAMPLE_RATE

    def heard(self, n_samples: int) -> None:
        """So much sound went into the step."""
        self._samples += n_samples
        self.session_audio += n_samples / SAMPLE_RATE

    def step_is_done(self) -> dict[str, float]:
        """Count the step's time; returns what a log row tells."""
        took = time.perf_counter() - self._begun
        self.seconds += took
        self.session_seconds += took
        return {"audio_seconds": self.audio_seconds, "seconds": round(self.seconds, 3)}

    @property
    def audio_seconds_per_second(self) -> float:
        """Throughput of this process's steps, all processes of a job together."""
        return self.session_audio / max(self.session_seconds, 1e-9)

    @property
    def waiting_share(self) -> float:
        """Share of the time of the steps in which the device waited for data."""
        return self.waited / max(self.session_seconds, 1e-9)
