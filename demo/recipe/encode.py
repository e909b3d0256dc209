"""Sound to files: the same samples give the same bytes."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Literal

import av
import numpy as np
import soundfile
import soxr

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from demo.recipe.synthesise import Sound

Format = Literal["wav", "ulaw", "flac", "mp3", "vorbis", "opus", "m4a"]
_SNDFILE = {
    "wav": ("WAV", "PCM_16"),
    "ulaw": ("WAV", "ULAW"),
    "flac": ("FLAC", "PCM_16"),
    "mp3": ("MP3", "MPEG_LAYER_III"),
    "vorbis": ("OGG", "VORBIS"),
    "opus": ("OGG", "OPUS"),
}
_M4A_BITS_PER_SECOND = 48_000
_OGG_SERIAL = 0x6E73  # "ns"


def encode(sound: Sound, rate: int, kind: Format) -> bytes:
    """A file of `sound`, shape (n_samples,) or (n_samples, n_channels), at `rate` Hz."""
    if kind == "m4a":
        return _m4a(sound, rate)
    container, subtype = _SNDFILE[kind]
    buffer = io.BytesIO()
    soundfile.write(buffer, sound, rate, subtype, format=container)
    return _fixed_serial(buffer.getvalue()) if container == "OGG" else buffer.getvalue()


def write(path: Path, sound: Sound, *, source_rate: int, rate: int, kind: Format) -> None:
    """Resample, encode and write."""
    path.parent.mkdir(parents=True, exist_ok=True)
    resampled = sound if rate == source_rate else soxr.resample(sound, source_rate, rate)
    path.write_bytes(encode(resampled, rate, kind))


def _m4a(sound: Sound, rate: int) -> bytes:
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="ipod", options={"fflags": "+bitexact"}) as container:
        stream = container.add_stream("aac", rate=rate, options={"flags": "+bitexact"})
        stream.bit_rate = _M4A_BITS_PER_SECOND
        stream.layout = "mono"
        frame = av.AudioFrame.from_ndarray(_fltp(sound), format="fltp", layout="mono")
        frame.sample_rate = rate
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return buffer.getvalue()


def _fltp(sound: Sound) -> npt.NDArray[np.float32]:
    return np.ascontiguousarray(sound[None, :], dtype=np.float32)


def _fixed_serial(ogg: bytes) -> bytes:
    """The stream with a fixed serial number: libsndfile draws one from the clock (RFC 3533)."""
    data = bytearray(ogg)
    table = _crc_table()
    start = 0
    while start < len(data):
        segments = data[start + 26]
        end = start + 27 + segments + sum(data[start + 27 : start + 27 + segments])
        data[start + 14 : start + 18] = _OGG_SERIAL.to_bytes(4, "little")
        data[start + 22 : start + 26] = bytes(4)
        crc = 0
        for byte in data[start:end]:
            crc = (crc << 8 & 0xFFFFFFFF) ^ table[crc >> 24 ^ byte]
        data[start + 22 : start + 26] = crc.to_bytes(4, "little")
        start = end
    return bytes(data)


def _crc_table() -> list[int]:
    table = []
    for index in range(256):
        value = index << 24
        for _ in range(8):
            value = (value << 1) ^ (0x104C11DB7 if value & 0x80000000 else 0)
        table.append(value)
    return table
