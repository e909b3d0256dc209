"""What is no sound, or only a part of it, is said to be so; nothing else is opened instead."""

import io
import os
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from tests.transform_handler.sounds import tone, write_with_ffmpeg, write_with_sndfile
from transform_handler.audio.layout import SAMPLE_RATE
from transform_handler.audio.reading import open_decoder, read_audio
from transform_handler.records import ErrorKind, RecordingError


def kind_of(path: Path) -> ErrorKind:
    with pytest.raises(RecordingError) as caught:
        read_audio(path)
    assert str(path.parent) not in caught.value.message
    return caught.value.kind


def saved(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def wav(samples: np.ndarray, *, rate: int = SAMPLE_RATE, subtype: str = "PCM_16") -> bytes:
    stream = io.BytesIO()
    soundfile.write(stream, samples, rate, format="WAV", subtype=subtype)
    return stream.getvalue()


def wav_header(
    *, rate: int, channels: int, data_bytes: int, riff_bytes: int | None = None
) -> bytes:
    fmt = struct.pack("<HHIIHH", 1, channels, rate, rate * channels * 2, channels * 2, 16)
    riff = data_bytes + 36 if riff_bytes is None else riff_bytes
    return (
        b"RIFF" + struct.pack("<I", riff) + b"WAVEfmt " + struct.pack("<I", 16) + fmt
        + b"data" + struct.pack("<I", data_bytes)
    )  # fmt: skip


def test_an_empty_file_is_an_empty_file(tmp_path: Path) -> None:
    assert kind_of(saved(tmp_path / "x.wav", b"")) is ErrorKind.EMPTY_FILE


@pytest.mark.parametrize(
    "data",
    [
        b"Minutes of the meeting of 3 May\n" * 100,
        b"\x00",
        bytes(100_000),
        np.random.default_rng(0).bytes(100_000),
        b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n" * 50,
        b"\x89PNG\r\n\x1a\n" + bytes(500),
        b"<html><body>404</body></html>",
    ],
    ids=["text", "one byte", "zeros", "noise", "pdf", "png", "html"],
)
@pytest.mark.parametrize("name", ["x.wav", "x.mp3"])
def test_other_files_called_audio_are_unsupported(tmp_path: Path, name: str, data: bytes) -> None:
    assert kind_of(saved(tmp_path / name, data)) is ErrorKind.UNSUPPORTED_FORMAT


SECRET = "secret.wav"


@pytest.mark.parametrize(
    "script",
    [
        "ffconcat version 1.0\nfile {path}\n",
        "#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\n{path}\n#EXT-X-ENDLIST\n",
        "#EXTM3U\n#EXTINF:5,\nfile://{path}\n",
        "[playlist]\nFile1={path}\n",
        '<MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><BaseURL>{path}</BaseURL></MPD>',
    ],
    ids=["ffconcat", "hls", "m3u", "pls", "dash"],
)
@pytest.mark.parametrize("name", ["x.m3u8", "x.m4a", "x.wav", "x.mp3"])
def test_a_playlist_is_refused_and_what_it_names_is_not_read(
    tmp_path: Path, script: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    saved(tmp_path / SECRET, wav(tone(5.0, rate=SAMPLE_RATE)))
    for path in (SECRET, str(tmp_path / SECRET)):
        playlist = saved(tmp_path / name, script.format(path=path).encode())
        assert kind_of(playlist) is ErrorKind.UNSUPPORTED_FORMAT


def encoded(path: Path) -> bytes:
    samples = tone(6.0, rate=44_100, channels=2)
    if path.suffix in (".m4a", ".webm", ".mka"):
        codec = "libopus" if path.suffix == ".webm" else "aac"
        rate = 48_000 if path.suffix == ".webm" else 44_100
        options = {"movflags": "+faststart"} if "fast" in path.stem else None
        write_with_ffmpeg(path, samples, rate=rate, codec=codec, options=options)
    else:
        options = {"format": "MP3"} if path.suffix == ".mp3" else {}
        write_with_sndfile(path, samples, rate=44_100, **options)
    return path.read_bytes()


@pytest.mark.parametrize("share", [0.3, 0.8])
@pytest.mark.parametrize(
    "name",
    ["x.wav", "x.flac", "x.mp3", "x.aiff", "x.m4a", "x-fast.m4a", "x.mka", "x.webm"],
)
def test_a_recording_cut_short_is_corrupt_and_not_a_shorter_meeting(
    tmp_path: Path, name: str, share: float
) -> None:
    data = encoded(tmp_path / name)
    path = saved(tmp_path / name, data[: int(len(data) * share)])
    assert kind_of(path) is ErrorKind.CORRUPT


@pytest.mark.parametrize("name", ["x.wav", "x.aiff"])
def test_a_header_that_promises_sound_of_which_nothing_is_there_is_corrupt(
    tmp_path: Path, name: str
) -> None:
    data = encoded(tmp_path / name)
    head = 8 if name == "x.wav" else 16
    begin = data.index(b"data" if name == "x.wav" else b"SSND") + head
    assert kind_of(saved(tmp_path / name, data[:begin])) is ErrorKind.CORRUPT


def test_an_m4a_without_the_end_of_its_index_is_corrupt_and_not_a_video(tmp_path: Path) -> None:
    data = encoded(tmp_path / "x.m4a")
    for box in (b"mdhd", b"stsd", b"esds"):
        cut = data[: data.index(box) + 2]
        assert kind_of(saved(tmp_path / "x.m4a", cut)) is ErrorKind.CORRUPT


def test_sound_in_a_coding_that_is_not_known_is_unsupported(tmp_path: Path) -> None:
    data = bytearray(encoded(tmp_path / "x.wav"))
    data[20:22] = b"\x34\x12"
    with pytest.raises(RecordingError, match="coding that is not known") as caught:
        read_audio(saved(tmp_path / "x.wav", bytes(data)))
    assert caught.value.kind is ErrorKind.UNSUPPORTED_FORMAT


def test_gsm_of_a_telephone_system_is_read_from_any_place(tmp_path: Path) -> None:
    path = saved(tmp_path / "x.wav", wav(tone(8.0, rate=8_000), rate=8_000, subtype="GSM610"))
    whole = read_audio(path)
    assert len(whole) == pytest.approx(8 * SAMPLE_RATE, abs=SAMPLE_RATE // 10)
    part = read_audio(path, offset=5.0, duration=1.0)
    assert np.abs(part - whole[5 * SAMPLE_RATE : 6 * SAMPLE_RATE]).max() < 1e-3


def test_a_tag_in_no_known_alphabet_costs_no_recording(tmp_path: Path) -> None:
    data = encoded(tmp_path / "x.mp3")
    tag = b"ID3\x03\0\0\0\0\0\x13TIT2\0\0\0\x09\0\0\x03Gespr\xe4ch"
    assert len(read_audio(saved(tmp_path / "x.mp3", tag + data))) > 5 * SAMPLE_RATE


@pytest.mark.parametrize("head", [b"", b"ID3\x04\0\0\0\0\0\x0a" + bytes(10)])
def test_gigabytes_of_zeros_called_mp3_are_not_searched_for_sound(
    tmp_path: Path, head: bytes
) -> None:
    path = saved(tmp_path / "x.mp3", head)
    os.truncate(path, 1 << 30)
    read = 0

    class Counted(io.FileIO):
        def readinto(self, buffer: Any, /) -> int:
            nonlocal read
            read += (size := super().readinto(buffer) or 0)
            return size

    with io.BufferedReader(Counted(path)) as file, pytest.raises(RecordingError) as caught:
        read_audio(file)
    assert caught.value.kind is (ErrorKind.CORRUPT if head else ErrorKind.UNSUPPORTED_FORMAT)
    assert read < 1 << 24


@pytest.mark.parametrize("samples", [1, 100, 639, 640, 641])
def test_a_moment_of_several_channels_is_mixed(tmp_path: Path, samples: int) -> None:
    sound = tone(1.0, rate=SAMPLE_RATE, channels=2)[:samples]
    heard = read_audio(saved(tmp_path / "x.wav", wav(sound, subtype="FLOAT")))
    assert np.allclose(heard, sound.mean(axis=1))


@pytest.mark.parametrize("name", ["x.flac", "x.m4a"])
def test_a_hole_of_noise_in_the_middle_is_corrupt(tmp_path: Path, name: str) -> None:
    data = bytearray(encoded(tmp_path / name))
    middle = len(data) // 2
    data[middle : middle + 20_000] = np.random.default_rng(1).bytes(20_000)
    assert kind_of(saved(tmp_path / name, bytes(data))) is ErrorKind.CORRUPT


def test_the_sound_before_the_damage_is_measured_in_the_message(tmp_path: Path) -> None:
    data = wav(tone(4.0, rate=SAMPLE_RATE))
    with pytest.raises(RecordingError, match=r"stopped at 2\.00 s of 4\.00 s: the file ends"):
        read_audio(saved(tmp_path / "x.wav", data[: len(data) // 2 + 22]))


def test_a_stretch_before_the_damage_can_still_be_read(tmp_path: Path) -> None:
    data = wav(tone(4.0, rate=SAMPLE_RATE))
    path = saved(tmp_path / "x.wav", data[: len(data) // 2])
    assert len(read_audio(path, offset=0.0, duration=1.0)) == SAMPLE_RATE


@pytest.mark.parametrize("length", [0xFFFFFFFF, 0xFFFFFFFF - 36, 0x7FFFFFFF, 0x80000000, 0])
@pytest.mark.parametrize("riff", [None, 0, 36])
def test_a_streamed_wav_whose_header_does_not_know_its_length_is_read_whole(
    tmp_path: Path, length: int, riff: int | None
) -> None:
    samples = (tone(2.0, rate=SAMPLE_RATE)[:, 0] * 32767).astype("<i2")
    riff = length if riff is None else riff
    header = wav_header(rate=SAMPLE_RATE, channels=1, data_bytes=length, riff_bytes=riff)
    heard = read_audio(saved(tmp_path / "x.wav", header + samples.tobytes()))
    assert np.array_equal(heard, samples.astype(np.float32) / 32768)


@pytest.mark.parametrize(("offset", "duration"), [(0.0, None), (2.5, 1.0), (3.5, 9.0)])
def test_a_streamed_flac_whose_header_does_not_know_its_length_is_read_whole(
    tmp_path: Path, offset: float, duration: float | None
) -> None:
    samples = tone(5.0, rate=SAMPLE_RATE)
    path = write_with_sndfile(tmp_path / "x.flac", samples, rate=SAMPLE_RATE)
    whole = read_audio(path)
    data = bytearray(path.read_bytes())
    data[21] &= 0xF0  # STREAMINFO: the number of samples, 36 bits, is 0 where it is not known
    data[22:26] = bytes(4)
    first = round(offset * SAMPLE_RATE)
    last = None if duration is None else first + round(duration * SAMPLE_RATE)
    heard = read_audio(saved(path, bytes(data)), offset=offset, duration=duration)
    assert np.array_equal(heard, whole[first:last])


@pytest.mark.parametrize("suffix", [".wav", ".aiff", ".ogg"])
def test_a_file_without_any_sample_is_silent_not_damaged(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"x{suffix}"
    soundfile.write(path, np.zeros((0, 1), np.float32), SAMPLE_RATE)
    assert len(read_audio(path)) == 0


def test_samples_that_are_not_numbers_become_silence(tmp_path: Path) -> None:
    samples = tone(1.0, rate=SAMPLE_RATE)
    samples[100:103, 0] = [np.nan, np.inf, -np.inf]
    heard = read_audio(saved(tmp_path / "x.wav", wav(samples, subtype="FLOAT")))
    assert np.array_equal(heard[100:103], [0, 0, 0])
    assert np.array_equal(np.delete(heard, slice(100, 103)), np.delete(samples, slice(100, 103)))


def test_samples_that_are_not_numbers_do_not_spread_by_resampling_or_mixing(
    tmp_path: Path,
) -> None:
    samples = tone(1.0, rate=44_100, channels=2)
    samples[1000:1010, 1] = np.nan
    heard = read_audio(saved(tmp_path / "x.wav", wav(samples, rate=44_100, subtype="FLOAT")))
    assert np.isfinite(heard).all()
    assert len(heard) == SAMPLE_RATE


@pytest.mark.parametrize(
    ("rate", "channels", "said"),
    [(1, 1, "sample rate 1 Hz"), (999, 1, "999 Hz"), (800_000, 1, "Hz"), (16_000, 65, "65 chan")],
)
def test_impossible_rates_and_channel_counts_are_refused(
    tmp_path: Path, rate: int, channels: int, said: str
) -> None:
    header = wav_header(rate=rate, channels=channels, data_bytes=channels * 20)
    path = saved(tmp_path / "x.wav", header + bytes(channels * 20))
    with pytest.raises(RecordingError, match=said) as caught:
        read_audio(path)
    assert caught.value.kind is ErrorKind.UNSUPPORTED_FORMAT


def test_a_video_without_sound_says_so(tmp_path: Path) -> None:
    import av

    with av.open(str(tmp_path / "x.mp4"), "w") as container:
        track = container.add_stream("mpeg4", rate=10)
        track.width = track.height = 16
        for _ in range(3):
            frame = av.VideoFrame.from_ndarray(np.zeros((16, 16, 3), np.uint8), "rgb24")
            container.mux(track.encode(frame))
        container.mux(track.encode(None))
    with pytest.raises(RecordingError, match="no audio stream") as caught:
        read_audio(tmp_path / "x.mp4")
    assert caught.value.kind is ErrorKind.UNSUPPORTED_FORMAT


def test_a_header_without_samples_is_an_empty_recording(tmp_path: Path) -> None:
    path = saved(tmp_path / "x.wav", wav(np.zeros((0, 1), np.float32)))
    assert len(read_audio(path)) == 0


def test_a_decoder_reads_from_an_open_file_as_from_a_path(tmp_path: Path) -> None:
    path = saved(tmp_path / "x.wav", wav(tone(1.0, rate=8_000), rate=8_000))
    with path.open("rb") as file, open_decoder(file) as decoder:
        assert decoder.info.sample_rate == 8_000
    assert np.array_equal(read_audio(io.BytesIO(path.read_bytes())), read_audio(path))
