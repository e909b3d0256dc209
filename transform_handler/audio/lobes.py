"""Where a sound is clipped: half-waves whose top is flat.

The rail itself may be gone: what was clipped and then made quieter, or resampled, ends at any
level and not at one level only. What stays is the shape: a half-wave that spends half of its time
near its highest value, where a sine spends a third and speech less.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from transform_handler.audio.spectrum import Floats
from transform_handler.engine.frames import Samples

# A sine is above 85 % of its peak for 35 % of a half-wave, a triangle for 15 %.
_NEAR_PEAK = 0.85
_FLAT_SHARE = 0.48
_SHORTEST_TOP = 3
_QUIETEST = 0.01


@dataclass(frozen=True, kw_only=True)
class Lobes:
    """The half-waves of a sound; each of shape (n_lobes,).

    ``peaks`` are their highest absolute values, ``tops`` the samples that are near them, and
    ``flat`` says which look clipped.
    """

    peaks: Floats
    tops: npt.NDArray[np.int64]
    flat: npt.NDArray[np.bool_]


def lobes(samples: Samples) -> Lobes:
    """The half-waves of a sound that is not empty, shape (n_samples,)."""
    negative = np.signbit(samples)
    starts = np.concatenate(([0], np.flatnonzero(negative[1:] != negative[:-1]) + 1))
    height = np.abs(samples)
    peaks = np.maximum.reduceat(height, starts)
    lengths = np.diff(np.append(starts, len(samples)))
    near = height >= _NEAR_PEAK * np.repeat(peaks, lengths)
    tops = np.add.reduceat(near.astype(np.int64), starts)
    flat = (tops >= np.maximum(_SHORTEST_TOP, _FLAT_SHARE * lengths)) & (peaks > _QUIETEST)
    return Lobes(peaks=peaks, tops=tops, flat=flat)
