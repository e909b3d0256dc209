"""Speech played faster or slower: tempo and pitch together, as a tape would."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import soxr

from transform_handler.audio.layout import SAMPLE_RATE

if TYPE_CHECKING:
    from training.labels.data import Sound

_STEPS = 100  # hundredths keep soxr's ratio a small fraction, which is twice as fast as any other


def speeds(slowest: float, fastest: float) -> list[float]:
    """The speeds to choose from: all hundredths from `slowest` to `fastest`."""
    return [n / _STEPS for n in range(round(slowest * _STEPS), round(fastest * _STEPS) + 1)]


def samples_at_speed(n_samples: int, speed: float) -> int:
    """How many samples `at_speed` gives for `n_samples`; at least one where there was one."""
    return max(round(n_samples / speed), min(n_samples, 1))


def at_speed(sound: Sound, speed: float) -> Sound:
    """Sound of shape (samples_at_speed(n_samples, speed),), `speed` times as fast.

    Ko et al. 2015, "Audio augmentation for speech recognition".
    """
    if speed == 1:
        return sound
    out = np.zeros(samples_at_speed(len(sound), speed), np.float32)
    played = soxr.resample(sound, SAMPLE_RATE * speed, SAMPLE_RATE)[: len(out)]
    out[: len(played)] = played
    return out
