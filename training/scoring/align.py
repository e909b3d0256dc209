"""Word alignment: at unit costs as jiwer does it, or at sclite's 4/3/3."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Literal

import rapidfuzz

from training.scoring.counts import ErrorCounts
from training.scoring.sclite import sclite_letters
from training.scoring.steps import (
    AlignedPair,
    Alignment,
    Costs,
    Steps,
    numbered,
    unit_edits,
    unit_letters,
)

__all__ = [
    "ALIGNERS",
    "ALIGNER_NAME",
    "SCLITE",
    "UNIT",
    "AlignedPair",
    "Aligner",
    "Alignment",
    "Costs",
    "Steps",
    "align",
    "aligner_named",
    "count_errors",
]


@dataclass(frozen=True, kw_only=True, slots=True)
class Aligner:
    """A rule of alignment: ``unit`` or ``sclite``."""

    key: Literal["unit", "sclite"]
    costs: Costs

    @property
    def name(self) -> str:
        """The rule, with what carries it out and so breaks its ties, as reports print it."""
        if self.key == "unit":
            return f"rapidfuzz {rapidfuzz.__version__}, unit costs"
        return f"kaldialign {version('kaldialign')}, sclite's costs 4/3/3"


UNIT = Aligner(key="unit", costs=Costs(substitution=1, deletion=1, insertion=1))
SCLITE = Aligner(key="sclite", costs=Costs(substitution=4, deletion=3, insertion=3))
ALIGNERS = {"unit": UNIT, "sclite": SCLITE}
ALIGNER_NAME = UNIT.name


def aligner_named(name: str) -> Aligner:
    """The aligner with exactly this name, as written beside earlier scores.

    Raises:
        ValueError: this installation has no such aligner.
    """
    for aligner in ALIGNERS.values():
        if aligner.name == name:
            return aligner
    known = " and ".join(f'"{aligner.name}"' for aligner in ALIGNERS.values())
    raise ValueError(
        f'no aligner "{name}" here: this installation has {known}. '
        "Score the run again to use one of these."
    )


def align(
    reference: Sequence[str], hypothesis: Sequence[str], aligner: Aligner = UNIT
) -> Alignment:
    """The cheapest alignment of two token sequences.

    ``UNIT`` pays 1 for each error. Of several cheapest alignments it is rapidfuzz's choice, which
    is also jiwer 4's. Time grows with the product of the lengths over 64 (bit-parallel), memory
    with the number of tokens. rapidfuzz tells tokens apart by Python's hashes of 64 bits, keyed
    anew in each process: of a million different words two share one in 3 of 10^8 cases.

    ``SCLITE`` pays 4 for a substitution and 3 for the others, as sclite does (SCTK,
    doc/sclite.htm); ties are broken as kaldialign breaks them. Its memory grows with the product,
    so more than 4 million pairs of tokens are cut in the middle of runs on which both agree.
    """
    if aligner.key == "unit":
        return Alignment(ops=Steps(unit_letters(reference, hypothesis)))
    return Alignment(ops=Steps(sclite_letters(*numbered(reference, hypothesis))))


def count_errors(
    reference: Sequence[str], hypothesis: Sequence[str], aligner: Aligner = UNIT
) -> ErrorCounts:
    """What ``align`` counts, without building the steps. Strings count by character."""
    if aligner.key == "sclite":
        return align(reference, hypothesis, aligner).counts
    if reference == hypothesis:
        return ErrorCounts(hits=len(reference))
    edits = unit_edits(reference, hypothesis)
    substitutions = [edit[0] for edit in edits].count("replace")
    gaps, longer = len(edits) - substitutions, len(reference) - len(hypothesis)
    deletions = (gaps + longer) // 2
    return ErrorCounts(
        hits=len(reference) - substitutions - deletions,
        substitutions=substitutions,
        deletions=deletions,
        insertions=gaps - deletions,
    )
