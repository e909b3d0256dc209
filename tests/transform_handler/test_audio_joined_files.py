"""A file of several streams is read whole or refused: never a silently shorter meeting."""

import io
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.conftest import shared
from tests.transform_handler.sounds import loudest_hertz, tone, write_with_ffmpeg
from transform_handler.audio.layout import SAMPLE_RATE
from transform_handler.audio.mp3_header import promised_mp3_seconds
from transform_handler.audio.reading import open_decoder, read_audio
from transform_handler.records import ErrorKind, RecordingError

OGG = {
    "ogg": ("x.ogg", 44_100, {"format": "OGG", "subtype": "VORBIS"}),
    "opus": ("x.opus", 48_000, {"format": "OGG", "subtype": "OPUS"}),
}


def encoded(seconds: float, *, rate: int, hertz: float = 440.0, channels: int = 1, **kind) -> bytes:
    stream = io.BytesIO()
    samples = tone(seconds, rate=rate, hertz=hertz, channels=channels)
    soundfile.write(stream, samples, rate, **kind)
    return stream.getvalue()


def with_serial(data: bytes, serial: int) -> bytes:
    """The same Ogg stream under another serial number."""
    pages, position = bytearray(), 0
    while position < len(data):
        segments = data[position + 26]
        end = position + 27 + segments + sum(data[position + 27 : position + 27 + segments])
        page = bytearray(data[position:end])
        page[14:18] = serial.to_bytes(4, "little")
        page[22:26] = bytes(4)
        page[22:26] = crc(page).to_bytes(4, "little")
        pages += page
        position = end
    return bytes(pages)


def crc(data: bytes) -> int:
    value = 0
    for byte in data:
        value ^= byte << 24
        for _ in range(8):
            value = (value << 1) ^ (0x104C11DB7 if value & 0x80000000 else 0)
    return value


@pytest.mark.parametrize("name", OGG)
@pytest.mark.parametrize("serial", [None, 77])
@pytest.mark.parametrize("lengths", [(2.0, 2.0), (1.0, 3.0), (3.0, 1.0)])
def test_links_of_an_ogg_chain_are_heard_one_after_the_other(
    tmp_path: Path, name: str, serial: int | None, lengths: tuple[float, float]
) -> None:
    file, rate, kind = OGG[name]
    first = encoded(lengths[0], rate=rate, hertz=300, **kind)
    second = encoded(lengths[1], rate=rate, hertz=700, **kind)
    if serial is not None:
        first, second = with_serial(first, 5), with_serial(second, serial)
    path = tmp_path / file
    path.write_bytes(first + second)
    whole = read_audio(path)
    assert len(whole) / SAMPLE_RATE == pytest.approx(4.0, abs=0.05)
    border = round(lengths[0] * SAMPLE_RATE)
    assert loudest_hertz(whole[:border]) == pytest.approx(300, abs=2)
    assert loudest_hertz(whole[border:]) == pytest.approx(700, abs=2)
    with open_decoder(path) as decoder:
        assert decoder.info.seconds == pytest.approx(4.0, abs=0.05)
    for offset, duration in [(0.5, 1.0), (2.25, 0.5), (3.0, None), (0.9, 2.5), (9.0, 1.0)]:
        begin = round(offset * SAMPLE_RATE)
        end = None if duration is None else begin + round(duration * SAMPLE_RATE)
        stretch = read_audio(path, offset=offset, duration=duration)
        np.testing.assert_allclose(stretch, whole[begin:end], rtol=0, atol=1e-3)


@pytest.mark.parametrize("name", OGG)
def test_links_of_other_channels_are_corrupt(tmp_path: Path, name: str) -> None:
    file, rate, kind = OGG[name]
    data = encoded(1.0, rate=rate, **kind) + encoded(1.0, rate=rate, channels=2, **kind)
    (tmp_path / file).write_bytes(data)
    assert "their rates or channels differ" in refusal(tmp_path / file)


def test_an_ogg_with_a_link_of_another_kind_is_corrupt(tmp_path: Path) -> None:
    file, rate, kind = OGG["ogg"]
    data = encoded(1.0, rate=rate, **kind)
    strange = with_serial(data.replace(b"\x01vorbis", b"\x01strange"[:7]), 9)
    (tmp_path / file).write_bytes(data + strange)
    assert "one of them is damaged or empty" in refusal(tmp_path / file)


@pytest.mark.parametrize("seconds", [0.2, 3.0])
@pytest.mark.parametrize("stretch", [{}, {"offset": 1.0}, {"offset": 60.0, "duration": 5.0}])
def test_flac_files_in_a_row_are_corrupt(
    tmp_path: Path, seconds: float, stretch: dict[str, float]
) -> None:
    first = encoded(seconds, rate=44_100, format="FLAC")
    second = encoded(9.0, rate=44_100, format="FLAC")
    (tmp_path / "x.flac").write_bytes(first + second)
    assert "several recordings were put together" in refusal(tmp_path / "x.flac", **stretch)


