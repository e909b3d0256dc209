"""Scoring of transcripts: normalise, align, count. Everything is counts; rates are derived.

No module in here imports torch: reports and small machines score without a model stack.
"""

from training.scoring.align import (
    ALIGNER_NAME,
    ALIGNERS,
    SCLITE,
    UNIT,
    AlignedPair,
    Aligner,
    Alignment,
    Steps,
    align,
    aligner_named,
    count_errors,
)
from training.scoring.counts import ErrorCounts, sum_counts
from training.scoring.custom import NO_RULES, CustomRules
from training.scoring.labels import AsWritten, WrittenError, WrittenErrors, written_errors
from training.scoring.languages import Unit, unit_for
from training.scoring.marked import NOTHING, LeftOut
from training.scoring.normalize import (
    Normalizer,
    normalizer_for,
    normalizer_named,
    raw_tokens,
)
from training.scoring.provenance import (
    TracedAlignment,
    TracedToken,
    TracedTokens,
    align_traced,
    trace,
)
from training.scoring.rules import DEFAULT_RULES, ScoringRules
from training.scoring.score import PairScore, ScoredPair, corpus_score, score_pair, score_pairs
from training.scoring.tallying import Tally, tally

__all__ = [
    "ALIGNERS",
    "ALIGNER_NAME",
    "DEFAULT_RULES",
    "NOTHING",
    "NO_RULES",
    "SCLITE",
    "UNIT",
    "AlignedPair",
    "Aligner",
    "Alignment",
    "AsWritten",
    "CustomRules",
    "ErrorCounts",
    "LeftOut",
    "Normalizer",
    "PairScore",
    "ScoredPair",
    "ScoringRules",
    "Steps",
    "Tally",
    "TracedAlignment",
    "TracedToken",
    "TracedTokens",
    "Unit",
    "WrittenError",
    "WrittenErrors",
    "align",
    "align_traced",
    "aligner_named",
    "corpus_score",
    "count_errors",
    "normalizer_for",
    "normalizer_named",
    "raw_tokens",
    "score_pair",
    "score_pairs",
    "sum_counts",
    "tally",
    "trace",
    "unit_for",
    "written_errors",
]
