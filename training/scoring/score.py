"""Scores of reference and hypothesis pairs, and of a corpus of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from training.scoring.align import UNIT, Aligner, count_errors
from training.scoring.counts import ErrorCounts, sum_counts
from training.scoring.marked import NOTHING, LeftOut, MarkedTokens, align_marked
from training.scoring.marks import stretches_of
from training.scoring.normalize import raw_tokens

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from training.scoring.marks import Stretch
    from training.scoring.normalize import Normalizer


@dataclass(frozen=True, kw_only=True, slots=True)
class PairScore:
    """One pair counted three ways.

    ``raw`` counts words as written, case and punctuation included. ``normalized`` counts words
    after the normaliser. ``characters`` counts characters of the normalised text, the spaces
    between words included, as jiwer's CER does. In languages without spaces all three count
    characters, and no spaces. ``left_out`` is what the reference's marks keep out of all of them.
    """

    raw: ErrorCounts
    normalized: ErrorCounts
    characters: ErrorCounts
    left_out: LeftOut = NOTHING

    @property
    def formatting_errors(self) -> int:
        """Raw errors that normalising takes away: case, punctuation, numbers, spelling variants.

        Rarely below 0: one contraction written out can make two words wrong where one was.
        """
        return self.raw.errors - self.normalized.errors


@dataclass(frozen=True, kw_only=True, slots=True)
class ScoredPair:
    """A reference, its hypothesis and what was counted."""

    reference: str
    hypothesis: str
    score: PairScore


def score_pair(
    reference_text: str, hypothesis_text: str, normalizer: Normalizer, *, aligner: Aligner = UNIT
) -> PairScore:
    """The counts of one pair; an empty hypothesis is all deletions, an empty reference no rate.

    Characters are aligned at unit costs whatever the ``aligner``: sclite has no rule for letters.
    """
    said, heard = raw_tokens(reference_text), raw_tokens(hypothesis_text)
    # Most references mark nothing; to look at each of their words would take as long as scoring.
    marked = "(" in reference_text or "{" in reference_text
    if marked and (stretches := stretches_of(said)):
        return _score_marked(stretches, hypothesis_text, normalizer, aligner)
    reference, hypothesis = normalizer(reference_text).split(), normalizer(hypothesis_text).split()
    if normalizer.unit == "character":
        said, heard = tuple("".join(said)), tuple("".join(heard))
    return PairScore(
        raw=count_errors(said, heard, aligner),
        normalized=count_errors(reference, hypothesis, aligner),
        characters=_characters(reference, hypothesis, normalizer),
    )


def _characters(
    reference: Sequence[str], hypothesis: Sequence[str], normalizer: Normalizer
) -> ErrorCounts:
    space = "" if normalizer.unit == "character" else " "
    return count_errors(space.join(reference), space.join(hypothesis))


def _score_marked(
    stretches: Sequence[Stretch], hypothesis: str, normalizer: Normalizer, aligner: Aligner
) -> PairScore:
    def written(text: str) -> Sequence[str]:
        words = raw_tokens(text)
        return tuple("".join(words)) if normalizer.unit == "character" else words

    def scored(text: str) -> Sequence[str]:
        return normalizer(text).split()

    raw = align_marked(marked_tokens(stretches, written), written(hypothesis), aligner)
    tokens, heard = marked_tokens(stretches, scored), scored(hypothesis)
    aligned = align_marked(tokens, heard, aligner)
    every = [token for one in tokens for choice in one.choices for token in choice]
    return PairScore(
        raw=raw.steps.counts,
        normalized=aligned.steps.counts,
        characters=_characters(
            [every[at] for at in aligned.reference],
            [heard[at] for at in aligned.hypothesis],
            normalizer,
        ),
        left_out=aligned.left_out,
    )


def marked_tokens(
    stretches: Iterable[Stretch], tokens_of: Callable[[str], Sequence[str]]
) -> list[MarkedTokens]:
    """Stretches with the tokens that a rule makes of each of their choices."""
    return [
        MarkedTokens(
            stretch=stretch,
            choices=tuple(tuple(tokens_of(" ".join(one.words))) for one in stretch.choices),
        )
        for stretch in stretches
    ]


def score_pairs(
    pairs: Iterable[tuple[str, str]], normalizer: Normalizer, *, aligner: Aligner = UNIT
) -> Iterator[ScoredPair]:
    """The scores of (reference, hypothesis) pairs, one at a time and in order."""
    for reference, hypothesis in pairs:
        score = score_pair(reference, hypothesis, normalizer, aligner=aligner)
        yield ScoredPair(reference=reference, hypothesis=hypothesis, score=score)


def corpus_score(scores: Iterable[PairScore]) -> PairScore:
    """The counts of many pairs added up: a corpus rate is never an average of rates."""
    scores = tuple(scores)
    return PairScore(
        raw=sum_counts(score.raw for score in scores),
        normalized=sum_counts(score.normalized for score in scores),
        characters=sum_counts(score.characters for score in scores),
        left_out=sum((score.left_out for score in scores), start=NOTHING),
    )
