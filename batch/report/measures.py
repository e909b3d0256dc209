"""What a report measures of a recording and can be sliced by: overlap of channels, position."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from batch.report.findings.positions import PositionTally
from batch.report.findings.timeline import step_seconds

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from batch.report.alignment import AlignedRecording
    from batch.report.model import ScoredRecording, TimedWord
    from training.scoring import ErrorCounts

Channel = tuple[str, int | None]
"""Recording id and channel."""


def overlaps(rows: Iterable[ScoredRecording]) -> dict[Channel, float]:
    """For each channel of a split recording the share of its words' time in which another speaks.

    By the model's word times: what it did not hear is no overlap, and crosstalk that it wrote
    down twice is. ``rows`` have the channels of a recording one after the other; recordings of
    one channel, and channels without words, are left out.
    """
    found: dict[Channel, float] = {}
    for _, group in groupby(rows, key=lambda row: row.id):
        channels = list(group)
        spans = [_spans(row.words) for row in channels]
        for at, row in enumerate(channels):
            total = sum(end - begin for begin, end in spans[at])
            if len(channels) > 1 and total > 0:
                others = _merged([one for n, part in enumerate(spans) if n != at for one in part])
                found[row.id, row.channel] = _shared(spans[at], others) / total
    return found


def position_counts(
    aligned: AlignedRecording, seconds: float | None
) -> tuple[ErrorCounts, ...] | None:
    """Counts in each tenth of a recording of ``seconds``, None where places are not known."""
    tally = PositionTally()
    tally.add(aligned.steps, step_seconds(aligned, seconds), seconds)
    positions = tally.positions()
    return positions.tenths if positions.placed else None


Span = tuple[float, float]


def _spans(words: Sequence[TimedWord]) -> list[Span]:
    return _merged([(word.start, word.end) for word in words if word.end > word.start])


def _merged(spans: list[Span]) -> list[Span]:
    merged: list[Span] = []
    for begin, end in sorted(spans):
        if merged and begin <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((begin, end))
    return merged


def _shared(one: Sequence[Span], other: Sequence[Span]) -> float:
    """Seconds that stand in both; each is sorted and does not overlap itself."""
    total, at, beside = 0.0, 0, 0
    while at < len(one) and beside < len(other):
        begin = max(one[at][0], other[beside][0])
        end = min(one[at][1], other[beside][1])
        total += max(0.0, end - begin)
        if one[at][1] < other[beside][1]:
            at += 1
        else:
            beside += 1
    return total
