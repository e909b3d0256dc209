"""What is heard behind the speaker: noise, and others who speak."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from training.labels.data import Sound

_NOISE_COLOURS = (0.0, 0.5, 1.0)  # white, between, pink: amplitude falls with frequency ** -x
_FFT_UNIT = 4096
_BABBLERS = (3, 7)
_POWER_FLOOR = 1e-8  # silence gets noise too, but hardly any


def over(sound: Sound, background: Sound, ratio_db: float) -> Sound:
    """Sound with a background of unit power `ratio_db` below it, both of shape (n_samples,)."""
    power = max(float(np.mean(sound**2)), _POWER_FLOOR)
    return sound + background * np.float32((power / 10 ** (ratio_db / 10)) ** 0.5)


def noise(length: int, rng: np.random.Generator) -> Sound:
    """Noise between white and pink, shape (length,), of unit power."""
    size = fast_length(length)
    spectrum = np.fft.rfft(rng.standard_normal(size, np.float32))
    colour = _NOISE_COLOURS[int(rng.integers(len(_NOISE_COLOURS)))]
    spectrum /= np.maximum(np.arange(len(spectrum), dtype=np.float32), 1) ** np.float32(colour)
    return _unit_power(np.fft.irfft(spectrum, size)[:length])


def fast_length(length: int) -> int:
    """A length not much above `length` whose Fourier transform is a fast one."""
    return -(-length // _FFT_UNIT) * _FFT_UNIT


def babble(
    length: int,
    voices: Callable[[int, np.random.Generator], Sequence[Sound]],
    rng: np.random.Generator,
) -> Sound:
    """Several others who speak at once and equally loud, shape (length,), of unit power."""
    n_voices = int(rng.integers(_BABBLERS[0], _BABBLERS[1] + 1))
    mixed = np.zeros(length)
    for voice in voices(n_voices, rng):
        if len(voice):
            start = int(rng.integers(len(voice)))
            # Over and over from somewhere within: a short one fills a long one's background.
            mixed += _unit_power(np.resize(np.roll(voice, -start), length))
    return _unit_power(mixed)


def _unit_power(sound: np.ndarray) -> Sound:
    power = float(np.mean(np.square(sound, dtype=np.float64)))
    unit: Sound = (sound / max(power**0.5, 1e-9)).astype(np.float32)
    return unit
