"""Which written words a normalised token comes from: "25" from "twenty" and "five"."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from training.scoring.align import AlignedPair, align

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from training.scoring.normalize import Normalizer


@dataclass(frozen=True, kw_only=True, slots=True)
class TracedToken:
    """A normalised token and the written words behind it: ``words[first : last + 1]``."""

    text: str
    first: int
    last: int


def trace(words: Sequence[str], normalizer: Normalizer) -> tuple[TracedToken, ...]:
    """The tokens of the normalised text, each with the range of words that it was made from.

    A normaliser gives no offsets. Each word is therefore normalised alone as well, and the two
    token sequences are aligned: where they agree the word is known exactly, and where words only
    mean something together ("twenty five", "25") the whole stretch shares the words' range.
    """
    if not words:
        return ()
    tokens = normalizer(" ".join(words)).split()
    alone = [(part, at) for at, word in enumerate(words) for part in normalizer(word).split()]
    steps = align([part for part, _ in alone], tokens).ops
    return tuple(_traced(steps, [at for _, at in alone], tokens))


def _traced(
    steps: Sequence[AlignedPair], sources: Sequence[int], tokens: Sequence[str]
) -> Iterator[TracedToken]:
    near = 0
    for agrees, group in groupby(steps, key=lambda step: step.op == "hit"):
        stretch = list(group)
        spans = [sources[step.ref_index] for step in stretch if step.ref_index is not None]
        # A stretch made from nothing of its own belongs to the word before it.
        first, last = (spans[0], spans[-1]) if spans else (near, near)
        made = (step.hyp_index for step in stretch if step.hyp_index is not None)
        for place, index in enumerate(made):
            exact = (spans[place], spans[place]) if agrees else (first, last)
            yield TracedToken(text=tokens[index], first=exact[0], last=exact[1])
        near = last
