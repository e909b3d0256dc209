"""WAV and AIFF files whose headers lie."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from tests.hostile.encoded import chunk, encoded, fmt, pcm, riff
from tests.hostile.hostile_file import (
    CORRUPT,
    EMPTY,
    NO_SOUND,
    OK,
    SOUND,
    TOO_LONG,
    UNSUPPORTED,
    HostileFile,
    of_bytes,
)

_G = "lying header"
_HUGE = (1 << 31, (1 << 31) - 1, (1 << 32) - 1, (1 << 32) - 2, (1 << 32) - 37)


def lying_wavs() -> Iterator[HostileFile]:
    """The whole of the RIFF form, one lie at a time."""
    yield from _sizes()
    yield from _orders()
    yield from _formats()
    yield from _rf64()


def _wav(chunks: bytes, *, size: int | None = None, name: bytes = b"RIFF") -> bytes:
    return riff(chunks, size=size, name=name)


def _sizes() -> Iterator[HostileFile]:
    head, sound = chunk(b"fmt ", fmt()), pcm()
    for size in _HUGE:
        # What a recorder writes that does not know the length; the file's end is the sound's.
        data = _wav(head + chunk(b"data", sound, size=size), size=size)
        yield of_bytes(_G, f"data-{size:x}.wav", data, OK)
        yield of_bytes(_G, f"empty-data-{size:x}.wav", data[:44], EMPTY | NO_SOUND)
    whole = len(sound)
    for size, ends in ((0, OK), (1, SOUND), (whole - 1, OK), (whole - 1000, OK)):
        data = _wav(head + chunk(b"data", sound, size=size))
        yield of_bytes(_G, f"data-{size}-of-{whole}.wav", data, ends | NO_SOUND)
    for more in (4_000, whole, 1 << 30):
        data = _wav(head + chunk(b"data", sound, size=whole + more))
        yield of_bytes(_G, f"data-{more}-too-many.wav", data, CORRUPT)
    for size in (0, 1, 36, len(sound), (1 << 32) - 1):
        data = _wav(head + chunk(b"data", sound), size=size)
        yield of_bytes(_G, f"riff-{size}.wav", data, OK)


def _orders() -> Iterator[HostileFile]:
    head, sound = chunk(b"fmt ", fmt()), chunk(b"data", pcm())
    other = chunk(b"fmt ", fmt(channels=2, rate=44_100))
    stray = chunk(b"LIST", b"INFO" + b"x" * 20)
    told: dict[str, tuple[bytes, frozenset[str]]] = {
        "data-before-fmt": (sound + head, OK | NO_SOUND),
        "no-fmt": (sound, NO_SOUND),
        "no-data": (head, EMPTY | NO_SOUND),
        "nothing": (b"", NO_SOUND),
        "two-fmt": (head + other + sound, SOUND | NO_SOUND),
        "fmt-behind-data": (head + sound + other, SOUND | NO_SOUND),
        "two-data": (head + sound + sound, OK | NO_SOUND),
        "ten-thousand-empty-chunks": (head + chunk(b"junk", b"") * 10_000 + sound, OK | NO_SOUND),
        "chunk-of-4-gb": (head + chunk(b"junk", b"", size=(1 << 32) - 1) + sound, SOUND | NO_SOUND),
        "chunk-of-2-gb": (head + chunk(b"LIST", b"", size=1 << 31) + sound, SOUND | NO_SOUND),
        "list-in-between": (head + stray + sound, OK),
        "list-lies": (head + chunk(b"LIST", b"INFOINAM\xff\xff\xff\x7f") + sound, OK | NO_SOUND),
        "names-of-zeros": (head + chunk(b"\0\0\0\0", b"\0" * 8) + sound, OK | NO_SOUND),
        "fmt-of-0": (chunk(b"fmt ", b"") + sound, NO_SOUND),
        "fmt-of-14": (chunk(b"fmt ", fmt()[:14]) + sound, SOUND | NO_SOUND),
        "fmt-of-2-gb": (chunk(b"fmt ", fmt(), size=1 << 31) + sound, NO_SOUND),
        "id3-inside": (head + chunk(b"id3 ", b"ID3\x04\x00\x00\x7f\x7f\x7f\x7f") + sound, OK),
        "bext-of-0": (head + chunk(b"bext", b"") + sound, OK | NO_SOUND),
        "cue-lies": (head + chunk(b"cue ", b"\xff\xff\xff\xff") + sound, OK | NO_SOUND),
        "smpl-lies": (head + chunk(b"smpl", b"\xff" * 36) + sound, OK | NO_SOUND),
    }
    for name, (chunks, ends) in told.items():
        yield of_bytes(_G, f"{name}.wav", _wav(chunks), ends)
    yield of_bytes(_G, "latin-1-tags.wav", _wav(head + _tags(b"Gespr\xe4ch") + sound), OK)


def _tags(title: bytes) -> bytes:
    return chunk(b"LIST", b"INFO" + chunk(b"INAM", title))


def _formats() -> Iterator[HostileFile]:
    told: dict[str, tuple[bytes, frozenset[str]]] = {
        "channels-0": (fmt(channels=0), NO_SOUND),
        "channels-65": (fmt(channels=65), UNSUPPORTED),
        "channels-255": (fmt(channels=255), NO_SOUND),
        "channels-65535": (fmt(channels=65_535), NO_SOUND),
        "channels-64": (fmt(channels=64), SOUND),
        "rate-0": (fmt(rate=0), NO_SOUND),
        "rate-1": (fmt(rate=1), UNSUPPORTED),
        "rate-999": (fmt(rate=999), UNSUPPORTED),
        "rate-1000": (fmt(rate=1_000), SOUND),
        "rate-768000": (fmt(rate=768_000), SOUND),
        "rate-768001": (fmt(rate=768_001), UNSUPPORTED),
        "rate-4294967295": (fmt(rate=(1 << 32) - 1), NO_SOUND),
        "align-0": (fmt(align=0), SOUND | NO_SOUND),
        "align-1": (fmt(align=1), SOUND | NO_SOUND),
        "align-65535": (fmt(align=65_535), SOUND | NO_SOUND),
        "bytes-a-second-0": (fmt(second=0), OK | NO_SOUND),
        "bytes-a-second-huge": (fmt(second=(1 << 32) - 1), OK | NO_SOUND),
        **{
            f"bits-{bits}": (fmt(bits=bits), SOUND | NO_SOUND) for bits in (0, 1, 7, 12, 33, 65_535)
        },
        **{
            f"tag-{tag:x}": (fmt(tag=tag), SOUND | NO_SOUND)
            for tag in (0, 2, 3, 6, 7, 0x11, 0x31, 0x55, 0x161, 0x1234, 0xFFFE, 0xFFFF)
        },
        "extensible-garbage": (fmt(tag=0xFFFE) + b"\x16\x00" + b"\xff" * 22, NO_SOUND | SOUND),
    }
    sound = chunk(b"data", pcm())
    for name, (head, ends) in told.items():
        slow = name == "rate-1000"  # forty seconds of sound
        yield of_bytes(_G, f"{name}.wav", _wav(chunk(b"fmt ", head) + sound), ends, large=slow)


def _rf64() -> Iterator[HostileFile]:
    sound = pcm()
    for name, size, ends in (
        ("true", len(sound), OK),
        ("0", 0, SOUND | NO_SOUND),
        ("all", (1 << 64) - 1, OK | CORRUPT | TOO_LONG),
        ("half", (1 << 63) - 1, OK | CORRUPT | TOO_LONG),
        ("terabyte", 1 << 40, OK | CORRUPT | TOO_LONG),
    ):
        sizes = struct.pack("<QQQI", len(sound) + 72, size, size // 2, 0)
        content = chunk(b"ds64", sizes) + chunk(b"fmt ", fmt())
        data = _wav(content + chunk(b"data", sound, size=-1), size=-1, name=b"RF64")
        yield of_bytes(_G, f"rf64-{name}.wav", data, ends)
    bare = chunk(b"fmt ", fmt()) + chunk(b"data", sound, size=-1)
    yield of_bytes(_G, "rf64-without-ds64.wav", _wav(bare, size=-1, name=b"RF64"), OK | NO_SOUND)
    yield of_bytes(_G, "rifx.wav", _wav(bare, name=b"RIFX"), NO_SOUND)


def lying_aiffs() -> Iterator[HostileFile]:
    """The COMM and SSND chunks of an AIFF."""
    data = encoded("aiff")
    common, sound = data.index(b"COMM") + 8, data.index(b"SSND") + 8
    for name, at, lie, ends in (
        ("channels-0", common, b"\0\0", NO_SOUND),
        ("channels-255", common, b"\0\xff", NO_SOUND),
        ("frames-0", common + 2, bytes(4), SOUND | NO_SOUND),
        ("frames-all", common + 2, b"\xff" * 4, SOUND | NO_SOUND),
        ("bits-0", common + 6, b"\0\0", SOUND | NO_SOUND),
        ("bits-65535", common + 6, b"\xff\xff", NO_SOUND),
        ("rate-0", common + 8, bytes(10), NO_SOUND),
        ("rate-negative", common + 8, b"\xc0\x0e\xac\x44" + bytes(6), NO_SOUND),
        ("rate-infinite", common + 8, b"\x7f\xff\x80" + bytes(7), NO_SOUND),
        ("rate-nan", common + 8, b"\x7f\xff\xff" + bytes(7), NO_SOUND),
        ("offset-huge", sound, b"\x7f\xff\xff\xff", SOUND | NO_SOUND),
        ("block-huge", sound + 4, b"\x7f\xff\xff\xff", SOUND | NO_SOUND),
        ("size-0", sound - 4, bytes(4), SOUND | NO_SOUND),
        ("size-all", sound - 4, b"\xff" * 4, SOUND | NO_SOUND),
    ):
        lied = data[:at] + lie + data[at + len(lie) :]
        yield of_bytes(_G, f"{name}.aiff", lied, ends)
