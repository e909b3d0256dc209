"""sclite's ``.pra``: every alignment, the words in error in capitals."""

from __future__ import annotations

from itertools import groupby, islice
from typing import TYPE_CHECKING

from batch.report.exports.sclite import name_of, system_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from batch.report.alignment import AlignedRecording
    from batch.report.model import Report, ScoredRecording


def alignment_lines(report: Report) -> Iterator[str]:
    """The ``.pra`` file: every alignment, words in error in capitals."""
    yield "\n\n\t\tDUMP OF SYSTEM ALIGNMENT STRUCTURE\n\n"
    yield f"System name:   {system_of(report)}\n\nSpeakers: \n"
    for number, (name, _) in enumerate(groupby(report.scored, key=name_of)):
        yield f"{number:5}:  {name}\n"
    pairs = zip(report.recordings, report.alignments, strict=True)
    scored = ((row, aligned) for row, aligned in pairs if aligned is not None)
    for number, (name, group) in enumerate(groupby(scored, key=lambda pair: name_of(pair[0]))):
        sentences = list(group)
        yield f"\nSpeaker sentences{number:4}:  {name}   #utts: {len(sentences)}\n"
        yield "\n".join(_sentence(row, aligned) for row, aligned in sentences)
    yield "\n\n"


def _columns(letter: str, said: Sequence[str], heard: Sequence[str]) -> tuple[str, str, str]:
    """Reference, hypothesis and letters of steps of one kind, each word in a column."""
    if letter == "=":
        text = " ".join(said) + " "
        return text, text, " " * len(text)
    ref, hyp = ([word.upper() for word in side] for side in (said, heard))
    ref, hyp = ref or [""] * len(hyp), hyp or [""] * len(ref)
    widths = [max(map(len, pair)) for pair in zip(ref, hyp, strict=True)]
    stars = [[word or "*" * w for word, w in zip(side, widths, strict=True)] for side in (ref, hyp)]
    rows = (*stars, [letter] * len(widths))
    first, second, third = ("".join(map("{:<{}} ".format, row, widths)) for row in rows)
    return first, second, third


def _sentence(row: ScoredRecording, aligned: AlignedRecording) -> str:
    counts = row.normalized
    numbers = (counts.hits, counts.substitutions, counts.deletions, counts.insertions)
    lines: tuple[list[str], ...] = ([], [], [])
    said, heard = iter(aligned.reference.texts), iter(aligned.hypothesis.texts)
    for letter, run in groupby(aligned.steps.letters):
        number = len(list(run))
        ref = [] if letter == "I" else list(islice(said, number))
        hyp = [] if letter == "D" else list(islice(heard, number))
        for line, text in zip(lines, _columns(letter, ref, hyp), strict=True):
            line.append(text)
    texts = ["".join(line) for line in lines]
    place = "" if row.channel is None else f"-{row.channel}"
    return (
        f"id: ({name_of(row)}{place})\nScores: (#C #S #D #I) {' '.join(map(str, numbers))}\n"
        f"REF:  {texts[0]}\nHYP:  {texts[1]}\nEval: {texts[2]}\n"
    )
