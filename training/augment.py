"""Changes to training sound, keyed by (seed, epoch, utterance).

The key makes a resumed run train on the sound that the interrupted one would have met: the Trainer
does not restore the random state in mid-epoch (transformers issue 39215).
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING

import numpy as np
import soxr

from transform_handler.audio import SAMPLE_RATE

if TYPE_CHECKING:
    from training.data import Sound

_TELEPHONE_RATE = 8_000
_NOISE_COLOURS = (0.0, 0.5, 1.0)  # white, between, pink: amplitude falls with frequency ** -x


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """How often each change is made (0–1) and how far it goes."""

    seed: int
    noise: float = 0.5
    noise_db: tuple[float, float] = (10.0, 35.0)
    """Signal-to-noise ratio, lowest and highest."""
    gain_db: float = 12.0
    telephone: float = 0.1

    def __call__(self, sound: Sound, epoch: int, key: str) -> Sound:
        """Sound of the same length and type, changed as the key says."""
        rng = np.random.default_rng(_key(self.seed, epoch, key))
        wants = rng.random(2)
        if wants[0] < self.telephone:
            sound = telephone(sound)
        if wants[1] < self.noise:
            ratio = rng.uniform(*self.noise_db)
            sound = sound + noise(len(sound), rng) * _noise_level(sound, ratio)
        gain = 10 ** (rng.uniform(-self.gain_db, self.gain_db) / 20)
        changed: Sound = np.clip(sound * np.float32(gain), -1, 1).astype(np.float32)
        return changed


def telephone(sound: Sound) -> Sound:
    """The band and the 8-bit µ-law steps of a telephone line (ITU-T G.711), back at 16 kHz."""
    narrow = np.clip(soxr.resample(sound, SAMPLE_RATE, _TELEPHONE_RATE), -1, 1)
    coded = np.sign(narrow) * np.log1p(255 * np.abs(narrow)) / np.log(256)
    steps = np.round(coded * 127) / 127
    decoded = np.sign(steps) * (np.expm1(np.abs(steps) * np.log(256)) / 255)
    out = np.zeros(len(sound), np.float32)
    wide = soxr.resample(decoded, _TELEPHONE_RATE, SAMPLE_RATE)[: len(sound)]
    out[: len(wide)] = wide
    return out


def noise(length: int, rng: np.random.Generator) -> Sound:
    """Noise between white and pink, shape (length,), of unit power."""
    spectrum = np.fft.rfft(rng.standard_normal(length))
    colour = _NOISE_COLOURS[int(rng.integers(len(_NOISE_COLOURS)))]
    spectrum /= np.maximum(np.arange(len(spectrum)), 1) ** colour
    shaped = np.fft.irfft(spectrum, length)
    return (shaped / max(float(shaped.std()), 1e-9)).astype(np.float32)


def _noise_level(sound: Sound, ratio_db: float) -> float:
    power = max(float(np.mean(sound**2)), 1e-8)
    return float((power / 10 ** (ratio_db / 10)) ** 0.5)


def _key(seed: int, epoch: int, key: str) -> int:
    return int.from_bytes(blake2b(f"{seed}:{epoch}:{key}".encode(), digest_size=16).digest(), "big")
