"""sclite's ``.pra``: every alignment, the words in error in capitals."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from batch.report.exports.sclite import name_of, system_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from batch.report.alignment import AlignedRecording
    from batch.report.model import Report, ScoredRecording
    from training.scoring import AlignedPair
    from training.scoring.steps import Op

_LETTERS = {"sub": "S", "del": "D", "ins": "I"}


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


def _columns(op: Op, run: list[AlignedPair], aligned: AlignedRecording) -> tuple[str, str, str]:
    """Reference, hypothesis and letters of steps of one kind, each word in a column."""
    said = [aligned.reference[s.ref_index].text for s in run if s.ref_index is not None]
    if op == "hit":
        text = " ".join(said) + " "
        return text, text, " " * len(text)
    ref = [word.upper() for word in said]
    hyp = [aligned.hypothesis[s.hyp_index].text.upper() for s in run if s.hyp_index is not None]
    ref, hyp = ref or [""] * len(hyp), hyp or [""] * len(ref)
    widths = [max(map(len, pair)) for pair in zip(ref, hyp, strict=True)]
    stars = [[word or "*" * w for word, w in zip(side, widths, strict=True)] for side in (ref, hyp)]
    rows = (*stars, [_LETTERS[op]] * len(widths))
    first, second, third = ("".join(map("{:<{}} ".format, row, widths)) for row in rows)
    return first, second, third


def _sentence(row: ScoredRecording, aligned: AlignedRecording) -> str:
    counts = row.normalized
    numbers = (counts.hits, counts.substitutions, counts.deletions, counts.insertions)
    lines: tuple[list[str], ...] = ([], [], [])
    for op, run in groupby(aligned.steps, key=lambda step: step.op):
        for line, text in zip(lines, _columns(op, list(run), aligned), strict=True):
            line.append(text)
    texts = ["".join(line) for line in lines]
    place = "" if row.channel is None else f"-{row.channel}"
    return (
        f"id: ({name_of(row)}{place})\nScores: (#C #S #D #I) {' '.join(map(str, numbers))}\n"
        f"REF:  {texts[0]}\nHYP:  {texts[1]}\nEval: {texts[2]}\n"
    )
