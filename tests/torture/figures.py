"""What a torture did, counted for the end of the session (and for docs/reliability.md)."""

from __future__ import annotations

from collections import Counter

COUNTED: Counter[str] = Counter()


def count(what: str, times: int = 1) -> None:
    """Count what was done to a run: ``driver killed in collect``."""
    COUNTED[what] += times
