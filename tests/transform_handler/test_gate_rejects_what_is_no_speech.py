"""Silence, steady noise, hum, tones and simple music do not pass the gate."""

import numpy as np
import pytest

from tests.transform_handler.voices import RATE, babbled, cadenced, noise, played, tones
from transform_handler.audio.gate import speech_regions

SOUNDS = {
    "zeros": np.zeros(20 * RATE, np.float32),
    "a constant": np.full(20 * RATE, 0.3, np.float32),
    "16-bit dither": noise(20.0) * 1e-5,
    "white noise, loud": noise(20.0) * 0.1,
    "white noise, quiet": noise(20.0) * 1e-3,
    "pink noise": noise(20.0, color=1.0) * 0.03,
    "brown noise": noise(20.0, color=2.0) * 0.03,
    "hum": tones([50, 100, 150, 250, 350], 20.0) + noise(20.0) * 1e-3,
    "a hold tone": tones([440], 20.0) + noise(20.0) * 1e-4,
    "a dial tone": tones([350, 440], 20.0),
    "a ringback tone": cadenced(tones([440, 480], 20.0), 2.0, 4.0) + noise(20.0) * 3e-4,
    "an engaged tone": cadenced(tones([425], 20.0), 0.5, 0.5) + noise(20.0) * 3e-4,
    "beeps": cadenced(tones([1400], 20.0), 0.4, 5.0) + noise(20.0) * 3e-4,
    "a hold melody": played(20.0) + noise(20.0) * 1e-4,
}


@pytest.mark.parametrize("name", SOUNDS)
def test_no_region(name):
    assert speech_regions(SOUNDS[name].astype(np.float32)) == []


def test_noise_that_sets_in_does_not_pass():
    sound = noise(20.0) * np.where(np.arange(20 * RATE) < 8 * RATE, 1e-4, 0.03)
    assert speech_regions(sound.astype(np.float32)) == []


def test_what_stays_below_the_floor_is_silence():
    quiet = babbled([(5.0, 8.0)], 20.0)
    quiet *= 10 ** (-62 / 20) / np.abs(quiet).max()
    assert speech_regions(quiet) == []
    assert speech_regions(quiet, floor_dbfs=-65.0) != []


def test_a_pause_that_is_long_enough_is_cut_out():
    sound = babbled([(2.0, 5.0), (9.0, 12.0)], 20.0) + noise(20.0) * 1e-3
    (_, first_end), (second_start, _) = speech_regions(sound)
    assert second_start - first_end > 2.5 * RATE


def test_a_short_pause_is_not():
    sound = babbled([(2.0, 5.0), (6.2, 9.0)], 20.0) + noise(20.0) * 1e-3
    assert len(speech_regions(sound)) == 1


@pytest.mark.parametrize("size", [0, 1, 200, 512, 513, 5000])
def test_short_windows_are_read(size):
    assert speech_regions(np.zeros(size, np.float32)) == []
