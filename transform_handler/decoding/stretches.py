"""Where a recording may be cut for a search: in pauses, at places that its frames alone decide.

A search needs memory for all that it has heard, and a word's best spelling may depend on words far
away. Stretches bound both: a part of a recording that hears 18 s more on both sides finds the same
stretches, and so the same words, as the whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby, pairwise

import numpy as np
import numpy.typing as npt

from transform_handler.decoding.greedy import GAP_SECONDS, WORD_START, Alphabet

PAUSE_SECONDS = 0.4
# Each cell of this grid has a cut, so no stretch is longer than two. The symbols of the longest
# word (10 s) then depend on less than the 18 s that a part hears beyond its ends.
CELL_SECONDS = 3.5


@dataclass(frozen=True, kw_only=True)
class _Quiet:
    """Frames ``[start, stop)`` without a letter, within one cell of the grid."""

    cell: int
    start: int
    stop: int
    parts: bool
    """Whether a word ends here."""

    @property
    def middle(self) -> int:
        return (self.start + self.stop) // 2


def stretches(
    ids: npt.NDArray[np.integer],
    alphabet: Alphabet,
    *,
    seconds_per_frame: float,
    first_frame: int,
) -> list[tuple[int, int]]:
    """Stretches ``[start, stop)`` of consecutive frames, end to end.

    ``ids`` is the argmax of each frame, shape (n_frames,); ``first_frame`` is the absolute index
    of the first, and the stretches are relative to it.
    """
    cell = max(1, int(CELL_SECONDS / seconds_per_frame))
    shift = first_frame % cell
    by_cell = {
        number: list(found)
        for number, found in groupby(
            _quiet(ids, alphabet, cell, shift, seconds_per_frame), key=lambda one: one.cell
        )
    }
    pause = round(PAUSE_SECONDS / seconds_per_frame)
    cuts = {0, len(ids)}
    for number in range((shift + len(ids)) // cell + 1):
        cuts.update(_cuts(by_cell.get(number, []), pause) or [number * cell - shift])
    return list(pairwise(sorted(cut for cut in cuts if 0 <= cut <= len(ids))))


def _cuts(quiet: list[_Quiet], pause: int) -> list[int]:
    """The cuts in a cell: all its pauses, else the longest border of words, else whatever is."""
    pauses = [one.middle for one in quiet if one.parts and one.stop - one.start >= pause]
    if pauses or not quiet:
        return pauses
    return [max(quiet, key=lambda one: (one.parts, one.stop - one.start, -one.start)).middle]


def _quiet(
    ids: npt.NDArray[np.integer],
    alphabet: Alphabet,
    cell: int,
    shift: int,
    seconds_per_frame: float,
) -> Iterator[_Quiet]:
    """Runs without a letter, parted at the borders of the grid."""
    writes = np.array([bool(alphabet.text_of(token)) for token in range(len(alphabet.tokens))])
    delimits = ids == (-1 if alphabet.delimiter is None else alphabet.delimiter)
    letters = writes[np.minimum(ids, len(writes) - 1)] & (ids < len(writes)) & ~delimits
    positions = np.arange(len(ids)) + shift
    edges = np.flatnonzero((letters[1:] != letters[:-1]) | (positions[1:] % cell == 0)) + 1
    gap = round(GAP_SECONDS / seconds_per_frame)
    for start, stop in pairwise([0, *edges.tolist(), len(ids)]):
        if start < stop and not letters[start]:
            parts = bool(delimits[start:stop].any()) or stop - start >= gap
            begins = stop < len(ids) and alphabet.text_of(int(ids[stop])).startswith(WORD_START)
            number = (start + shift) // cell
            yield _Quiet(cell=number, start=start, stop=stop, parts=parts or begins)
