"""Every format is heard: right length, right pitch, right channels."""

from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from tests.conftest import shared
from tests.transform_handler.sounds import (
    loudest_hertz,
    tone,
    write_with_ffmpeg,
    write_with_sndfile,
)
from transform_handler.audio.layout import SAMPLE_RATE
from transform_handler.audio.reading import open_decoder, read_audio, stream

SECONDS = 3.0
SNDFILE = {
    "wav8": ("x.wav", 16_000, 1, {"subtype": "PCM_U8"}),
    "wav16": ("x.wav", 16_000, 1, {"subtype": "PCM_16"}),
    "wav24 44.1 kHz stereo": ("x.wav", 44_100, 2, {"subtype": "PCM_24"}),
    "wav32f": ("x.wav", 48_000, 1, {"subtype": "FLOAT"}),
    "wav 8 kHz": ("x.wav", 8_000, 1, {"subtype": "PCM_16"}),
    "wav 8 kHz mu-law": ("x.wav", 8_000, 1, {"subtype": "ULAW"}),
    "rf64": ("x.wav", 16_000, 1, {"format": "RF64", "subtype": "PCM_16"}),
    "aiff": ("x.aiff", 22_050, 2, {}),
    "flac 44.1 kHz stereo": ("x.flac", 44_100, 2, {}),
    "ogg": ("x.ogg", 44_100, 2, {"format": "OGG", "subtype": "VORBIS"}),
    "opus": ("x.opus", 48_000, 1, {"format": "OGG", "subtype": "OPUS"}),
    "mp3": ("x.mp3", 44_100, 2, {"format": "MP3"}),
}
FFMPEG = {
    "m4a": ("x.m4a", 44_100, 2, "aac"),
    "mp4 mono": ("x.mp4", 48_000, 1, "aac"),
    "webm": ("x.webm", 48_000, 2, "libopus"),
    "aac": ("x.aac", 44_100, 1, "aac"),
    "lame mp3": ("x.mp3", 22_050, 1, "libmp3lame"),
}


@pytest.fixture(scope="module", params=[*SNDFILE, *FFMPEG])
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sound")
    if request.param in SNDFILE:
        name, rate, channels, options = SNDFILE[request.param]
        samples = tone(SECONDS, rate=rate, channels=channels)
        return write_with_sndfile(folder / name, samples, rate=rate, **options)
    name, rate, channels, codec = FFMPEG[request.param]
    samples = tone(SECONDS, rate=rate, channels=channels)
    return write_with_ffmpeg(folder / name, samples, rate=rate, codec=codec)


def test_a_tone_keeps_its_length_and_its_pitch(made: Path) -> None:
    heard = read_audio(made)
    assert heard.dtype == np.float32
    assert len(heard) / SAMPLE_RATE == pytest.approx(SECONDS, abs=0.05)
    assert loudest_hertz(heard) == pytest.approx(440, abs=0.5)


STRETCHES = [(0.0, 1.0), (0.5, 0.25), (1.0, None), (2.0001, 0.5), (2.9, 5.0), (0.0, None)]


@pytest.mark.parametrize(("offset", "duration"), STRETCHES)
def test_a_stretch_equals_the_slice_of_the_whole(
    made: Path, offset: float, duration: float | None
) -> None:
    whole = read_audio(made)
    first = round(offset * SAMPLE_RATE)
    last = None if duration is None else first + round(duration * SAMPLE_RATE)
    stretch = read_audio(made, offset=offset, duration=duration)
    with open_decoder(made) as decoder:
        exact = decoder.info.sample_rate == SAMPLE_RATE
    assert len(stretch) == len(whole[first:last])
    np.testing.assert_allclose(stretch, whole[first:last], rtol=0, atol=0 if exact else 1e-4)


@pytest.mark.parametrize("rate", [8_000, 11_025, 44_100, 48_000])
def test_a_late_stretch_of_a_resampled_recording_equals_the_slice(
    tmp_path: Path, rate: int
) -> None:
    path = write_with_sndfile(tmp_path / "x.wav", tone(20.5, rate=rate), rate=rate)
    whole = read_audio(path)
    for offset, duration in [(7.3, 2.0), (13.0, 4.5), (19.99, 1.0)]:
        first = round(offset * SAMPLE_RATE)
        stretch = read_audio(path, offset=offset, duration=duration)
        expected = whole[first : first + round(duration * SAMPLE_RATE)]
        assert len(stretch) == len(expected)
        np.testing.assert_allclose(stretch, expected, rtol=0, atol=1e-4)


def test_a_stretch_beyond_the_end_is_empty(made: Path) -> None:
    assert len(read_audio(made, offset=60.0, duration=5.0)) == 0
    assert len(read_audio(made, offset=60.0)) == 0


def test_mix_is_the_mean_of_the_channels_and_split_keeps_them(tmp_path: Path) -> None:
    samples = tone(1.0, rate=SAMPLE_RATE, channels=4)
    path = write_with_sndfile(tmp_path / "x.wav", samples, rate=SAMPLE_RATE, subtype="FLOAT")
    with open_decoder(path) as decoder:
        split = np.concatenate(list(stream(decoder, mode="split")))
    assert np.array_equal(split, samples)
    np.testing.assert_allclose(read_audio(path), samples.mean(axis=1), atol=1e-6)


def test_sixty_four_channels_are_read_and_sixty_five_are_not(tmp_path: Path) -> None:
    samples = np.zeros((1600, 64), dtype=np.float32)
    samples[:, 63] = 0.5
    path = write_with_sndfile(tmp_path / "64.wav", samples, rate=SAMPLE_RATE, subtype="FLOAT")
    with open_decoder(path) as decoder:
        assert np.array_equal(np.concatenate(list(stream(decoder, mode="split"))), samples)


def reported_seconds(path: Path) -> float:
    try:
        return float(soundfile.info(path).duration)
    except soundfile.LibsndfileError:
        with av.open(str(path)) as container:
            track = container.streams.audio[0]
            return float(track.duration * track.time_base)


def test_every_file_that_people_sent_is_as_long_as_it_says() -> None:
    folder = shared("data/formats")
    paths = [p for p in sorted(folder.iterdir()) if p.suffix not in (".tsv", ".txt", "")]
    assert len(paths) > 20
    lengths = {path.name: len(read_audio(path)) / SAMPLE_RATE for path in paths}
    reported = {path.name: reported_seconds(path) for path in paths}
    assert lengths == pytest.approx(reported, abs=0.05)


def test_eight_channels_of_an_m4a_are_mixed_and_split() -> None:
    path = shared("data/formats") / "8_Channel_ID.m4a"
    with open_decoder(path) as decoder:
        assert decoder.info.channels == 8
        split = np.concatenate(list(stream(decoder, mode="split")))
    mix = read_audio(path)
    assert split.shape == (len(mix), 8)
    np.testing.assert_allclose(mix, split.mean(axis=1), atol=1e-4)
    # The file names one channel after another: each is loudest at a time of its own.
    loudest = [int(np.argmax(np.convolve(c**2, np.ones(4000), "same"))) for c in split.T]
    assert len(set(loudest)) == 8
