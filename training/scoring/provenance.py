"""Which written words a normalised token comes from: "25" from "twenty" and "five"."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain, groupby
from typing import TYPE_CHECKING

from training.scoring.align import UNIT, AlignedPair, Aligner, Steps, align
from training.scoring.marked import NOTHING, LeftOut, MarkedTokens, align_marked
from training.scoring.marks import stretches_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from training.scoring.marks import Choice, Stretch
    from training.scoring.normalize import Normalizer


@dataclass(frozen=True, kw_only=True, slots=True)
class TracedToken:
    """A normalised token and the written words behind it: ``words[first : last + 1]``."""

    text: str
    first: int
    last: int


@dataclass(frozen=True, kw_only=True, slots=True)
class TracedTokens:
    """Tokens in columns: ``first[i]`` and ``last[i]`` are the written words of ``texts[i]``."""

    texts: tuple[str, ...] = ()
    first: Sequence[int] = ()
    last: Sequence[int] = ()

    def __len__(self) -> int:
        return len(self.texts)

    def __iter__(self) -> Iterator[TracedToken]:
        for text, first, last in zip(self.texts, self.first, self.last, strict=True):
            yield TracedToken(text=text, first=first, last=last)


@dataclass(frozen=True, kw_only=True, slots=True)
class TracedAlignment:
    """The tokens of both sides that count, each with its written words, and the steps between."""

    reference: TracedTokens
    hypothesis: TracedTokens
    ops: Steps
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
    aligned = align(said.texts, heard.texts, aligner)
    return TracedAlignment(reference=said, hypothesis=heard, ops=aligned.ops)


def _marked_traced(
    stretches: Sequence[Stretch],
    heard: TracedTokens,
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
    found = align_marked(tokens, heard.texts, aligner)
    every = [token for choices in traced for choice in choices for token in choice]
    return TracedAlignment(
        reference=_columns(every[at] for at in found.reference),
        hypothesis=TracedTokens(
            texts=tuple(heard.texts[at] for at in found.hypothesis),
            first=[heard.first[at] for at in found.hypothesis],
            last=[heard.last[at] for at in found.hypothesis],
        ),
        ops=found.steps,
        left_out=found.left_out,
    )


def _trace_choice(choice: Choice, normalizer: Normalizer) -> list[TracedToken]:
    return [
        TracedToken(text=one.text, first=choice.first + one.first, last=choice.first + one.last)
        for one in trace(choice.words, normalizer)
    ]


def _columns(tokens: Iterable[TracedToken]) -> TracedTokens:
    found = list(tokens)
    return TracedTokens(
        texts=tuple(one.text for one in found),
        first=[one.first for one in found],
        last=[one.last for one in found],
    )


def trace(words: Sequence[str], normalizer: Normalizer) -> TracedTokens:
    """The tokens of the normalised text, each with the range of words that it was made from.

    A normaliser gives no offsets. Each word is therefore normalised alone as well, and the two
    token sequences are aligned: where they agree the word is known exactly, and where words only
    mean something together ("twenty five", "25") the whole stretch shares the words' range.
    """
    if not words:
        return TracedTokens()
    tokens = tuple(normalizer(" ".join(words)).split())
    of_word = normalizer.alone
    parts = [of_word[word] for word in words]
    alone = tuple(chain.from_iterable(parts))
    sources: Sequence[int] = range(len(words))
    if set(map(len, parts)) != {1}:
        sources = [at for at, part in enumerate(parts) for _ in part]
    if alone == tokens:
        return TracedTokens(texts=alone, first=sources, last=sources)
    return _columns(_traced(align(alone, tokens).ops, sources, tokens))


def _traced(
    steps: Iterable[AlignedPair], sources: Sequence[int], tokens: Sequence[str]
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
