"""Quiet speakers are raised towards loud ones, and nothing else is changed; unit variance."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.transform_handler.voices import RATE, babbled, noise
from transform_handler.audio.gate import speech_regions
from transform_handler.audio.levelling import MOST_GAIN_DB, levelled, normalised

LOUD, QUIET = [(1.0, 5.0), (11.0, 14.0)], [(6.0, 10.0), (15.0, 18.5)]


def conversation(decibels: float, *, seed: int = 0) -> np.ndarray:
    """Turns of two speakers, the second ``decibels`` below the first, in a quiet room."""
    quiet = babbled(QUIET, 20.0, seed=seed + 1) * 10 ** (-decibels / 20)
    room = noise(20.0, seed=seed, color=1.0) * 2e-5
    return (babbled(LOUD, 20.0, seed=seed) + quiet + room).astype(np.float32)


def level(sound, spans) -> float:
    inside = np.concatenate([sound[round(a * RATE) : round(b * RATE)] for a, b in spans])
    return float(10 * np.log10((inside.astype(float) ** 2).mean()))


@pytest.mark.parametrize("decibels", [15, 20, 26, 32])
def test_a_quiet_speaker_comes_near_the_loud_one(decibels):
    sound = conversation(decibels)
    raised = levelled(sound, speech_regions(sound))
    assert level(raised, LOUD) == pytest.approx(level(sound, LOUD), abs=0.5)
    assert 0 <= level(raised, LOUD) - level(raised, QUIET) < 9


@pytest.mark.parametrize("seed", range(4))
def test_speakers_who_are_about_as_loud_are_left_alone(seed):
    sound = conversation(3.0, seed=seed)
    assert np.array_equal(levelled(sound, speech_regions(sound)), sound)


def test_outside_the_regions_nothing_is_raised():
    sound = conversation(25.0)
    regions = [(5 * RATE + 8000, 15 * RATE)]
    raised = levelled(sound, regions)
    changed = np.flatnonzero(raised != sound)
    assert len(changed)
    assert changed.min() >= regions[0][0] - 320
    assert changed.max() < regions[0][1] + 320


def test_noise_in_a_region_is_not_taken_for_a_quiet_speaker():
    sound = (babbled([(1.0, 9.0)], 20.0) + noise(20.0) * 3e-3).astype(np.float32)
    raised = levelled(sound, [(0, 20 * RATE)])
    assert level(raised, [(11.0, 20.0)]) == pytest.approx(level(sound, [(11.0, 20.0)]), abs=0.1)


def test_within_a_phrase_the_gain_is_one():
    sound = conversation(26.0)
    raised = levelled(sound, speech_regions(sound))
    loud = np.abs(sound) > 1e-3
    gains = 20 * np.log10(np.abs(raised[loud]) / np.abs(sound[loud]))
    for start, end in QUIET:
        phrase = gains[(np.flatnonzero(loud) >= start * RATE) & (np.flatnonzero(loud) < end * RATE)]
        assert np.ptp(phrase[len(phrase) // 10 : -len(phrase) // 10]) < 0.1


@settings(max_examples=25, deadline=None)
@given(st.floats(-20.0, 50.0), st.integers(0, 2), st.integers(1, 20 * RATE))
def test_the_gain_is_never_below_one_nor_over_the_most(decibels, seed, size):
    sound = conversation(decibels, seed=seed)[:size]
    raised = levelled(sound, speech_regions(sound))
    assert raised.dtype == np.float32
    assert raised.shape == sound.shape
    assert (np.abs(raised) >= np.abs(sound) * 0.9999).all()
    assert (np.abs(raised) <= np.abs(sound) * 10 ** (MOST_GAIN_DB / 20) * 1.0001).all()


@settings(max_examples=15, deadline=None)
@given(st.floats(-15.0, 5.0))
def test_the_recording_level_scales_the_result(gain):
    factor = np.float32(10 ** (gain / 20))
    sound = conversation(22.0)
    regions = speech_regions(sound)
    assert np.allclose(
        levelled(sound * factor, regions), levelled(sound, regions) * factor, rtol=1e-3
    )


@pytest.mark.parametrize("size", [0, 1, 319, 320, 1000])
def test_short_windows_are_taken(size):
    sound = np.full(size, 0.1, np.float32)
    assert levelled(sound, [(0, size)]).shape == (size,)
    assert normalised(sound, []).shape == (size,)


def test_normalised_is_what_the_feature_extractor_does():
    from transformers import Wav2Vec2FeatureExtractor

    sound = conversation(10.0)
    extractor = Wav2Vec2FeatureExtractor(do_normalize=True)
    expected = extractor(sound, sampling_rate=RATE, return_tensors="np").input_values[0]
    assert np.abs(normalised(sound, [(0, len(sound))]) - expected).max() < 1e-6
    exact = (sound - sound.mean(dtype=float)) / np.sqrt(sound.var(dtype=float) + 1e-7)
    assert np.abs(normalised(sound, [(0, len(sound))]) - exact).max() < 1e-6


def test_mean_and_variance_are_those_of_the_regions():
    sound = conversation(0.0) + np.float32(0.01)
    regions = [(RATE, 5 * RATE), (6 * RATE, 10 * RATE)]
    result = normalised(sound, regions)
    inside = np.concatenate([result[start:end] for start, end in regions])
    assert inside.mean() == pytest.approx(0.0, abs=1e-4)
    assert inside.var() == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize("regions", [[], [(0, 20 * RATE)]])
def test_near_silence_does_not_come_to_full_level(regions):
    assert normalised(noise(20.0) * 1e-5, regions).std() < 0.02


@settings(max_examples=10, deadline=None)
@given(st.floats(-25.0, 5.0))
def test_the_recording_level_does_not_matter_to_normalised_speech(gain):
    sound = conversation(0.0)
    louder = sound * np.float32(10 ** (gain / 20))
    assert np.allclose(
        normalised(louder, [(0, len(sound))]), normalised(sound, [(0, len(sound))]), atol=0.05
    )
