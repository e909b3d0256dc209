"""Deletions where the model's windows join, against elsewhere.

Borders lie in the quietest place within reach of each multiple of the step
(``transform_handler.audio.windows``). Where exactly is not stored, so what is counted here is the
*grid*: every place from which a border can be two seconds away or less.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from batch.report.meetings import block_numbers
from training.scoring.bootstrap import Difference, difference

if TYPE_CHECKING:
    from collections.abc import Sequence

    from training.scoring import Steps

NEAR_SECONDS = 2.0
MOST_BLOCKS = 1000
"""More meetings than this are drawn in bundles of meetings: the interval is the same, sooner."""


@dataclass(frozen=True, kw_only=True, slots=True)
class JoinGrid:
    """Where windows can join, in seconds: within ``reach`` of each multiple of ``step``.

    What is left of a recording is not cut again if it is no longer than ``longest``.
    """

    step: float
    reach: float
    longest: float

    @property
    def zone(self) -> float:
        """Seconds on both sides of a multiple from which a join can be two seconds away."""
        return self.reach + NEAR_SECONDS

    def near(self, second: float, duration: float) -> bool:
        """Whether a join can be within two seconds of this place."""
        number = round(second / self.step)
        if number < 1 or abs(second - number * self.step) > self.zone:
            return False
        # The border before lies up to ``reach`` early, and then more sound is left after it.
        before = (number - 1) * self.step - (self.reach if number > 1 else 0.0)
        return duration - before > self.longest


@dataclass(frozen=True, kw_only=True, slots=True)
class PlaceCounts:
    """Words of reference and what became of them, near joins or elsewhere."""

    words: int
    deletions: int
    errors: int

    @property
    def deletion_rate(self) -> float | None:
        """Deletions for each word of reference."""
        return self.deletions / self.words if self.words else None

    @property
    def error_rate(self) -> float | None:
        """Errors for each word of reference."""
        return self.errors / self.words if self.words else None


@dataclass(frozen=True, kw_only=True, slots=True)
class JoinRates:
    """Both places side by side; ``difference`` is the rate of deletions near less elsewhere."""

    grid: JoinGrid
    near: PlaceCounts
    elsewhere: PlaceCounts
    recordings: int
    unknown: int
    difference: Difference


class JoinTally:
    """Adds up counts near joins and elsewhere, one recording at a time."""

    def __init__(self, grid: JoinGrid) -> None:
        self._grid = grid
        # A row a recording: near words, deletions, errors, then the same elsewhere.
        self._rows: list[tuple[int, ...]] = []
        self._meetings: list[str] = []
        self._unknown = 0

    def unknown(self) -> None:
        """Count a recording of which it is not known how it was cut."""
        self._unknown += 1

    def add(
        self,
        steps: Steps,
        seconds: Sequence[float | None],
        duration: float | None,
        *,
        meeting: str,
    ) -> None:
        """Count the steps of one recording; without times or length it is unknown."""
        if duration is None or any(second is None for second in seconds):
            self.unknown()
            return
        counts = [0] * 6
        for letter, second in zip(steps.letters, seconds, strict=True):
            at = 0 if self._grid.near(second or 0.0, duration) else 3
            counts[at] += letter != "I"
            counts[at + 1] += letter == "D"
            counts[at + 2] += letter != "="
        self._rows.append(tuple(counts))
        self._meetings.append(meeting)

    def rates(self) -> JoinRates:
        """What was added up, with an interval for the difference (bootstrap over meetings)."""
        rows = np.array(self._rows, dtype=np.int64).reshape(-1, 6)
        near, elsewhere = (
            PlaceCounts(words=int(w), deletions=int(d), errors=int(e))
            for w, d, e in np.split(rows.sum(axis=0), 2)
        )
        blocks = _by_meeting(self._meetings, rows)
        return JoinRates(
            grid=self._grid,
            near=near,
            elsewhere=elsewhere,
            recordings=len(rows),
            unknown=self._unknown,
            difference=difference((blocks[:, 4], blocks[:, 3]), (blocks[:, 1], blocks[:, 0])),
        )


def _by_meeting(meetings: Sequence[str], rows: np.ndarray) -> np.ndarray:
    """Rows added up by meeting, in few enough blocks to be drawn ten thousand times."""
    numbers = block_numbers(meetings) % MOST_BLOCKS
    blocks = np.zeros((int(numbers.max()) + 1 if len(numbers) else 0, rows.shape[1]))
    np.add.at(blocks, numbers, rows)
    return blocks
