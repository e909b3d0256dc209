"""sclite's ``.dtl``: totals, and every confusion, insertion and deletion by frequency."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from batch.report.exports.sclite import system_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from batch.report.model import Report
    from training.scoring import ErrorCounts

_FALSE = "FALSELY RECOGNIZED"
_NOTES = {
    "SUBSTITUTIONS": (
        "* NOTE: The 'Substitution' words are those reference words\n"
        "        for which the recognizer supplied an incorrect word.\n\n"
    ),
    _FALSE: (
        "* NOTE: The 'Falsely Recognized' words are those hypothesis words\n"
        "        which the recognizer incorrectly substituted for a reference word.\n\n"
    ),
}


def detail_lines(report: Report) -> Iterator[str]:
    """The ``.dtl`` file: totals, and every confusion, insertion and deletion by frequency."""
    counts, sentences = report.normalized, len(report.scored)
    yield f"DETAILED OVERALL REPORT FOR THE SYSTEM: {system_of(report)}\n\n"
    yield "SENTENCE RECOGNITION PERFORMANCE\n\n"
    yield f" sentences                                        {sentences:4}\n"
    for label, number, after in _with_errors(report):
        share = 100 * number / sentences if sentences else 0.0
        yield f" {label:<38} {share:5.1f}%   ({number:4})\n{after}"
    yield "\n\nWORD RECOGNITION PERFORMANCE\n\n"
    yield from _performance(counts)
    yield f"\n\nRef. words                =           ({counts.reference_words:4})\n"
    yield f"Hyp. words                =           ({counts.hypothesis_words:4})\n"
    aligned = counts.reference_words + counts.insertions
    yield f"Aligned words             =           ({aligned:4})\n"
    yield from _word_lists(report)


def _with_errors(report: Report) -> Sequence[tuple[str, int, str]]:
    rows = report.scored
    return (
        ("with errors", sum(row.normalized.errors > 0 for row in rows), "\n"),
        ("  with substitutions", sum(row.normalized.substitutions > 0 for row in rows), ""),
        ("  with deletions", sum(row.normalized.deletions > 0 for row in rows), ""),
        ("  with insertions", sum(row.normalized.insertions > 0 for row in rows), ""),
    )


def _performance(counts: ErrorCounts) -> Iterator[str]:
    words = counts.reference_words
    rows = (
        ("Total Error", counts.errors, "\n"),
        ("Correct", counts.hits, "\n"),
        ("Substitution", counts.substitutions, ""),
        ("Deletions", counts.deletions, ""),
        ("Insertions", counts.insertions, ""),
    )
    for name, number, after in rows:
        share = f"{100 * number / words:5.1f}" if words else "UNDEF"
        yield f"Percent {name:<17} =  {share}%   ({number:4})\n{after}"
    accuracy = f"{100 - 100 * counts.errors / words:5.1f}" if words else "UNDEF"
    yield f"Percent Word Accuracy     =  {accuracy}%\n"


def _word_lists(report: Report) -> Iterator[str]:
    lists: dict[str, Counter[str]] = {
        name: Counter()
        for name in ("CONFUSION PAIRS", "INSERTIONS", "DELETIONS", "SUBSTITUTIONS", _FALSE)
    }
    for aligned in filter(None, report.alignments):
        for letter, at, hyp_at in aligned.steps.errors():
            ref = "" if letter == "I" else aligned.reference.texts[at]
            hyp = "" if letter == "D" else aligned.hypothesis.texts[hyp_at]
            if letter == "S":
                lists["CONFUSION PAIRS"][f"{ref} ==> {hyp}"] += 1
                lists["SUBSTITUTIONS"][ref] += 1
                lists[_FALSE][hyp] += 1
            else:
                lists["INSERTIONS" if letter == "I" else "DELETIONS"][ref or hyp] += 1
    for name, words in lists.items():
        yield "\n"
        yield from _word_list(name, words)
        yield _NOTES.get(name, "\n")


def _word_list(name: str, words: Counter[str]) -> Iterator[str]:
    yield f"{name:<33}Total                 ({len(words)})\n"
    yield f"{'':33}With >=  1 occurrences ({len(words)})\n\n"
    ranked: Iterable[tuple[str, int]] = sorted(words.items(), key=lambda item: (-item[1], item[0]))
    for number, (word, count) in enumerate(ranked, start=1):
        yield f"{number:4}: {count:4}  ->  {word}\n"
    yield f"     -------\n{words.total():10}\n\n\n"
