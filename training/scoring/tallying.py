"""Many pairs at once: counts and confused words, without a step kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from training.scoring.counts import ErrorCounts
from training.scoring.steps import unit_edits

_FOLDED = 50_000
"""Errors that are kept one by one before they are added up."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Tally:
    """The counts of many pairs at unit costs, and how often each word went wrong, and how.

    ``substitutions`` has (reference word, hypothesis word), ``deletions`` reference words,
    ``insertions`` hypothesis words.
    """

    counts: ErrorCounts
    substitutions: Counter[tuple[str, str]]
    deletions: Counter[str]
    insertions: Counter[str]


def tally(pairs: Iterable[tuple[Sequence[str], Sequence[str]]]) -> Tally:
    """Align pairs of (reference, hypothesis) tokens at unit costs and count what went wrong.

    Counts and confusions are those of ``align``. Memory does not grow with the number of pairs.
    """
    substituted: Counter[tuple[str, str]] = Counter()
    deleted: Counter[str] = Counter()
    inserted: Counter[str] = Counter()
    subs: list[tuple[str, str]] = []
    dels: list[str] = []
    inss: list[str] = []
    words = 0
    for said, heard in pairs:
        words += len(said)
        if said == heard:
            continue
        for tag, ref, hyp in unit_edits(said, heard):
            if tag == "replace":
                subs.append((said[ref], heard[hyp]))
            elif tag == "delete":
                dels.append(said[ref])
            else:
                inss.append(heard[hyp])
        if len(subs) + len(dels) + len(inss) > _FOLDED:
            _fold((substituted, subs), (deleted, dels), (inserted, inss))
    _fold((substituted, subs), (deleted, dels), (inserted, inss))
    wrong = substituted.total() + deleted.total()
    return Tally(
        counts=ErrorCounts(
            hits=words - wrong,
            substitutions=substituted.total(),
            deletions=deleted.total(),
            insertions=inserted.total(),
        ),
        substitutions=substituted,
        deletions=deleted,
        insertions=inserted,
    )


def _fold(
    subs: tuple[Counter[tuple[str, str]], list[tuple[str, str]]],
    *others: tuple[Counter[str], list[str]],
) -> None:
    subs[0].update(subs[1])
    subs[1].clear()
    for counter, errors in others:
        counter.update(errors)
        errors.clear()
