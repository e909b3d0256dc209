"""What takes gigabytes, hours or a long time: for the long form of the tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import soundfile

from tests.hostile.encoded import chunk, encoded, fmt, pcm, riff
from tests.hostile.hostile_file import (
    EMPTY,
    NO_SOUND,
    OK,
    SOUND,
    UNSUPPORTED,
    HostileFile,
)

_MB = 1 << 20
_HOUR = 3600 * 16_000


def large() -> Iterator[HostileFile]:
    """Bombs, tags of 100 MB, holes of 5 GB."""
    for name, make, ends in (
        ("silence-5-hours.flac", _silence(5, "FLAC", "PCM_16"), EMPTY),
        ("silence-1-hour.opus", _silence(1, "OGG", "OPUS"), EMPTY),
        ("silence-2-hours.ogg", _silence(2, "OGG", "VORBIS"), EMPTY),
        ("silence-eight-channels.flac", _silence(1, "FLAC", "PCM_16", channels=8), EMPTY),
        ("tag-of-100-mb.mp3", _written(_id3(100 * _MB), encoded("mp3")), OK),
        ("list-of-100-mb.wav", _written(_wav_with(chunk(b"LIST", bytes(100 * _MB)))), OK),
        ("junk-of-100-mb.wav", _written(_wav_with(chunk(b"junk", bytes(100 * _MB)))), OK),
        ("comments-of-100-mb.flac", _written(*_flac_blocks(7)), OK | NO_SOUND),
        ("comment-of-100-mb.ogg", _written(_vorbis_comment(100 * _MB)), SOUND | NO_SOUND),
        ("million-tags.mp3", _written(b"ID3\x04\0\0\0\0\0\0" * _MB, encoded("mp3")), OK | NO_SOUND),
        ("holes-of-5-gb.wav", _sparse(b"", 5), UNSUPPORTED),
        ("holes-of-5-gb.mp3", _sparse(b"", 5), UNSUPPORTED),
        ("holes-behind-a-header.wav", _sparse(_wav_with(b"", size=-1), 1), SOUND),
        ("holes-behind-sound.mp3", _sparse(encoded("mp3"), 1), SOUND | NO_SOUND),
        ("holes-behind-sound.m4a", _sparse(encoded("m4a"), 1), SOUND | NO_SOUND),
        ("holes-behind-sound.flac", _sparse(encoded("flac"), 1), SOUND | NO_SOUND),
        ("noise-of-100-mb.mp3", _noise, UNSUPPORTED | NO_SOUND),
    ):
        yield HostileFile(group="large", name=name, make=make, ends=ends, large=True)


def _written(*parts: bytes) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        with path.open("wb") as file:
            file.writelines(parts)

    return make


def _silence(hours: int, form: str, subtype: str, *, channels: int = 1) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        block = np.zeros((160_000, channels), np.int16)
        with soundfile.SoundFile(path, "w", 16_000, channels, subtype, format=form) as file:
            for _ in range(hours * _HOUR // len(block)):
                file.write(block)

    return make


def _sparse(head: bytes, gigabytes: int) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        with path.open("wb") as file:
            file.write(head)
            file.truncate(gigabytes << 30)

    return make


def _noise(path: Path) -> None:
    path.write_bytes(np.random.default_rng(1).bytes(100 * _MB))


def _id3(size: int) -> bytes:
    sevens = bytes(size >> shift & 127 for shift in (21, 14, 7, 0))
    return b"ID3\x04\0\0" + sevens + bytes(size)


def _wav_with(stray: bytes, *, size: int | None = None) -> bytes:
    return riff(chunk(b"fmt ", fmt()) + stray + chunk(b"data", pcm(), size=size), size=size)


def _flac_blocks(count: int) -> tuple[bytes, ...]:
    data = encoded("flac")
    most = (1 << 24) - 1
    text = b"x" * (most - 12)
    comment = (0).to_bytes(4, "little") + (1).to_bytes(4, "little")
    comment += len(text).to_bytes(4, "little") + text
    block = b"\x04" + most.to_bytes(3, "big") + comment
    return (data[:42], *[block] * count, data[42:])


def _vorbis_comment(size: int) -> bytes:
    """The second page's packet goes on for ever: pages of 255 full segments each."""
    data = encoded("ogg")
    second = data.index(b"OggS", 1)
    serial = data[second + 14 : second + 18]
    head = b"OggS\0\1" + bytes(8) + serial
    page = b"\1\0\0\0" + bytes(4) + b"\xff" + b"\xff" * 255 + bytes(255 * 255)
    return data[:second] + (head + page) * (size // (255 * 255)) + data[second:]
