"""Short-time spectra of a window: power by bin, by band, and what is steady in it."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

SAMPLE_RATE = 16_000
# 32 ms every 16 ms: short enough for plosives, long enough to tell the harmonics of most voices.
FRAME = 512
HOP = 256
BIN_HERTZ = SAMPLE_RATE / FRAME

Floats: TypeAlias = npt.NDArray[np.floating]

# Twice the width of a critical band (Zwicker 1961) and never under three bins, so that a band's
# power is steady when the sound is.
_BAND_EDGES_HERTZ = (
    *(80, 180, 280, 380, 490, 610, 740, 880, 1040, 1220, 1430),
    *(1670, 1950, 2270, 2640, 3060, 3540, 4090, 4720, 5450, 6290, 7300),
)


def power_spectrum(samples: npt.NDArray[np.float32]) -> Floats:
    """Power in each bin of each frame; shape (1 + n_samples // HOP, FRAME // 2 + 1).

    Frame t is centred on sample ``t * HOP``. The ends are mirrored: zeros would look like a noise
    that begins there. A sine of amplitude A has A² / 4 in its bin.
    """
    mode = "reflect" if len(samples) > FRAME else "constant"
    padded = np.pad(samples.astype(np.float32), (FRAME // 2, FRAME // 2), mode=mode)  # type: ignore[call-overload]
    frames = np.lib.stride_tricks.sliding_window_view(padded, FRAME)[::HOP]
    spectrum = np.fft.rfft(frames * np.hanning(FRAME).astype(np.float32), axis=1)
    power: Floats = (spectrum.real**2 + spectrum.imag**2) * np.float32(4 / FRAME**2)
    return power


def band_power(power: Floats) -> Floats:
    """Power in each of 21 bands from 80 Hz to 7.3 kHz; shape (n_frames, n_bands)."""
    edges = [round(hertz / BIN_HERTZ) for hertz in _BAND_EDGES_HERTZ]
    bands: Floats = np.add.reduceat(power[:, : edges[-1]], edges[:-1], axis=1)
    return bands


def moving_mean(values: Floats, width: int) -> Floats:
    """Means over ``width`` (odd) values along the first axis, the ends repeated; same shape."""
    half = width // 2
    padded = np.pad(values, [(half, half)] + [(0, 0)] * (values.ndim - 1), mode="edge")
    sums = np.cumsum(padded, axis=0, dtype=np.float64)
    sums = np.concatenate((np.zeros_like(sums[:1]), sums))
    means: Floats = (sums[width:] - sums[:-width]) / width
    return means


def change(power: Floats, *, distance: int) -> Floats:
    """How much of a frame's spectrum differs from the one ``distance`` frames before it.

    0 for the same spectrum, 1 for spectra with nothing in common; shape (n_frames,). Steady tones
    are near 0 whatever their loudness, voices glide.
    """
    if len(power) <= distance:
        return np.ones(len(power))
    amplitude = np.sqrt(power[:, round(80 / BIN_HERTZ) :])
    energy = np.einsum("ij,ij->i", amplitude, amplitude)
    shared = np.einsum("ij,ij->i", amplitude[distance:], amplitude[:-distance])
    both = energy[distance:] + energy[:-distance]
    differing = 1 - 2 * shared / np.maximum(both, 1e-12)
    result: Floats = np.concatenate((np.full(distance, differing[0]), differing))
    return result