def test_wav_files_in_a_row_are_corrupt(tmp_path: Path) -> None:
    (tmp_path / "x.wav").write_bytes(encoded(1.0, rate=16_000, format="WAV") * 2)
    assert "several recordings were put together" in refusal(tmp_path / "x.wav")


def refusal(path: Path, **stretch: float) -> str:
    with pytest.raises(RecordingError) as caught:
        read_audio(path, **stretch)
    assert caught.value.kind is ErrorKind.CORRUPT
    return caught.value.message


def headerless(data: bytes) -> bytes:
    """An MP3 whose first frame says nothing of its length."""
    tag = max(data[:2000].find(b"Xing"), data[:2000].find(b"Info"))
    assert tag > 0
    return data[:tag] + bytes(120) + data[tag + 120 :]


@pytest.fixture(scope="module")
def quiet_then_loud() -> bytes:
    """A variable bit rate that the first frames say nothing of."""
    noise = np.random.default_rng(0).standard_normal(20 * 44_100) * 0.2
    samples = np.concatenate([np.zeros(20 * 44_100), noise]).astype(np.float32)
    stream = io.BytesIO()
    soundfile.write(stream, samples, 44_100, format="MP3", bitrate_mode="VARIABLE")
    return stream.getvalue()


def test_an_mp3_of_variable_bit_rate_without_a_header_is_read_whole(
    tmp_path: Path, quiet_then_loud: bytes
) -> None:
    path = tmp_path / "x.mp3"
    for data in (headerless(quiet_then_loud), quiet_then_loud):
        path.write_bytes(data)
        heard = read_audio(path)
        assert len(heard) / SAMPLE_RATE == pytest.approx(40, abs=0.1)
        assert np.abs(heard[: 19 * SAMPLE_RATE]).max() < 0.01
        assert np.abs(heard[-SAMPLE_RATE:]).mean() > 0.05
        part = read_audio(path, offset=30.0, duration=2.0)
        begin = 30 * SAMPLE_RATE
        np.testing.assert_allclose(part, heard[begin : begin + len(part)], rtol=0, atol=1e-4)


@pytest.mark.parametrize("maker", ["sndfile", "ffmpeg", "headerless"])
def test_mp3_files_in_a_row_are_read_whole(tmp_path: Path, maker: str) -> None:
    path = tmp_path / "x.mp3"
    if maker == "ffmpeg":  # with a tag of ID3v2 between them
        samples = tone(3.0, rate=44_100)
        write_with_ffmpeg(path, samples, rate=44_100, codec="libmp3lame")
        data = path.read_bytes()
    else:
        data = encoded(3.0, rate=44_100, format="MP3")
    data = headerless(data) if maker == "headerless" else data
    path.write_bytes(data * 2)
    assert len(read_audio(path)) / SAMPLE_RATE == pytest.approx(6.0, abs=0.2)
    with open_decoder(path) as decoder:
        assert decoder.info.seconds is None


@pytest.mark.parametrize(("rate", "channels"), [(44_100, 2), (48_000, 1), (22_050, 1), (16_000, 2)])
def test_the_header_of_an_mp3_says_its_length(rate: int, channels: int) -> None:
    data = encoded(3.0, rate=rate, channels=channels, format="MP3")
    found = promised_mp3_seconds(io.BytesIO(data))
    assert found == pytest.approx(3.0, abs=0.15)
    assert promised_mp3_seconds(io.BytesIO(headerless(data))) is None
    tag = b"ID3\x04\x00\x00\x00\x00\x02\x00" + bytes(256)
    assert promised_mp3_seconds(io.BytesIO(tag * 2 + data)) == found


@pytest.mark.parametrize(
    "tail", [b"TAG" + bytes(125), bytes(5000), bytes(300_000), b"APETAGEX" + bytes(200)]
)
def test_what_players_put_behind_an_mp3_is_no_damage(tmp_path: Path, tail: bytes) -> None:
    (tmp_path / "x.mp3").write_bytes(encoded(3.0, rate=44_100, format="MP3") + tail)
    assert len(read_audio(tmp_path / "x.mp3")) / SAMPLE_RATE == pytest.approx(3.0, abs=0.05)


def test_mp3_files_that_people_sent_are_as_long_as_libsndfile_says() -> None:
    paths = sorted(shared("data/formats").glob("*.mp3"))
    assert len(paths) > 4
    lengths = {path.name: len(read_audio(path)) / SAMPLE_RATE for path in paths}
    expected = {path.name: soundfile.info(path).duration for path in paths}
    assert lengths == pytest.approx(expected, abs=0.05)
