"""What an alignment is made of: steps between two sequences of tokens, and what each costs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from rapidfuzz.distance import Opcodes

from training.scoring.counts import ErrorCounts

Op = Literal["hit", "sub", "del", "ins"]
UNIT_OPS: dict[str, Op] = {"equal": "hit", "replace": "sub", "delete": "del", "insert": "ins"}
"""The steps by rapidfuzz's names for them."""


class Costs(NamedTuple):
    """What an aligner pays for a substitution, a deletion and an insertion; a hit is free."""

    substitution: int
    deletion: int
    insertion: int


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


def counted(steps: Iterable[AlignedPair]) -> ErrorCounts:
    """The steps by what they are."""
    totals: dict[Op, int] = {"hit": 0, "sub": 0, "del": 0, "ins": 0}
    for step in steps:
        totals[step.op] += 1
    return ErrorCounts(
        hits=totals["hit"],
        substitutions=totals["sub"],
        deletions=totals["del"],
        insertions=totals["ins"],
    )


def numbered(reference: Sequence[str], hypothesis: Sequence[str]) -> tuple[list[int], list[int]]:
    """Both sequences as numbers, one for each different token."""
    ids: dict[str, int] = {}
    return (
        [ids.setdefault(token, len(ids)) for token in reference],
        [ids.setdefault(token, len(ids)) for token in hypothesis],
    )


def unit_steps(opcodes: Opcodes, ref: int = 0, hyp: int = 0) -> Iterator[AlignedPair]:
    """The steps of rapidfuzz's alignment of sequences that begin at ``ref`` and ``hyp``."""
    for code in opcodes:
        op = UNIT_OPS[code.tag]
        for step in range(max(code.src_end - code.src_start, code.dest_end - code.dest_start)):
            yield AlignedPair(
                op=op,
                ref_index=None if op == "ins" else ref + code.src_start + step,
                hyp_index=None if op == "del" else hyp + code.dest_start + step,
            )
