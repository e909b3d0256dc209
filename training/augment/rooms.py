"""Rooms: noise that dies away, after the sound that comes straight from the mouth."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from training.augment.backgrounds import fast_length
from transform_handler.audio.layout import SAMPLE_RATE

if TYPE_CHECKING:
    from training.labels.data import Sound

_FIRST_REFLECTION_SECONDS = (0.002, 0.02)
_DIRECT_DB = (0.0, 12.0)  # straight sound against all that the walls return


def room(decay_seconds: float, rng: np.random.Generator) -> Sound:
    """A room's response of unit direct sound, falling by 60 dB in `decay_seconds`.

    Shape (n_samples,). White noise under an exponential envelope (Polack's model of late
    reverberation, 1988); its first sample is the direct sound, so that words stay where they are.
    """
    length = max(1, round(decay_seconds * SAMPLE_RATE))
    envelope = 10 ** (-3 * np.arange(length) / length)
    tail = rng.standard_normal(length) * envelope
    tail[: round(rng.uniform(*_FIRST_REFLECTION_SECONDS) * SAMPLE_RATE)] = 0
    power = 10 ** (-rng.uniform(*_DIRECT_DB) / 10)
    response: Sound = (tail * (power / max(float(tail @ tail), 1e-9)) ** 0.5).astype(np.float32)
    response[0] = 1
    return response


def reverberate(sound: Sound, response: Sound) -> Sound:
    """Sound of the same length and power as it is heard in the room of `response`."""
    size = fast_length(len(sound) + len(response) - 1)
    whole = np.fft.irfft(np.fft.rfft(sound, size) * np.fft.rfft(response, size), size)
    heard: Sound = whole[: len(sound)].astype(np.float32)
    level = (float(sound @ sound) / max(float(heard @ heard), 1e-12)) ** 0.5
    return heard * np.float32(level)
