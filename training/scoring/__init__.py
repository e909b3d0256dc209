"""Scoring of transcripts: normalise, align, count. Everything is counts; rates are derived.

No module in here imports torch: reports and small machines score without a model stack.
"""

from training.scoring.align import ALIGNER_NAME, AlignedPair, Alignment, align, count_errors
from training.scoring.counts import ErrorCounts, sum_counts
from training.scoring.normalize import (
    Normalizer,
    normalizer_for,
    normalizer_named,
    raw_tokens,
)
from training.scoring.provenance import TracedToken, trace
from training.scoring.score import PairScore, ScoredPair, corpus_score, score_pair, score_pairs

__all__ = [
    "ALIGNER_NAME",
    "AlignedPair",
    "Alignment",
    "ErrorCounts",
    "Normalizer",
    "PairScore",
    "ScoredPair",
    "TracedToken",
    "align",
    "corpus_score",
    "count_errors",
    "normalizer_for",
    "normalizer_named",
    "raw_tokens",
    "score_pair",
    "score_pairs",
    "sum_counts",
    "trace",
]
