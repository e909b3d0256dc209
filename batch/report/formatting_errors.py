"""Errors that normalising takes away, word by word as written: ``errors.parquet`` has them too."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

from batch.report.alignment import WordError
from training.scoring import raw_tokens
from training.scoring.marks import may_mark

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from batch.report.alignment import AlignedRecording
    from training.scoring import Unit, WrittenError

_KINDS = {"sub": "S", "del": "D", "ins": "I"}
_Times = tuple[float | None, float | None]


def formatting_errors(
    reference: str, hypothesis: str, aligned: AlignedRecording, unit: Unit
) -> Iterator[WordError]:
    """The *formatting* errors between two texts as written, in order, in written words.

    The times are those of the transcript's word; a word that was left out has none. In languages
    without spaces the written words are characters, which have no times.
    """
    found = [one for one in aligned.written if one.label == "formatting"]
    if not found:
        return
    said, heard = raw_tokens(reference), raw_tokens(hypothesis)
    by_character = unit == "character" and not may_mark(said)
    if by_character:
        said, heard = tuple("".join(said)), tuple("".join(heard))
    times = [] if by_character else list(_times(aligned))
    for one in found:
        yield _error(one, said, heard, times)


def _error(
    one: WrittenError,
    said: Sequence[str],
    heard: Sequence[str],
    times: Sequence[tuple[int, int, _Times]],
) -> WordError:
    ref, hyp = one.step.ref_index, one.step.hyp_index
    start, end = (None, None) if hyp is None else _at(hyp, times)
    return WordError(
        kind=_KINDS[one.step.op],  # type: ignore[arg-type] # no hit is an error
        reference_word=None if ref is None else said[ref],
        hypothesis_word=None if hyp is None else heard[hyp],
        start=start,
        end=end,
    )


def _times(aligned: AlignedRecording) -> Iterator[tuple[int, int, _Times]]:
    """First and last written word of each scored token of the transcript, and when it was said."""
    for token in aligned.hypothesis:
        yield token.first, token.last, (token.start, token.end)


def _at(word: int, times: Sequence[tuple[int, int, _Times]]) -> _Times:
    """When a written word was said: of one that is not scored (a filler), the gap that it is in."""
    after = bisect_right(times, word, key=lambda one: one[0])
    if after and word <= times[after - 1][1]:
        return times[after - 1][2]
    before = times[after - 1][2][1] if after else None
    return before, times[after][2][0] if after < len(times) else None
