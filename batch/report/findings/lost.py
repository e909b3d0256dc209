"""Lost speech: words in a row that were said and left out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from batch.report.alignment import AlignedRecording

LEAST_WORDS = 5


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
    hypothesis, run = aligned.hypothesis, list[int]()
    spoken = 0
    for step in aligned.steps:
        if step.hyp_index is None and step.ref_index is not None:
            run.append(step.ref_index)
            continue
        if len(run) >= LEAST_WORDS:
            yield _lost(index, aligned, run, spoken, hypothesis[spoken].start)
        run.clear()
        spoken += 1
    if len(run) >= LEAST_WORDS:
        yield _lost(index, aligned, run, spoken, duration)


def _lost(
    index: int, aligned: AlignedRecording, run: list[int], spoken: int, end: float | None
) -> LostSpeech:
    start = aligned.hypothesis[spoken - 1].end if spoken else 0.0
    return LostSpeech(
        recording=index,
        word=run[0],
        words=len(run),
        start=start,
        end=end,
        text=" ".join(aligned.reference[at].written for at in run),
    )
