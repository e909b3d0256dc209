"""Where in a window somebody may speak, from its sound alone.

What is steady is not speech: a frame is active where it stands out of a noise floor that is taken
band by band from the seconds around it, and where its spectrum moves. What passes is still music
now and then, or typing; ``voice.py`` asks a small model about that.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from transform_handler.audio.spectrum import (
    HOP,
    SAMPLE_RATE,
    Floats,
    band_power,
    change,
    moving_mean,
    power_spectrum,
)
from transform_handler.engine.frames import Samples

Region = tuple[int, int]
"""First sample and one past the last, from the window's first sample."""

# Frames of one activity: 80 ms, as long as a short vowel.
_SMOOTHED_FRAMES = 5
# The floor is what a band falls to within this time: voices pause, or move on, more often.
_FLOOR_BLOCK = 16
_FLOOR_FRAMES = 8 * _FLOOR_BLOCK
# No band is quieter than this below the floor of the whole: the noise of 16 bits lies lower.
_BAND_BELOW_FLOOR_DB = 35.0
_MOST_ABOVE_FLOOR_DB = 25.0
# Mean over the bands of the dB above the floor. Steady noise has 2.3 with a deviation of 0.25.
_ACTIVE_DB = 3.2
_SURELY_ACTIVE_DB = 4.0
_SHORTEST_FRAMES = 6
# Steady tones, and notes of music, change by less from frame to frame; a twentieth of speech does.
_STEADY_CHANGE = 0.05
_STEADY_SHARE = 0.5
_NEIGHBOURHOOD_SECONDS = 0.75
# Two distances, so that a bell whose pitch alternates is steady at one of them.
_CHANGE_DISTANCES = (3, 6)

PADDING_SECONDS = 0.4
SHORTEST_PAUSE_SECONDS = 1.0


class VoiceCheck(Protocol):
    """Says which of the regions hold a voice."""

    name: str

    def confirmed(self, samples: Samples, regions: list[Region]) -> list[Region]:
        """The regions, or the pieces of them, in which somebody speaks; sorted, disjoint."""
        ...


def speech_regions(
    samples: Samples, *, floor_dbfs: float = -60.0, voice: VoiceCheck | None = None
) -> list[Region]:
    """The stretches of a window in which somebody may speak, sorted and disjoint.

    ``samples`` has shape (n_samples,), 16 kHz. A stretch has 0.4 s on each side, and pauses that
    are then shorter than 1 s are bridged. Sound whose peak stays below ``floor_dbfs`` is silence.
    The result depends on these samples only.
    """
    if not len(samples):
        return []
    quietest = 10 ** (floor_dbfs / 20)
    regions = [
        (start, end)
        for start, end in joined_stretches(_active(samples, floor_dbfs), len(samples))
        if float(np.abs(samples[start:end]).max()) >= quietest
    ]
    return regions if voice is None else voice.confirmed(samples, regions)


def joined_stretches(active: npt.NDArray[np.bool_], size: int) -> list[Region]:
    """Runs of active frames as samples of a window of ``size``, padded, short pauses bridged."""
    padding = round(PADDING_SECONDS * SAMPLE_RATE)
    regions: list[Region] = []
    for first, last in zip(*runs(active), strict=True):
        start = max(0, int(first) * HOP - padding)
        end = min(size, int(last) * HOP + padding)
        if regions and start - regions[-1][1] < SHORTEST_PAUSE_SECONDS * SAMPLE_RATE:
            start = regions.pop()[0]
        if start < end:
            regions.append((start, end))
    return regions


def runs(mask: npt.NDArray[np.bool_]) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Where runs of True begin, and one past where they end; both of shape (n_runs,)."""
    edges = np.diff(np.concatenate(([0], mask.astype(np.int8), [0])))
    return np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)


def _active(samples: Samples, floor_dbfs: float) -> npt.NDArray[np.bool_]:
    """Which frames stand out of the noise and move, in runs that are long and loud enough."""
    power = power_spectrum(samples)
    above = _above_floor(power, floor_dbfs)
    moving = (above > _ACTIVE_DB) & ~_steady(power, above > _ACTIVE_DB)
    active = np.zeros(len(above), dtype=bool)
    for start, end in zip(*runs(moving), strict=True):
        long_enough = end - start >= _SHORTEST_FRAMES
        active[start:end] = long_enough and above[start:end].max() >= _SURELY_ACTIVE_DB
    return active


def _above_floor(power: Floats, floor_dbfs: float) -> Floats:
    """Mean over the bands of how many dB a frame is above the noise; shape (n_frames,)."""
    smooth = moving_mean(band_power(power), _SMOOTHED_FRAMES)
    level = np.maximum(10 * np.log10(smooth + 1e-12), floor_dbfs - _BAND_BELOW_FLOOR_DB)
    above: Floats = np.clip(level - _noise_floor(level), 0, _MOST_ABOVE_FLOOR_DB).mean(axis=1)
    return above


def _noise_floor(level: Floats) -> Floats:
    """The higher of what each band falls to before a frame and after it; shape as ``level``.

    The higher, so that noise which sets in is noise at once. Near the window's ends one of the two
    is not known, and the lower of what is known serves: speech may go on beyond the end.
    Minimum statistics after Martin 2001, without its bias: the thresholds have it.
    """
    before = _minimum_before(level)
    after = _minimum_before(level[::-1])[::-1]
    frame = np.arange(len(level))[:, None]
    known = (frame >= _FLOOR_FRAMES) & (frame < len(level) - _FLOOR_FRAMES)
    return np.where(known, np.maximum(before, after), np.minimum(before, after))


def _minimum_before(values: Floats) -> Floats:
    """The minimum over each row and about 2 s before it: of whole blocks, and of its own so far."""
    count = -(-len(values) // _FLOOR_BLOCK)
    padding = ((0, count * _FLOOR_BLOCK - len(values)), (0, 0))
    blocks = np.pad(values, padding, mode="edge").reshape(count, _FLOOR_BLOCK, -1)
    reach = _FLOOR_FRAMES // _FLOOR_BLOCK
    unknown = np.full((reach, values.shape[1]), np.inf)
    lowest = np.concatenate((unknown, blocks.min(axis=1)[:-1]))
    earlier = np.lib.stride_tricks.sliding_window_view(lowest, reach, axis=0).min(axis=-1)
    so_far = np.minimum(np.minimum.accumulate(blocks, axis=1), earlier[:, None])
    minimum: Floats = so_far.reshape(-1, values.shape[1])[: len(values)]
    return minimum


def _steady(power: Floats, active: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Frames in whose neighbourhood most of what is active does not move: tones, music."""
    changes = [change(power, distance=distance) for distance in _CHANGE_DISTANCES]
    still = active & (np.min(changes, axis=0) < _STEADY_CHANGE)
    width = 2 * round(_NEIGHBOURHOOD_SECONDS * SAMPLE_RATE / HOP) + 1
    around = np.ones(min(width, len(active)))
    share = np.convolve(still, around, mode="same") / np.maximum(
        np.convolve(active, around, mode="same"), 1
    )
    steady: npt.NDArray[np.bool_] = share >= _STEADY_SHARE
    return steady
