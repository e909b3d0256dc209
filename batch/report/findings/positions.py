"""Errors by their place in the recording: in tenths of it, and in its first and last minute."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from training.scoring import ErrorCounts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from training.scoring import Steps

TENTHS = 10
MINUTE = 60.0
LEAST_SECONDS = 3 * MINUTE
"""A recording shorter than this has no middle between a first and a last minute."""
_PLACE = {"=": 0, "S": 1, "D": 2, "I": 3}


@dataclass(frozen=True, kw_only=True, slots=True)
class Positions:
    """Counts by place; they add up to those of the recordings whose words have times.

    ``first``, ``between`` and ``last`` are of recordings of at least three minutes. ``placed``
    recordings are counted, ``unplaced`` ones have no length or no word times.
    """

    tenths: tuple[ErrorCounts, ...]
    first: ErrorCounts
    between: ErrorCounts
    last: ErrorCounts
    placed: int
    unplaced: int
    long: int


class PositionTally:
    """Adds up counts by place, one recording at a time."""

    def __init__(self) -> None:
        self._tenths = [[0] * 4 for _ in range(TENTHS)]
        self._minutes = [[0] * 4 for _ in range(3)]
        self._placed = self._unplaced = self._long = 0

    def add(
        self,
        steps: Steps,
        seconds: Sequence[float | None],
        duration: float | None,
    ) -> None:
        """Count the steps of one recording, each at its second."""
        if not duration or not steps or any(second is None for second in seconds):
            self._unplaced += bool(steps)
            return
        self._placed += 1
        long = duration >= LEAST_SECONDS
        self._long += long
        tenths, minutes, scale = self._tenths, self._minutes, TENTHS / duration
        for letter, second in zip(steps.letters, seconds, strict=True):
            kind, at = _PLACE[letter], second or 0.0
            tenths[min(TENTHS - 1, max(0, int(scale * at)))][kind] += 1
            if long:
                minutes[_minute(at, duration)][kind] += 1

    def positions(self) -> Positions:
        """What was added up."""
        first, between, last = map(_counts, self._minutes)
        return Positions(
            tenths=tuple(map(_counts, self._tenths)),
            first=first,
            between=between,
            last=last,
            placed=self._placed,
            unplaced=self._unplaced,
            long=self._long,
        )


def _minute(second: float, duration: float) -> int:
    if second < MINUTE:
        return 0
    return 2 if second >= duration - MINUTE else 1


def _counts(numbers: list[int]) -> ErrorCounts:
    hits, substitutions, deletions, insertions = numbers
    return ErrorCounts(
        hits=hits, substitutions=substitutions, deletions=deletions, insertions=insertions
    )
