"""Alignment at sclite's costs, by kaldialign; its memory is square, so long pairs go in pieces."""

from __future__ import annotations

from collections.abc import Iterator

from rapidfuzz.distance import Levenshtein

from training.scoring.cutting import Piece, pieces
from training.scoring.steps import AlignedPair, Op, unit_steps

CELLS = 4_000_000
"""Pairs of tokens that are aligned at once: 16 MB, or 2,000 words against 2,000."""


def sclite_steps(reference: list[int], hypothesis: list[int]) -> Iterator[AlignedPair]:
    """The cheapest steps at 4 for a substitution, 3 for a deletion and 3 for an insertion."""
    for piece in pieces(reference, hypothesis, cells=CELLS):
        said = reference[piece.reference.start : piece.reference.stop]
        heard = hypothesis[piece.hypothesis.start : piece.hypothesis.stop]
        if piece.cells > CELLS:
            # Thousands of words of which hardly one agrees: the costs can decide little there.
            opcodes = Levenshtein.opcodes(said, heard)
            yield from unit_steps(opcodes, piece.reference.start, piece.hypothesis.start)
        else:
            yield from _kaldialign_steps(said, heard, piece)


def _kaldialign_steps(said: list[int], heard: list[int], piece: Piece) -> Iterator[AlignedPair]:
    import kaldialign  # noqa: PLC0415 (most scores are at unit costs)

    ref, hyp, nothing = piece.reference.start, piece.hypothesis.start, -1
    for left, right in kaldialign.align(said, heard, nothing, sclite_mode=True):
        if left == nothing:
            yield AlignedPair(op="ins", ref_index=None, hyp_index=hyp)
        elif right == nothing:
            yield AlignedPair(op="del", ref_index=ref, hyp_index=None)
        else:
            op: Op = "hit" if left == right else "sub"
            yield AlignedPair(op=op, ref_index=ref, hyp_index=hyp)
        ref += left != nothing
        hyp += right != nothing
