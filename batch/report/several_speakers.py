"""Mixes against references of several speakers: their ORC-WER, and meeteval's where it is there.

The optimal reference combination (Sklyar et al. 2022, "Multi-turn RNN-T for streaming recognition
of multi-party speech") assigns each utterance to the output stream that fits it best, in the order
of their starts. A mix has one stream, so its ORC-WER is the WER of the report. meeteval counts it
by its own aligner, from the same tokens: who compares systems has the figure of the field's tool.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from training.scoring import ErrorCounts, sum_counts

if TYPE_CHECKING:
    from batch.report.alignment import AlignedRecording
    from batch.report.model import Report

PACKAGE = "meeteval"


@dataclass(frozen=True, kw_only=True)
class SeveralSpeakers:
    """The counts of the scored mixes whose references name several speakers.

    ``meeteval`` is None where the package (``pip install nightscribe[meeteval]``) is not installed.
    """

    recordings: int
    counts: ErrorCounts
    meeteval: ErrorCounts | None = None

    def as_json(self) -> dict[str, Any]:
        """Both rates with their counts, meeteval's with its version."""
        found: dict[str, Any] = {"recordings": self.recordings, "orc_wer": self.counts.as_json()}
        if self.meeteval is not None:
            found["meeteval"] = {"version": version(PACKAGE), "orc_wer": self.meeteval.as_json()}
        return found


def several_speakers(report: Report) -> SeveralSpeakers | None:
    """The figures; None where no scored mix has a reference of several speakers."""
    rows = zip(report.recordings, report.alignments, strict=True)
    chosen = [
        (row.normalized, aligned, row.turns)
        for row, aligned in rows
        if aligned is not None and row.turns
    ]
    if not chosen:
        return None
    theirs = None
    if _installed():
        theirs = sum_counts(_by_meeteval(aligned, turns) for _, aligned, turns in chosen)
    return SeveralSpeakers(
        recordings=len(chosen), counts=sum_counts(own for own, _, _ in chosen), meeteval=theirs
    )


def _installed() -> bool:
    try:
        version(PACKAGE)
    except PackageNotFoundError:
        return False
    return True


def _by_meeteval(aligned: AlignedRecording, turns: Sequence[int]) -> ErrorCounts:
    """``turns`` is how many written words each utterance of the reference has."""
    from meeteval.wer import orc_word_error_rate  # noqa: PLC0415 - optional, and imports scipy

    ends = list(accumulate(turns))
    said: list[list[str]] = [[] for _ in turns]
    for token in aligned.reference:
        said[bisect_right(ends, token.first)].append(token.text)
    heard = " ".join(token.text for token in aligned.hypothesis)
    found = orc_word_error_rate([" ".join(one) for one in said], [heard])
    return ErrorCounts(
        hits=found.length - found.substitutions - found.deletions,
        substitutions=found.substitutions,
        deletions=found.deletions,
        insertions=found.insertions,
    )
