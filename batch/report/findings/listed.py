"""Findings that are counted in full and listed as far as a person would read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from heapq import heappush, heapreplace
from typing import Any, Generic, TypeVar

MOST_LISTED = 200

Finding = TypeVar("Finding")


@dataclass(frozen=True, kw_only=True, slots=True)
class Listed(Generic[Finding]):
    """How many findings there are, of how many words, and the ``items`` that weigh most."""

    count: int = 0
    words: int = 0
    items: tuple[Finding, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Counts and items as plain values."""
        return asdict(self)


class Collector(Generic[Finding]):
    """Counts findings and keeps the heaviest ``most`` of them, in bounded memory.

    ``weight`` gives what is sorted by, the heaviest first; equals stay in the order they came.
    """

    def __init__(
        self, weight: Callable[[Finding], tuple[float, ...]], *, most: int = MOST_LISTED
    ) -> None:
        self._weight = weight
        self._most = most
        self._kept: list[tuple[tuple[float, ...], int, Finding]] = []
        self._count = self._words = 0

    def add(self, finding: Finding, *, words: int) -> None:
        """Count a finding of ``words`` words."""
        entry = (self._weight(finding), -self._count, finding)
        self._count += 1
        self._words += words
        if len(self._kept) < self._most:
            heappush(self._kept, entry)
        elif entry[:2] > self._kept[0][:2]:
            heapreplace(self._kept, entry)

    def listed(self) -> Listed[Finding]:
        """What was counted and kept."""
        ordered = sorted(self._kept, key=lambda entry: entry[:2], reverse=True)
        items = tuple(entry[2] for entry in ordered)
        return Listed(count=self._count, words=self._words, items=items)
