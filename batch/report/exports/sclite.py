"""What the files in sclite's forms share: names, speakers, sentences.

``.pra``, ``.sys`` and ``.dtl`` are laid out after the examples in the documentation of NIST's SCTK
(doc/outputs.htm) and its test data. A *speaker* is a recording, a *sentence* one of its
transcripts: the recording's, or a channel's. Alignments are the report's own, so counts are those
of the page and need not be those that sclite would find.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from training.scoring import ErrorCounts, sum_counts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from batch.report.model import Report, ScoredRecording

# A name is one word without parentheses: that is how readers of these files find its end.
_NOT_IN_NAMES = re.compile(r"[\s()\x00-\x1f]+")


@dataclass(frozen=True, kw_only=True, slots=True)
class Speaker:
    """A recording: its sentences, how many of them have errors, and their counts."""

    name: str
    sentences: int
    with_errors: int
    counts: ErrorCounts

    def cells(self) -> tuple[float, ...]:
        """Per cent correct, S, D, I, errors and sentences; counts where nothing was said."""
        counts = self.counts
        parts = (counts.hits, counts.substitutions, counts.deletions, counts.insertions)
        scale = 100 / counts.reference_words if counts.reference_words else 1
        wrong = 100 * self.with_errors / self.sentences
        return (*(scale * part for part in parts), scale * counts.errors, wrong)


def name_of(row: ScoredRecording) -> str:
    """The speaker that a recording is."""
    return _NOT_IN_NAMES.sub("_", row.path)


def system_of(report: Report) -> str:
    """The system that a run is."""
    return _NOT_IN_NAMES.sub("_", report.facts.run_id)


def speakers(report: Report) -> Iterator[Speaker]:
    """The scored recordings, channels of one recording together."""
    for name, group in groupby(report.scored, key=name_of):
        rows = list(group)
        yield Speaker(
            name=name,
            sentences=len(rows),
            with_errors=sum(row.normalized.errors > 0 for row in rows),
            counts=rows[0].normalized if len(rows) == 1 else sum_counts(r.normalized for r in rows),
        )
