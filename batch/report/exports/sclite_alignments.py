"""sclite's ``.pra``: every alignment, the words in error in capitals."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from batch.report.exports.sclite import name_of, speakers, system_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from batch.report.alignment import AlignedRecording
    from batch.report.model import Report, ScoredRecording

_LETTERS = {"hit": "", "sub": "S", "del": "D", "ins": "I"}


def alignment_lines(report: Report) -> Iterator[str]:
    """The ``.pra`` file: every alignment, words in error in capitals."""
    yield "\n\n\t\tDUMP OF SYSTEM ALIGNMENT STRUCTURE\n\n"
    yield f"System name:   {system_of(report)}\n\nSpeakers: \n"
    for number, speaker in enumerate(speakers(report)):
        yield f"{number:5}:  {speaker.name}\n"
    pairs = zip(report.recordings, report.alignments, strict=True)
    scored = ((row, aligned) for row, aligned in pairs if aligned is not None)
    for number, (name, group) in enumerate(groupby(scored, key=lambda pair: name_of(pair[0]))):
        sentences = list(group)
        yield f"\nSpeaker sentences{number:4}:  {name}   #utts: {len(sentences)}\n"
        yield "\n".join(_sentence(row, aligned) for row, aligned in sentences)
    yield "\n\n"


def _sentence(row: ScoredRecording, aligned: AlignedRecording) -> str:
    counts = row.normalized
    numbers = (counts.hits, counts.substitutions, counts.deletions, counts.insertions)
    lines: tuple[list[str], ...] = ([], [], [])
    for step in aligned.steps:
        ref = aligned.reference[step.ref_index].text if step.ref_index is not None else None
        hyp = aligned.hypothesis[step.hyp_index].text if step.hyp_index is not None else None
        if step.op != "hit":
            ref, hyp = ref and ref.upper(), hyp and hyp.upper()
        ref, hyp = ref or "*" * len(hyp or ""), hyp or "*" * len(ref or "")
        width = max(len(ref), len(hyp))
        for line, word in zip(lines, (ref, hyp, _LETTERS[step.op]), strict=True):
            line.append(f"{word:<{width}} ")
    texts = ["".join(line) for line in lines]
    place = "" if row.channel is None else f"-{row.channel}"
    return (
        f"id: ({name_of(row)}{place})\nScores: (#C #S #D #I) {' '.join(map(str, numbers))}\n"
        f"REF:  {texts[0]}\nHYP:  {texts[1]}\nEval: {texts[2]}\n"
    )
