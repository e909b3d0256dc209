"""Whatever may be speech passes the gate: loud or quiet, noisy, through a telephone, whispered."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import shared
from tests.transform_handler.voices import RATE, babbled, noise, whispered
from transform_handler.audio.gate import speech_regions
from transform_handler.audio.reading import read_audio

PAUSED = [(2.0, 3.1), (6.0, 8.5), (13.0, 15.2)]


def share_inside(spans, regions):
    kept = np.zeros(20 * RATE, dtype=bool)
    for start, end in regions:
        kept[start:end] = True
    return float(np.mean([kept[round(a * RATE) : round(b * RATE)].mean() for a, b in spans]))


@pytest.mark.parametrize("level", [-6, -20, -35, -45])
@pytest.mark.parametrize("noise_below", [60, 20, 10])
def test_utterances_between_pauses(level, noise_below):
    sound = babbled(PAUSED, 20.0) * 10 ** (level / 20)
    sound += noise(20.0) * np.abs(sound).max() * 10 ** (-noise_below / 20) / 3
    regions = speech_regions(sound)
    assert share_inside(PAUSED, regions) > 0.97
    assert sum(end - start for start, end in regions) < 0.75 * len(sound)


def test_speech_without_a_pause_up_to_both_ends():
    assert speech_regions(babbled([(0.0, 20.0)], 20.0)) == [(0, 20 * RATE)]


def test_a_quiet_speaker_after_a_loud_one():
    sound = babbled([(2.0, 6.0)], 20.0) + 0.05 * babbled([(9.0, 13.0)], 20.0)
    assert (
        share_inside([(2.0, 6.0), (9.0, 13.0)], speech_regions(sound + noise(20.0) * 1e-4)) > 0.97
    )


def test_a_whisper():
    sound = 0.02 * whispered(PAUSED, 20.0) + noise(20.0) * 1e-4
    assert share_inside(PAUSED, speech_regions(sound)) > 0.97


def test_the_edges_of_a_word_have_room():
    (start, end), *_ = speech_regions(babbled([(8.0, 9.0)], 20.0) + noise(20.0) * 1e-4)
    assert start <= 7.7 * RATE
    assert end >= 9.3 * RATE


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.floats(0.0, 19.0), max_size=4),
    st.floats(0.05, 20.0),
    st.integers(0, 5),
)
def test_regions_are_sorted_disjoint_and_inside(starts, seconds, seed):
    sound = babbled([(start, start + 1.0) for start in starts], 20.0, seed=seed)
    sound = (sound + noise(20.0, seed=seed) * 1e-3)[: round(seconds * RATE)]
    flat = [place for region in speech_regions(sound) for place in region]
    assert flat == sorted(set(flat))
    assert all(0 <= place <= len(sound) for place in flat)


@settings(max_examples=15, deadline=None)
@given(st.floats(-30.0, 6.0), st.integers(0, 5))
def test_the_recording_level_does_not_matter(gain, seed):
    sound = babbled(PAUSED, 20.0, seed=seed) * 0.4 + noise(20.0, seed=seed) * 2e-2
    louder = (sound * 10 ** (gain / 20)).astype(np.float32)
    assert np.allclose(speech_regions(sound), speech_regions(louder), atol=512)


@pytest.mark.shared
def test_read_speech_passes_whole():
    sound = read_audio(min(shared("data/librispeech-50").glob("*.flac")))[: 15 * RATE]
    padded = np.concatenate([np.zeros(3 * RATE, np.float32), sound, np.zeros(2 * RATE, np.float32)])
    (start, end), *more = speech_regions(padded)
    assert not more
    assert start <= 3.3 * RATE
    assert end >= 17 * RATE
