"""Word alignment at unit costs, equal to jiwer's down to the split into S, D and I."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import rapidfuzz
from rapidfuzz.distance import Levenshtein

from training.scoring.counts import ErrorCounts

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rapidfuzz.distance import Opcodes

ALIGNER_NAME = f"rapidfuzz {rapidfuzz.__version__}, unit costs"

Op = Literal["hit", "sub", "del", "ins"]
_OPS: dict[str, Op] = {"equal": "hit", "replace": "sub", "delete": "del", "insert": "ins"}


@dataclass(frozen=True, kw_only=True, slots=True)
class AlignedPair:
    """One step of an alignment: indexes into the two token sequences.

    ``ref_index`` is None for an insertion, ``hyp_index`` for a deletion.
    """

    op: Op
    ref_index: int | None
    hyp_index: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Alignment:
    """The steps of one pair, in order: each token of both sides stands in exactly one."""

    ops: tuple[AlignedPair, ...]
    counts: ErrorCounts


def align(reference: Sequence[str], hypothesis: Sequence[str]) -> Alignment:
    """The cheapest alignment of two token sequences, 1 for each substitution, deletion, insertion.

    Of several cheapest ones it is rapidfuzz's choice, which is also jiwer 4's; sclite weighs 4/3/3
    and may find other totals. Time grows with the product of the lengths over 64 (bit-parallel),
    memory with the number of tokens.
    """
    opcodes = _opcodes(reference, hypothesis)
    return Alignment(ops=tuple(_steps(opcodes)), counts=_counts(opcodes))


def count_errors(reference: Sequence[str], hypothesis: Sequence[str]) -> ErrorCounts:
    """What ``align`` counts, without building the steps. Strings count by character."""
    return _counts(_opcodes(reference, hypothesis))


def _opcodes(reference: Sequence[str], hypothesis: Sequence[str]) -> Opcodes:
    # rapidfuzz compares the hashes of list items. Small integers are their own hashes, so two
    # different words can never be taken for one; jiwer maps words to integers in the same way.
    ids: dict[str, int] = {}
    return Levenshtein.opcodes(
        [ids.setdefault(token, len(ids)) for token in reference],
        [ids.setdefault(token, len(ids)) for token in hypothesis],
    )


def _counts(opcodes: Opcodes) -> ErrorCounts:
    totals: dict[Op, int] = dict.fromkeys(_OPS.values(), 0)
    for code in opcodes:
        length = max(code.src_end - code.src_start, code.dest_end - code.dest_start)
        totals[_OPS[code.tag]] += length
    return ErrorCounts(
        hits=totals["hit"],
        substitutions=totals["sub"],
        deletions=totals["del"],
        insertions=totals["ins"],
    )


def _steps(opcodes: Opcodes) -> Iterator[AlignedPair]:
    for code in opcodes:
        op = _OPS[code.tag]
        for step in range(max(code.src_end - code.src_start, code.dest_end - code.dest_start)):
            yield AlignedPair(
                op=op,
                ref_index=None if op == "ins" else code.src_start + step,
                hyp_index=None if op == "del" else code.dest_start + step,
            )
