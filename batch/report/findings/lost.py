"""Lost speech: words in a row that were said and left out."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from batch.report.alignment import AlignedRecording

LEAST_WORDS = 5
_LOST = re.compile(f"D{{{LEAST_WORDS},}}")


@dataclass(frozen=True, kw_only=True, slots=True)
class LostSpeech:
    """Deletions in a row in one of ``report.recordings``.

    ``start`` and ``end`` are the gap in seconds, None where the words beside it have no times;
    ``word`` is the place of the first word among the reference's tokens.
    """

    recording: int
    word: int
    words: int
    start: float | None
    end: float | None
    text: str

    @property
    def seconds(self) -> float | None:
        """The length of the gap."""
        if self.start is None or self.end is None:
            return None
        return max(0.0, self.end - self.start)


def lost_speech(
    index: int, aligned: AlignedRecording, duration: float | None
) -> Iterator[LostSpeech]:
    """The runs of five or more deletions, in order; a hit or an insertion ends a run.

    A gap at the beginning starts at 0, one at the end reaches to ``duration`` (seconds).
    """
    heard, letters = aligned.hypothesis, aligned.steps.letters
    for run in _LOST.finditer(letters):
        before = letters[: run.start()]
        said = len(before) - before.count("I")
        spoken = len(before) - before.count("D")
        words = range(said, said + len(run.group()))
        yield LostSpeech(
            recording=index,
            word=said,
            words=len(words),
            start=heard.end(spoken - 1) if spoken else 0.0,
            end=heard.start(spoken) if spoken < len(heard) else duration,
            text=" ".join(map(aligned.reference.written, words)),
        )
