"""Where the errors are: confused words, the spread over recordings."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from batch.report.model import Report

# Upper edges of the bars, as rates; the last bar has no end.
_EDGES = (0.0, 0.05, 0.10, 0.20, 0.30, 0.50, 1.0)
_LABELS = ("0", "≤ 5", "≤ 10", "≤ 20", "≤ 30", "≤ 50", "≤ 100", "> 100")


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


def confusions(report: Report, kind: Literal["S", "D", "I"], *, top: int) -> tuple[Confusion, ...]:
    """The commonest substitutions, deletions or insertions, most frequent first."""
    places: defaultdict[tuple[str | None, str | None], list[int]] = defaultdict(list)
    for index, aligned in enumerate(report.alignments):
        if aligned is None:
            continue
        for letter, ref, hyp in aligned.steps.errors():
            if letter == kind:
                said = None if kind == "I" else aligned.reference.texts[ref]
                heard = None if kind == "D" else aligned.hypothesis.texts[hyp]
                places[said, heard].append(index)
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
