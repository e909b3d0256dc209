"""Slices: the recordings with one value in a column, their counts added up, with an interval.

A column is one of the metadata, the channel, or something that was measured: length, speech rate,
language, overlap, level, clipping, bandwidth and signal-to-noise ratio, cut at fixed edges so that
the same slices stand side by side from night to night.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from batch.report.meetings import meeting_intervals, word_counts
from training.scoring import ErrorCounts, sum_counts

if TYPE_CHECKING:
    from batch.report.model import ScoredRecording
    from training.scoring.bootstrap import Interval

# A column with more values than this names recordings rather than kinds of recordings.
MAX_SLICES = 30
NO_VALUE = "(none)"


@dataclass(frozen=True, kw_only=True, slots=True)
class Slice:
    """The recordings with one value in a column, counts added up.

    ``interval`` is that of the normalised WER, by a bootstrap over the slice's meetings.
    """

    value: str
    recordings: int
    raw: ErrorCounts
    normalized: ErrorCounts
    interval: Interval


@dataclass(frozen=True, kw_only=True, slots=True)
class SliceTable:
    """One column's slices: most errors first, or in the order of what was measured."""

    column: str
    slices: tuple[Slice, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """Something measured of each recording, cut at ``edges``: a bin reaches up to its edge."""

    name: str
    value: Callable[[ScoredRecording], float | None]
    edges: tuple[float, ...]
    labels: tuple[str, ...]

    def label(self, recording: ScoredRecording) -> str:
        """The name of a recording's bin."""
        value = self.value(recording)
        return NO_VALUE if value is None else self.labels[bisect_left(self.edges, value)]


def speech_rate(recording: ScoredRecording) -> float | None:
    """Words of reference a minute of sound; None for less than a second."""
    if recording.duration is None or recording.duration < 1 or not recording.scored:
        return None
    return recording.normalized.reference_words * 60 / recording.duration


MEASURED = (
    Measured(
        name="length of recording",
        value=lambda one: one.duration,
        edges=(5, 15, 60, 600, 1800, 3600),
        labels=("≤ 5 s", "≤ 15 s", "≤ 1 min", "≤ 10 min", "≤ 30 min", "≤ 1 h", "> 1 h"),
    ),
    Measured(
        name="speech rate, words/min",
        value=speech_rate,
        edges=(60, 100, 140, 180, 220),
        labels=("≤ 60", "≤ 100", "≤ 140", "≤ 180", "≤ 220", "> 220"),
    ),
    Measured(
        name="overlapping speech",
        value=lambda one: one.overlap,
        edges=(0, 0.05, 0.15, 0.3),
        labels=("none", "≤ 5 %", "≤ 15 %", "≤ 30 %", "> 30 %"),
    ),
    Measured(
        name="level, dBFS",
        value=lambda one: one.sound.level_dbfs,
        edges=(-45, -35, -25, -15),
        labels=("≤ −45", "≤ −35", "≤ −25", "≤ −15", "> −15"),
    ),
    Measured(
        name="clipped samples",
        value=lambda one: one.sound.clipped_share,
        edges=(0, 0.001, 0.01),
        labels=("none", "≤ 0.1 %", "≤ 1 %", "> 1 %"),
    ),
    Measured(
        name="bandwidth, kHz",
        value=lambda one: one.sound.bandwidth_hertz,
        edges=(4200, 6000, 7500),
        labels=("≤ 4.2 (telephone)", "≤ 6", "≤ 7.5", "> 7.5"),
    ),
    Measured(
        name="SNR, dB",
        value=lambda one: one.sound.snr_db,
        edges=(5, 10, 20, 30),
        labels=("≤ 5", "≤ 10", "≤ 20", "≤ 30", "> 30"),
    ),
)
_MEASURED: Mapping[str, Measured] = {one.name: one for one in MEASURED}


def slices_of(scored: Sequence[ScoredRecording]) -> tuple[SliceTable, ...]:
    """The slices by each column that has 2 to 30 values among the scored recordings."""
    given = sorted({column for row in scored for column in row.meta})
    others = [name for name in ("channel", "language", *_MEASURED) if name not in given]
    groups = {column: _groups(scored, column) for column in [*given, *others]}
    chosen = {name: found for name, found in groups.items() if 2 <= len(found) <= MAX_SLICES}
    intervals = iter(_intervals(scored, chosen))
    return tuple(
        SliceTable(
            column=column,
            slices=_ordered(
                [
                    _slice(value, [scored[i] for i in members], next(intervals))
                    for value, members in found.items()
                ],
                None if column in given else _MEASURED.get(column),
            ),
        )
        for column, found in chosen.items()
    )


def slice_value(recording: ScoredRecording, column: str) -> str:
    """A recording's value in a column; one of the metadata wins over one that was measured."""
    if column in recording.meta:
        return recording.meta[column] or NO_VALUE
    if column == "channel":
        return NO_VALUE if recording.channel is None else str(recording.channel)
    if column == "language":
        return recording.language or NO_VALUE
    measured = _MEASURED.get(column)
    return NO_VALUE if measured is None else measured.label(recording)


def _groups(recordings: Sequence[ScoredRecording], column: str) -> dict[str, list[int]]:
    groups: dict[str, list[int]] = defaultdict(list)
    for index, row in enumerate(recordings):
        groups[slice_value(row, column)].append(index)
    return groups


def _intervals(
    recordings: Sequence[ScoredRecording], groups: Mapping[str, Mapping[str, Sequence[int]]]
) -> list[Interval]:
    """The intervals of all slices, from one drawing of the meetings."""
    members = [found for by_value in groups.values() for found in by_value.values()]
    return meeting_intervals([row.meeting for row in recordings], word_counts(recordings), members)


def _slice(value: str, recordings: Sequence[ScoredRecording], interval: Interval) -> Slice:
    return Slice(
        value=value,
        recordings=len(recordings),
        raw=sum_counts(row.raw for row in recordings),
        normalized=sum_counts(row.normalized for row in recordings),
        interval=interval,
    )


def _ordered(slices: list[Slice], measured: Measured | None) -> tuple[Slice, ...]:
    if measured is None:
        return tuple(sorted(slices, key=lambda part: (-part.normalized.errors, part.value)))
    order = (*measured.labels, NO_VALUE)
    return tuple(sorted(slices, key=lambda part: order.index(part.value)))
