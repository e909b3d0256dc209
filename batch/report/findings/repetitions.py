"""Phrases that a model caught in a loop writes over and over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from batch.report.alignment import AlignedRecording

LEAST_TIMES = 3
MOST_WORDS = 8
"""Longest phrase that is looked for, in words."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Repetition:
    """A phrase written ``times`` times in a row; ``start`` is the first one's second.

    ``word`` is its place among the hypothesis's tokens.
    """

    recording: int
    word: int
    phrase: str
    times: int
    words: int
    start: float | None


def repetitions(index: int, aligned: AlignedRecording) -> Iterator[Repetition]:
    """Phrases of up to eight words written three times in a row where the reference does not.

    The reference repeats a phrase where it holds it three times in a row itself, anywhere in the
    recording. A phrase made of a shorter one that was found is not found again.
    """
    words = aligned.hypothesis.texts
    # Each of the two extra times costs at least one word that stands there already.
    if len(set(words)) > len(words) - (LEAST_TIMES - 1):
        return
    said = aligned.reference.texts
    known = {said[at : at + size] for at, size, _ in _loops(said)}
    for at, size, times in _loops(words):
        if words[at : at + size] not in known:
            yield Repetition(
                recording=index,
                word=at,
                phrase=" ".join(words[at : at + size]),
                times=times,
                words=size * times,
                start=aligned.hypothesis.start(at),
            )


def _loops(words: Sequence[str]) -> Iterator[tuple[int, int, int]]:
    """Where a phrase begins that is repeated, its length, and how often it stands there."""
    taken: set[int] = set()
    for size in range(1, MOST_WORDS + 1):
        begin = 0
        for at in range(len(words) - size + 1):
            same = at + size < len(words) and words[at] == words[at + size]
            if same:
                continue
            # Words [begin, at + size) repeat with this period.
            times = (at + size - begin) // size
            if times >= LEAST_TIMES and begin not in taken:
                taken.update(range(begin, at + size))
                yield begin, size, times
            begin = at + 1
