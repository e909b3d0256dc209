"""A few seconds of speech in every format that a recorder writes, and where its parts begin."""

from __future__ import annotations

import functools
import io
import struct
from collections.abc import Iterator

import av
import numpy as np
import soundfile

from tests.conftest import speechlike

RATE = 16_000
SECONDS = 2.5
_SNDFILE = {
    "flac": ("FLAC", "PCM_16"),
    "ogg": ("OGG", "VORBIS"),
    "opus": ("OGG", "OPUS"),
    "mp3": ("MP3", "MPEG_LAYER_III"),
    "aiff": ("AIFF", "PCM_16"),
}
_FFMPEG = {"m4a": ("ipod", "aac"), "webm": ("webm", "libopus")}
FORMATS = ("wav", *_SNDFILE, *_FFMPEG)
_BOXES = frozenset({b"moov", b"trak", b"mdia", b"minf", b"stbl", b"udta", b"dinf", b"edts"})
_MP3_KBPS = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)  # MPEG 2, layer III
_MP3_RATES = (22_050, 24_000, 16_000)


@functools.cache
def speech() -> np.ndarray:
    """Shape (n_samples,), 16 kHz."""
    return speechlike(SECONDS, seed=5)


def pcm() -> bytes:
    """The speech in 16 bits."""
    return (speech() * 32767).astype("<i2").tobytes()


@functools.cache
def encoded(form: str) -> bytes:
    """The speech as a file of one of ``FORMATS``."""
    if form == "wav":
        about = b"INFOINAM\x08\x00\x00\x00minutes\x00"
        return riff(chunk(b"fmt ", fmt()) + chunk(b"data", pcm()) + chunk(b"LIST", about))
    stream = io.BytesIO()
    if form in _SNDFILE:
        kind, subtype = _SNDFILE[form]
        soundfile.write(stream, speech(), RATE, format=kind, subtype=subtype)
    else:
        _write_with_ffmpeg(stream, *_FFMPEG[form])
    return stream.getvalue()


def _write_with_ffmpeg(stream: io.BytesIO, container: str, codec: str) -> None:
    with av.open(stream, "w", format=container) as file:
        track = file.add_stream(codec, rate=RATE, layout="mono")
        frame = av.AudioFrame.from_ndarray(speech()[None], "fltp", "mono")
        frame.sample_rate = RATE
        context = track.codec_context
        convert = av.AudioResampler(
            context.format.name, "mono", RATE, frame_size=context.frame_size or None
        )
        for piece in [*convert.resample(frame), *convert.resample(None)]:
            file.mux(track.encode(piece))
        file.mux(track.encode(None))


def chunk(name: bytes, data: bytes, *, size: int | None = None) -> bytes:
    """A RIFF chunk, whose size may lie."""
    size = len(data) if size is None else size
    return name + struct.pack("<I", size & 0xFFFFFFFF) + data + b"\0" * (len(data) % 2)


def riff(chunks: bytes, *, size: int | None = None, name: bytes = b"RIFF") -> bytes:
    """A WAV file of chunks."""
    size = len(chunks) + 4 if size is None else size
    return name + struct.pack("<I", size & 0xFFFFFFFF) + b"WAVE" + chunks


def fmt(
    *,
    tag: int = 1,
    channels: int = 1,
    rate: int = RATE,
    bits: int = 16,
    align: int | None = None,
    second: int | None = None,
) -> bytes:
    """The content of a WAV's fmt chunk: right, but for what is said."""
    align = channels * max(1, bits // 8) & 0xFFFF if align is None else align
    second = rate * align & 0xFFFFFFFF if second is None else second
    return struct.pack("<HHIIHH", tag, channels, rate, second, align, bits)


def borders(form: str, data: bytes) -> list[int]:
    """Where the parts of a file begin: chunks, pages, blocks, frames, boxes; sorted."""
    if form == "wav":
        found = _chunks(data, "<I")
    elif form == "aiff":
        found = _chunks(data, ">I")
    elif form == "flac":
        found = _flac_blocks(data)
    elif form in ("ogg", "opus"):
        found = _starts(data, b"OggS")
    elif form == "mp3":
        found = _mp3_frames(data)
    elif form == "m4a":
        found = (start for start, _ in boxes(data))
    else:
        found = iter(range(0, len(data), len(data) // 6))
    return sorted({place for place in found if place < len(data)})


def _chunks(data: bytes, number: str) -> Iterator[int]:
    position = 12
    yield position
    while position + 8 <= len(data):
        yield position + 8
        (size,) = struct.unpack_from(number, data, position + 4)
        position += 8 + size + size % 2
        yield position


def _flac_blocks(data: bytes) -> Iterator[int]:
    position, last = 4, False
    while not last:
        yield position
        last = bool(data[position] & 0x80)
        position += 4 + int.from_bytes(data[position + 1 : position + 4], "big")
    yield from (start for start in _starts(data, data[position : position + 2]) if start > position)


def _starts(data: bytes, mark: bytes) -> Iterator[int]:
    position = data.find(mark)
    while position >= 0:
        yield position
        position = data.find(mark, position + 1)


def _mp3_frames(data: bytes) -> Iterator[int]:
    position = data.index(b"\xff\xf3")
    while position + 4 <= len(data) and data[position] == 0xFF:
        yield position
        kbps, rate = _MP3_KBPS[data[position + 2] >> 4], _MP3_RATES[data[position + 2] >> 2 & 3]
        position += 72_000 * kbps // rate + (data[position + 2] >> 1 & 1)


def boxes(data: bytes, start: int = 0, end: int | None = None) -> Iterator[tuple[int, bytes]]:
    """The boxes of an MP4, outer ones first: where each begins, and its type."""
    end = len(data) if end is None else end
    while start + 8 <= end:
        size, name = int.from_bytes(data[start : start + 4], "big"), data[start + 4 : start + 8]
        yield start, name
        if name in _BOXES:
            yield from boxes(data, start + 8, start + size)
        start += max(8, size)
