"""Scores of reference and hypothesis pairs, and of a corpus of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from training.scoring.align import count_errors
from training.scoring.counts import ErrorCounts, sum_counts
from training.scoring.normalize import clean, raw_tokens

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from training.scoring.normalize import Normalizer


@dataclass(frozen=True, kw_only=True, slots=True)
class PairScore:
    """One pair counted three ways.

    ``raw`` counts words as written, case and punctuation included. ``normalized`` counts words
    after the normaliser. ``characters`` counts characters of the normalised text, the spaces
    between words included, as jiwer's CER does.
    """

    raw: ErrorCounts
    normalized: ErrorCounts
    characters: ErrorCounts

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


def score_pair(reference_text: str, hypothesis_text: str, normalizer: Normalizer) -> PairScore:
    """The counts of one pair; an empty hypothesis is all deletions, an empty reference no rate."""
    # Rules may leave any white space behind; one space between words makes the CER well defined.
    reference, hypothesis = clean(normalizer(reference_text)), clean(normalizer(hypothesis_text))
    return PairScore(
        raw=count_errors(raw_tokens(reference_text), raw_tokens(hypothesis_text)),
        normalized=count_errors(reference.split(), hypothesis.split()),
        characters=count_errors(reference, hypothesis),
    )


def score_pairs(pairs: Iterable[tuple[str, str]], normalizer: Normalizer) -> Iterator[ScoredPair]:
    """The scores of (reference, hypothesis) pairs, one at a time and in order."""
    for reference, hypothesis in pairs:
        score = score_pair(reference, hypothesis, normalizer)
        yield ScoredPair(reference=reference, hypothesis=hypothesis, score=score)


def corpus_score(scores: Iterable[PairScore]) -> PairScore:
    """The counts of many pairs added up: a corpus rate is never an average of rates."""
    scores = tuple(scores)
    return PairScore(
        raw=sum_counts(score.raw for score in scores),
        normalized=sum_counts(score.normalized for score in scores),
        characters=sum_counts(score.characters for score in scores),
    )
