"""What an alignment is made of: steps between two sequences of tokens, and what each costs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from rapidfuzz.distance import Levenshtein

from training.scoring.counts import ErrorCounts

Op = Literal["hit", "sub", "del", "ins"]
LETTERS: dict[Op, str] = {"hit": "=", "sub": "S", "del": "D", "ins": "I"}
"""One letter for each step: SAM's CIGAR for a hit, sclite's for errors."""
_OPS: dict[str, Op] = {letter: op for op, letter in LETTERS.items()}
_ERROR = re.compile("[SDI]")


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


@dataclass(frozen=True, slots=True)
class Steps:
    """The steps of an alignment, in order, a letter each: ``=``, ``S``, ``D`` or ``I``.

    Each token of both sides stands in exactly one step, so the letters say all. A million
    alignments are a million short strings; the steps themselves are made when they are walked.
    """

    letters: str

    def __len__(self) -> int:
        return len(self.letters)

    def __iter__(self) -> Iterator[AlignedPair]:
        ref = hyp = 0
        for letter in self.letters:
            op = _OPS[letter]
            yield AlignedPair(
                op=op,
                ref_index=None if letter == "I" else ref,
                hyp_index=None if letter == "D" else hyp,
            )
            ref += letter != "I"
            hyp += letter != "D"

    def errors(self) -> Iterator[tuple[str, int, int]]:
        """The letter of each error, and how many tokens of both sides come before it."""
        at = ref = hyp = 0
        for found in _ERROR.finditer(self.letters):
            place, letter = found.start(), found.group()
            ref, hyp, at = ref + place - at, hyp + place - at, place + 1
            yield letter, ref, hyp
            ref += letter != "I"
            hyp += letter != "D"

    @property
    def counts(self) -> ErrorCounts:
        """The steps by what they are."""
        letters = self.letters
        return ErrorCounts(
            hits=letters.count("="),
            substitutions=letters.count("S"),
            deletions=letters.count("D"),
            insertions=letters.count("I"),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Alignment:
    """The steps of one pair."""

    ops: Steps

    @property
    def counts(self) -> ErrorCounts:
        """The steps by what they are."""
        return self.ops.counts


def numbered(reference: Sequence[str], hypothesis: Sequence[str]) -> tuple[list[int], list[int]]:
    """Both sequences as numbers, one for each different token."""
    ids: dict[str, int] = {}
    return (
        [ids.setdefault(token, len(ids)) for token in reference],
        [ids.setdefault(token, len(ids)) for token in hypothesis],
    )


def unit_edits(reference: Sequence[Any], hypothesis: Sequence[Any]) -> list[tuple[str, int, int]]:
    """The cheapest edits by rapidfuzz: ``replace``, ``delete``, ``insert``, and where in both."""
    # Its stubs mix up the columns.
    found: Any = Levenshtein.editops(reference, hypothesis).as_list()
    return found  # type: ignore[no-any-return]


def unit_letters(reference: Sequence[Any], hypothesis: Sequence[Any]) -> str:
    """The alignment of rapidfuzz as the letters of ``Steps``."""
    parts, at = [], 0
    for tag, ref, _ in unit_edits(reference, hypothesis):
        parts.append("=" * (ref - at))
        if tag == "insert":
            parts.append("I")
            at = ref
        else:
            parts.append("S" if tag == "replace" else "D")
            at = ref + 1
    parts.append("=" * (len(reference) - at))
    return "".join(parts)
