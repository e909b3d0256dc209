"""Where the errors are: slices by metadata, confused words, the spread over recordings."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from batch.report.alignment import word_errors
from training.scoring import ErrorCounts, sum_counts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from batch.report.model import Report, ScoredRecording

# A column with more values than this names recordings rather than kinds of recordings.
MAX_SLICES = 30
NO_VALUE = "(none)"
# Upper edges of the bars, as rates; the last bar has no end.
_EDGES = (0.0, 0.05, 0.10, 0.20, 0.30, 0.50, 1.0)
_LABELS = ("0", "≤ 5", "≤ 10", "≤ 20", "≤ 30", "≤ 50", "≤ 100", "> 100")


@dataclass(frozen=True, kw_only=True, slots=True)
class Slice:
    """The recordings with one value in a metadata column, counts added up."""

    value: str
    recordings: int
    raw: ErrorCounts
    normalized: ErrorCounts


@dataclass(frozen=True, kw_only=True, slots=True)
class SliceTable:
    """One metadata column's slices, most errors first."""

    column: str
    slices: tuple[Slice, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Confusion:
    """A word error that happens again: how often, and in which of ``report.recordings``.

    ``reference_word`` is None for an inserted word, ``hypothesis_word`` for a deleted one.
    """

    reference_word: str | None
    hypothesis_word: str | None
    count: int
    recordings: tuple[int, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Bar:
    """How many recordings have a WER up to an edge, in per cent, and above the edge before."""

    label: str
    recordings: int


def slices_of(report: Report) -> tuple[SliceTable, ...]:
    """The slices by each column of the metadata that has 2 to 30 values, and by channel."""
    columns = sorted({column for row in report.scored for column in row.meta})
    if any(row.channel is not None for row in report.scored):
        columns.append("channel")
    tables = (_slice_table(report.scored, column) for column in columns)
    return tuple(table for table in tables if 2 <= len(table.slices) <= MAX_SLICES)


def slice_value(recording: ScoredRecording, column: str) -> str:
    """A recording's value in a metadata column; its channel where no such column is given."""
    if column == "channel" and "channel" not in recording.meta:
        return NO_VALUE if recording.channel is None else str(recording.channel)
    return recording.meta.get(column) or NO_VALUE


def _slice_table(recordings: Sequence[ScoredRecording], column: str) -> SliceTable:
    groups: defaultdict[str, list[ScoredRecording]] = defaultdict(list)
    for row in recordings:
        groups[slice_value(row, column)].append(row)
    slices = [
        Slice(
            value=value,
            recordings=len(rows),
            raw=sum_counts(row.raw for row in rows),
            normalized=sum_counts(row.normalized for row in rows),
        )
        for value, rows in groups.items()
    ]
    slices.sort(key=lambda part: (-part.normalized.errors, part.value))
    return SliceTable(column=column, slices=tuple(slices))


def confusions(report: Report, kind: Literal["S", "D", "I"], *, top: int) -> tuple[Confusion, ...]:
    """The commonest substitutions, deletions or insertions, most frequent first."""
    places: defaultdict[tuple[str | None, str | None], list[int]] = defaultdict(list)
    for index, aligned in enumerate(report.alignments):
        for error in word_errors(aligned) if aligned else ():
            if error.kind == kind:
                places[error.reference_word, error.hypothesis_word].append(index)
    ranked = sorted(places.items(), key=lambda item: (-len(item[1]), str(item[0])))
    return tuple(
        Confusion(
            reference_word=reference,
            hypothesis_word=hypothesis,
            count=len(found),
            recordings=tuple(dict.fromkeys(found)),
        )
        for (reference, hypothesis), found in ranked[:top]
    )


def spread(report: Report) -> tuple[Bar, ...]:
    """The number of recordings by WER; those without a rate (empty reference) are in none."""
    bars = [0] * len(_LABELS)
    for row in report.scored:
        if (rate := row.normalized.rate) is not None:
            bars[bisect_left(_EDGES, rate)] += 1
    return tuple(
        Bar(label=label, recordings=count) for label, count in zip(_LABELS, bars, strict=True)
    )
