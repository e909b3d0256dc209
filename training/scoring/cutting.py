"""Long pairs in pieces, for aligners whose memory grows with the product of the lengths."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from rapidfuzz.distance import Levenshtein

_RUNS = (16, 8, 4, 2, 1)
"""How many tokens in a row must agree where a pair is cut: as many as the texts allow."""


class Piece(NamedTuple):
    """Ranges of reference and hypothesis that belong together."""

    reference: range
    hypothesis: range

    @property
    def cells(self) -> int:
        """The size of the table that aligns them."""
        return (len(self.reference) + 1) * (len(self.hypothesis) + 1)


def pieces(
    reference: Sequence[int],
    hypothesis: Sequence[int],
    *,
    cells: int,
    closed: frozenset[int] = frozenset(),
) -> list[Piece]:
    """A pair in pieces of at most ``cells`` cells, cut in the middle of long runs of equal tokens.

    The runs are those of an alignment at unit costs, which takes linear memory. Nothing is cut
    before the reference tokens in ``closed``. A piece stays larger where too little agrees.
    """
    whole = Piece(range(len(reference)), range(len(hypothesis)))
    if whole.cells <= cells:
        return [whole]
    runs = [
        (block.size, block.a, block.b)
        for block in Levenshtein.opcodes(reference, hypothesis).as_matching_blocks()
        if block.size
    ]
    return list(_cut(whole, runs, cells, closed, _RUNS))


def _cut(
    piece: Piece,
    runs: Sequence[tuple[int, int, int]],
    cells: int,
    closed: frozenset[int],
    least: Sequence[int],
) -> Iterator[Piece]:
    if piece.cells <= cells or not least:
        yield piece
        return
    inside = [run for run in runs if run[1] in piece.reference and run[2] in piece.hypothesis]
    for part in _parts(piece, list(_places(inside, least[0], closed)), cells):
        yield from _cut(part, inside, cells, closed, least[1:])


def _places(
    runs: Sequence[tuple[int, int, int]], least: int, closed: frozenset[int]
) -> Iterator[tuple[int, int]]:
    for size, ref, hyp in runs:
        if size >= least and ref + size // 2 not in closed:
            yield ref + size // 2, hyp + size // 2


def _parts(piece: Piece, places: list[tuple[int, int]], cells: int) -> Iterator[Piece]:
    """Cut as seldom as the size allows: at the last place before a part would be too large."""
    ref, hyp = piece.reference.start, piece.hypothesis.start
    last = None
    for place in [*places, (piece.reference.stop, piece.hypothesis.stop)]:
        part = Piece(range(ref, place[0]), range(hyp, place[1]))
        if part.cells > cells and last is not None:
            yield Piece(range(ref, last[0]), range(hyp, last[1]))
            ref, hyp = last
        last = place
    yield Piece(range(ref, piece.reference.stop), range(hyp, piece.hypothesis.stop))
