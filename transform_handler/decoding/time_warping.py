"""Which token belongs to which moment: dynamic time warping over a model's cross-attention.

The decoder of a speech-to-text model looks, while it writes a token, at the place where that token
is spoken. Some of its heads do so cleanly; the path through what they saw that keeps tokens and
time in order is the alignment (as in openai/whisper, ``timing.py``).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating]

_SMOOTHED_FRAMES = 7
# Puts the median of seven in the middle (Devillard, Fast median search, 1998); sorting all of them
# takes five times as long.
_EXCHANGES = (
    *((0, 5), (0, 3), (1, 6), (2, 4), (0, 1), (3, 5), (2, 6)),
    *((2, 3), (3, 6), (4, 5), (1, 4), (1, 3), (3, 4)),
)


def token_starts(attention: npt.NDArray[np.floating], *, prompt: int) -> npt.NDArray[np.intp]:
    """The frame at which each token begins; shape (n_tokens - prompt,), never falling.

    ``attention`` has shape (n_heads, n_tokens, n_frames), of each head what it gave to the frames
    while each token was written; the first ``prompt`` tokens are those that no sound belongs to.
    """
    weights = attention.astype(np.float32)
    spread = weights.std(axis=1, keepdims=True)
    weights = (weights - weights.mean(axis=1, keepdims=True)) / np.maximum(spread, 1e-10)
    seen = _median(weights).mean(axis=0)[prompt:].astype(np.float64)
    return warped(-seen)


def warped(costs: Floats) -> npt.NDArray[np.intp]:
    """The column at which the cheapest path enters each row; shape (n_rows,).

    The path runs from the first row and column to the last ones, each step to the next row, the
    next column, or both.
    """
    total = np.empty_like(costs)
    total[0] = np.cumsum(costs[0])
    for row in range(1, len(costs)):
        entered = total[row - 1].copy()
        entered[1:] = np.minimum(entered[1:], total[row - 1, :-1])
        # A path that enters at k pays the costs from k on: the sums to here less those before k.
        sums = np.cumsum(costs[row])
        before = np.concatenate(([0.0], sums[:-1]))
        total[row] = sums + np.minimum.accumulate(entered - before)
    return _entries(total)


def _entries(total: Floats) -> npt.NDArray[np.intp]:
    """Back along the cheapest way."""
    row, column = total.shape[0] - 1, total.shape[1] - 1
    starts = np.zeros(total.shape[0], dtype=np.intp)
    while row > 0:
        starts[row] = column
        if column == 0:
            row -= 1
            continue
        diagonal, above = total[row - 1, column - 1], total[row - 1, column]
        left = total[row, column - 1]
        if diagonal <= min(above, left):
            row, column = row - 1, column - 1
        elif above <= left:
            row -= 1
        else:
            column -= 1
    return starts


def _median(weights: Floats) -> Floats:
    """Each value's median with its three neighbours on both sides; one frame alone is noise."""
    half = _SMOOTHED_FRAMES // 2
    if weights.shape[-1] <= half:
        return weights
    padded = np.pad(weights, ((0, 0), (0, 0), (half, half)), mode="reflect")
    size = weights.shape[-1]
    values = [padded[..., first : first + size] for first in range(_SMOOTHED_FRAMES)]
    for low, high in _EXCHANGES:
        values[low], values[high] = (
            np.minimum(values[low], values[high]),
            np.maximum(values[low], values[high]),
        )
    return values[half]
