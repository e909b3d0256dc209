"""Alignment at sclite's costs, by kaldialign; its memory is square, so long pairs go in pieces."""

from __future__ import annotations

from training.scoring.cutting import pieces
from training.scoring.steps import unit_letters

CELLS = 4_000_000
"""Pairs of tokens that are aligned at once: 16 MB, or 2,000 words against 2,000."""


def sclite_letters(reference: list[int], hypothesis: list[int]) -> str:
    """The letters (``Steps``) at 4 for a substitution, 3 for a deletion and 3 for an insertion."""
    parts = []
    for piece in pieces(reference, hypothesis, cells=CELLS):
        said = reference[piece.reference.start : piece.reference.stop]
        heard = hypothesis[piece.hypothesis.start : piece.hypothesis.stop]
        # Thousands of words of which hardly one agrees: the costs can decide little there.
        rule = unit_letters if piece.cells > CELLS else _kaldialign_letters
        parts.append(rule(said, heard))
    return "".join(parts)


def _kaldialign_letters(said: list[int], heard: list[int]) -> str:
    import kaldialign  # noqa: PLC0415 (most scores are at unit costs)

    nothing = -1
    return "".join(
        "=" if left == right else "I" if left == nothing else "D" if right == nothing else "S"
        for left, right in kaldialign.align(said, heard, nothing, sclite_mode=True)
    )
