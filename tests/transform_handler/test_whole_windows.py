"""A model that writes text hears all of a window in which anybody speaks, or nothing of it."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from manifests.local_store import uri_of_path
from manifests.pointers import Pointer
from tests.conftest import DEMO_SOUND
from transform_handler.allowed import AllowedPrefixes
from transform_handler.audio.decoder_process import DecoderProcess
from transform_handler.audio.layout import layout_for
from transform_handler.audio.reading import read_audio
from transform_handler.identity import WHOLE_WINDOWS_GATE, DecodeSettings
from transform_handler.listening import Listener, Passage, _silenced

LAYOUT = layout_for({"model_type": "whisper"})


def spoken() -> np.ndarray:
    """Three seconds of synthesised speech."""
    return np.resize(read_audio(min(DEMO_SOUND.rglob("*.opus"))), 48_000)


def passages(folder: Path, samples: np.ndarray) -> list[Passage]:
    path = folder / "a.wav"
    soundfile.write(path, samples, 16_000, subtype="FLOAT")
    allowed = AllowedPrefixes(prefixes=(uri_of_path(folder) + "/",))
    with DecoderProcess() as decoder:
        listener = Listener(decoder, allowed, LAYOUT, DecodeSettings())
        heard = list(listener.read(Pointer(id="a", uri=uri_of_path(path))))
    return [item for item in heard if isinstance(item, Passage)]


@pytest.mark.parametrize("seconds", [12.0, 30.0])
def test_a_window_with_speech_goes_to_the_model_as_it_was_recorded(
    tmp_path: Path, seconds: float
) -> None:
    samples = np.zeros(round(seconds * 16_000), np.float32)
    samples[80_000:128_000] = spoken()
    (passage,) = passages(tmp_path, samples)
    ((stretch, heard),) = passage.stretches
    assert heard is not None
    assert np.array_equal(heard, samples)
    assert (stretch.keep_start, stretch.keep_end) == (0, len(samples))
    assert passage.facts is not None
    assert passage.facts[1].speech_seconds < 5


def test_windows_lie_end_to_end_and_silent_ones_are_not_heard(tmp_path: Path) -> None:
    samples = np.zeros(100 * 16_000, np.float32)
    samples[80_000:128_000] = spoken()
    found = [stretch for one in passages(tmp_path, samples) for stretch in one.stretches]
    assert [sound is not None for _, sound in found] == [True, *[False] * (len(found) - 1)]
    assert [stretch.keep_start for stretch, _ in found[1:]] == [
        stretch.keep_end for stretch, _ in found[:-1]
    ]
    assert all(stretch.start == stretch.keep_start for stretch, _ in found)
    assert all(stretch.end - stretch.start <= 30 * 16_000 for stretch, _ in found)


def test_crosstalk_is_silenced_where_it_cannot_be_cut_out() -> None:
    samples = np.ones(10, np.float32)
    assert _silenced(samples, []) is samples
    assert _silenced(samples, [(2, 4)]).tolist() == [1, 1, 0, 0, 1, 1, 1, 1, 1, 1]


def test_the_card_says_how_such_a_model_hears() -> None:
    settings = DecodeSettings.of(LAYOUT, method="greedy", beam=None)
    assert (settings.step_seconds, settings.context_seconds) == (24.0, 0.0)
    assert settings.gate == WHOLE_WINDOWS_GATE
    ctc = DecodeSettings.of(layout_for({"model_type": "wav2vec2"}), method="greedy", beam=None)
    assert ctc == DecodeSettings()
