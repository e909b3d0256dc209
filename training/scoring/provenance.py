"""Which written words a normalised token comes from: "25" from "twenty" and "five"."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from training.scoring.align import UNIT, AlignedPair, Aligner, align
from training.scoring.marked import NOTHING, LeftOut, MarkedTokens, align_marked
from training.scoring.marks import stretches_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from training.scoring.marks import Choice, Stretch
    from training.scoring.normalize import Normalizer


@dataclass(frozen=True, kw_only=True, slots=True)
class TracedToken:
    """A normalised token and the written words behind it: ``words[first : last + 1]``."""

    text: str
    first: int
    last: int


@dataclass(frozen=True, kw_only=True, slots=True)
class TracedAlignment:
    """The tokens of both sides that count, each with its written words, and the steps between."""

    reference: tuple[TracedToken, ...]
    hypothesis: tuple[TracedToken, ...]
    ops: tuple[AlignedPair, ...]
    left_out: LeftOut = NOTHING


def align_traced(
    reference: Sequence[str],
    hypothesis: Sequence[str],
    normalizer: Normalizer,
    aligner: Aligner = UNIT,
) -> TracedAlignment:
    """The alignment that ``score_pair`` counts, with the written words behind each token.

    Both sides are written words. Tokens that do not count are not among those returned: fillers,
    alternatives that were not taken, what lies in an unscored region.
    """
    heard = trace(hypothesis, normalizer)
    if stretches := stretches_of(reference):
        return _marked_traced(stretches, heard, normalizer, aligner)
    said = trace(reference, normalizer)
    aligned = align([token.text for token in said], [token.text for token in heard], aligner)
    return TracedAlignment(reference=said, hypothesis=heard, ops=aligned.ops)


def _marked_traced(
    stretches: Sequence[Stretch],
    heard: Sequence[TracedToken],
    normalizer: Normalizer,
    aligner: Aligner,
) -> TracedAlignment:
    traced = [
        [_trace_choice(choice, normalizer) for choice in stretch.choices] for stretch in stretches
    ]
    tokens = [
        MarkedTokens(
            stretch=stretch, choices=tuple(tuple(one.text for one in choice) for choice in choices)
        )
        for stretch, choices in zip(stretches, traced, strict=True)
    ]
    found = align_marked(tokens, [token.text for token in heard], aligner)
    every = [token for choices in traced for choice in choices for token in choice]
    return TracedAlignment(
        reference=tuple(every[at] for at in found.reference),
        hypothesis=tuple(heard[at] for at in found.hypothesis),
        ops=found.steps,
        left_out=found.left_out,
    )


def _trace_choice(choice: Choice, normalizer: Normalizer) -> list[TracedToken]:
    return [
        TracedToken(text=one.text, first=choice.first + one.first, last=choice.first + one.last)
        for one in trace(choice.words, normalizer)
    ]


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
    if len(alone) == len(tokens) and all(
        part == token for (part, _), token in zip(alone, tokens, strict=True)
    ):
        return tuple(TracedToken(text=part, first=at, last=at) for part, at in alone)
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
