"""Sound keeps its place in time where packets are missing or the stream changes its kind."""

from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest

from tests.transform_handler.sounds import tone, write_with_ffmpeg
from transform_handler.audio import reading as audio
from transform_handler.audio.layout import SAMPLE_RATE
from transform_handler.audio.reading import open_decoder, read_audio
from transform_handler.records import ErrorKind, RecordingError

RATE = 48_000
KINDS = {"webm": "libopus", "mka": "libopus", "m4a": "aac"}


def remuxed(path: Path, target: Path, time_of: Callable[[float], float | None]) -> Path:
    """A copy whose packets stand elsewhere in time, or nowhere."""
    with av.open(str(path)) as source, av.open(str(target), "w") as copy:
        track = source.streams.audio[0]
        stream = copy.add_stream_from_template(track)
        for packet in source.demux(track):
            if packet.pts is None:
                continue
            moved = time_of(float(packet.pts * packet.time_base))
            if moved is None:
                continue
            packet.pts = packet.dts = round(moved / packet.time_base)
            packet.stream = stream
            copy.mux(packet)
    return target


@pytest.fixture(params=KINDS)
def beeps(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Ten seconds with a loud tone in the ninth."""
    samples = tone(10.0, rate=RATE) * 0.01
    samples[8 * RATE : 9 * RATE] *= 100
    return write_with_ffmpeg(
        tmp_path / f"x.{request.param}", samples, rate=RATE, codec=KINDS[request.param]
    )


def beep_at(heard: np.ndarray) -> float:
    return float(np.argmax(np.abs(heard) > 0.1)) / SAMPLE_RATE


def test_missing_packets_shift_nothing_that_comes_after(beeps: Path, tmp_path: Path) -> None:
    target = tmp_path / f"gap{beeps.suffix}"
    remuxed(beeps, target, lambda time: None if 2 <= time < 5 else time)
    heard = read_audio(target)
    assert beep_at(heard) == pytest.approx(beep_at(read_audio(beeps)), abs=0.05)
    assert beep_at(heard) == pytest.approx(8.0, abs=0.08)
    assert len(heard) / SAMPLE_RATE == pytest.approx(10.0, abs=0.1)
    assert np.abs(heard[round(2.2 * SAMPLE_RATE) : round(4.8 * SAMPLE_RATE)]).max() < 1e-6
    stretch = read_audio(target, offset=7.0, duration=3.0)
    assert beep_at(stretch) == pytest.approx(beep_at(heard) - 7.0, abs=0.001)


@pytest.mark.parametrize("delay", [0.005, 0.4, 5.0])
def test_a_late_start_is_no_gap(beeps: Path, tmp_path: Path, delay: float) -> None:
    target = tmp_path / f"late{beeps.suffix}"
    remuxed(beeps, target, lambda time: time + delay)
    assert beep_at(read_audio(target)) == pytest.approx(8.0, abs=0.08)


def test_a_clock_that_jumps_by_hours_adds_no_silence(tmp_path: Path) -> None:
    path = write_with_ffmpeg(
        tmp_path / "x.ts", tone(10.0, rate=RATE), rate=RATE, codec="aac", options={}
    )
    target = remuxed(path, tmp_path / "jump.ts", lambda t: t if t < 5 else t + 7_200)
    assert len(read_audio(target)) / SAMPLE_RATE == pytest.approx(10.0, abs=0.2)


def adts(path: Path, *, rate: int, channels: int) -> bytes:
    samples = tone(3.0, rate=rate, channels=channels)
    return write_with_ffmpeg(path, samples, rate=rate, codec="aac").read_bytes()


@pytest.mark.parametrize(
    ("first", "second"),
    [((44_100, 1), (44_100, 2)), ((44_100, 2), (44_100, 1)), ((44_100, 1), (22_050, 1)),
     ((24_000, 2), (48_000, 1))],
)  # fmt: skip
def test_a_change_of_channels_or_rate_in_mid_stream_keeps_those_of_the_beginning(
    tmp_path: Path, first: tuple[int, int], second: tuple[int, int]
) -> None:
    data = [
        adts(tmp_path / f"{number}.aac", rate=rate, channels=channels)
        for number, (rate, channels) in enumerate((first, second))
    ]
    path = tmp_path / "x.aac"
    path.write_bytes(b"".join(data))
    with open_decoder(path) as decoder:
        assert (decoder.info.sample_rate, decoder.info.channels) == first
        blocks = list(decoder.blocks(start=0))
    assert {block.shape[1] for block in blocks} == {first[1]}
    heard = np.concatenate(blocks)
    assert len(heard) / first[0] == pytest.approx(6.0, abs=0.2)
    # A tone of the same pitch to the end: nothing was interleaved, and no rate was mistaken.
    last = heard[-2 * first[0] : -first[0], 0]
    spectrum = np.abs(np.fft.rfft(last * np.hanning(len(last))))
    assert float(np.argmax(spectrum)) * first[0] / len(last) == pytest.approx(440, abs=3)


def test_a_recording_whose_header_says_more_than_a_hundred_hours_is_too_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert audio.MAX_SECONDS == 100 * 3600
    monkeypatch.setattr(audio, "MAX_SECONDS", 7.0)
    path = write_with_ffmpeg(tmp_path / "x.m4a", tone(9.0, rate=RATE), rate=RATE, codec="aac")
    with pytest.raises(RecordingError, match="longer than") as caught, open_decoder(path):
        pass
    assert caught.value.kind is ErrorKind.TOO_LONG


def test_a_recording_that_goes_on_beyond_a_hundred_hours_is_too_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audio, "MAX_SECONDS", 7.0)
    path = write_with_ffmpeg(tmp_path / "x.aac", tone(9.0, rate=RATE), rate=RATE, codec="aac")
    with pytest.raises(RecordingError, match="longer than") as caught:
        read_audio(path)
    assert caught.value.kind is ErrorKind.TOO_LONG
    assert len(read_audio(path, offset=1.0, duration=2.0)) == 2 * SAMPLE_RATE
