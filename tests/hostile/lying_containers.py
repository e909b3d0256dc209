"""FLAC, Ogg, MP3 and MP4 files whose headers lie."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from tests.hostile.encoded import boxes, encoded
from tests.hostile.hostile_file import (
    CORRUPT,
    FINAL,
    NO_SOUND,
    OK,
    SOUND,
    TOO_LONG,
    HostileFile,
    of_bytes,
)

_G = "lying header"
_READ = SOUND | NO_SOUND
_ALL_32 = b"\xff" * 4


def _patched(data: bytes, at: int, lie: bytes) -> bytes:
    return data[:at] + lie + data[at + len(lie) :]


def lying_flacs() -> Iterator[HostileFile]:
    """STREAMINFO (RFC 9639, section 8.2), the blocks behind it, and the comments."""
    data = encoded("flac")
    for name, at, lie, ends in (
        ("samples-1", 21, b"\xf0\0\0\0\1", _READ),
        ("samples-most", 21, b"\xff" * 5, TOO_LONG | CORRUPT),
        ("samples-more", 22, b"\0\x01\x00\x00", CORRUPT),
        ("blocks-0", 8, bytes(4), _READ),
        ("blocks-65535", 8, _ALL_32, _READ),
        ("frames-0", 12, bytes(6), _READ),
        ("rate-0", 18, b"\0\0\0", _READ),
        ("rate-1", 18, b"\0\0\x10", _READ),
        ("rate-most", 18, b"\xff\xff\xf0", _READ),
        ("channels-8", 20, b"\x0e", _READ),
        ("bits-4", 20, b"\x00\x30", _READ),
        ("digest-wrong", 26, b"\xaa" * 16, OK),
        ("streaminfo-of-0", 5, b"\0\0\0", NO_SOUND),
        ("streaminfo-of-16-mb", 5, b"\xff\xff\xff", _READ),
        ("streaminfo-is-127", 4, b"\x7f", _READ),
        ("block-is-127", 42, b"\xff", _READ),
        ("block-of-16-mb", 43, b"\xff\xff\xff", _READ),
        ("comment-vendor", 46, _ALL_32, _READ),
    ):
        yield of_bytes(_G, f"{name}.flac", _patched(data, at, lie), ends)
    padding = b"\x01\0\0\0"
    many = data[:42] + padding * 100_000 + data[42:]
    yield of_bytes(_G, "hundred-thousand-blocks.flac", many, OK | NO_SOUND)
    comments = struct.pack("<I", 0) + _ALL_32
    block = b"\x04" + len(comments).to_bytes(3, "big") + comments
    yield of_bytes(_G, "comments-most.flac", data[:42] + block + data[42:], _READ)
    yield of_bytes(_G, "streaminfo-twice.flac", data[:42] + data[4:42] + data[42:], _READ)
    yield of_bytes(_G, "without-streaminfo.flac", data[:4] + data[42:], NO_SOUND)


def lying_oggs() -> Iterator[HostileFile]:
    """Pages (RFC 3533, section 6) and the headers of Vorbis and Opus (RFC 7845)."""
    for form in ("ogg", "opus"):
        data = encoded(form)
        last = data.rindex(b"OggS")
        for name, at, lie in (
            ("granule-all", last + 6, b"\xff" * 8),
            ("granule-most", last + 6, b"\xff" * 7 + b"\x7f"),
            ("granule-0", last + 6, bytes(8)),
            ("segments-255", 26, b"\xff"),
            ("segments-0", 26, b"\0"),
            ("checksum-0", 22, bytes(4)),
            ("version-1", 4, b"\1"),
            ("not-the-first", 5, b"\0"),
            ("ends-at-once", 5, b"\6"),
            ("serial-changes", last + 14, b"\xaa" * 4),
            ("page-number-all", last + 18, _ALL_32),
        ):
            yield of_bytes(_G, f"{name}.{form}", _patched(data, at, lie), FINAL)
        yield of_bytes(_G, f"30-links.{form}", data * 30, OK, large=True)
        yield of_bytes(_G, f"heads-only.{form}", data[: data.index(b"OggS", 1)] * 2000, _READ)
    opus = encoded("opus")
    head = opus.index(b"OpusHead")
    for name, at, lie in (
        ("channels-0", head + 9, b"\0"),
        ("channels-255", head + 9, b"\xff"),
        ("skip-65535", head + 10, b"\xff\xff"),
        ("gain-most", head + 16, b"\xff\x7f"),
        ("mapping-255", head + 18, b"\xff"),
        ("comments-most", opus.index(b"OpusTags") + 8, _ALL_32),
    ):
        yield of_bytes(_G, f"{name}.opus", _patched(opus, at, lie), FINAL)


def lying_mp3s() -> Iterator[HostileFile]:
    """The frame that says the length, tags whose sizes lie, and tags of no known alphabet."""
    data = encoded("mp3")
    xing = max(data.find(b"Xing"), data.find(b"Info"))
    for name, frames, ends in (
        ("frames-0", bytes(4), OK | NO_SOUND),
        ("frames-most", _ALL_32, CORRUPT | TOO_LONG),
        ("frames-twice", (140).to_bytes(4, "big"), CORRUPT),
    ):
        yield of_bytes(_G, f"{name}.mp3", _patched(data, xing + 8, frames), ends)
    for name, tag, ends in (
        ("tag-of-0", b"ID3\x04\0\0\0\0\0\0", OK),
        ("ten-thousand-tags", b"ID3\x04\0\0\0\0\0\0" * 10_000, OK | NO_SOUND),
        ("tag-too-long", b"ID3\x04\0\0\x7f\x7f\x7f\x7f", NO_SOUND),
        ("tag-frame-lies", b"ID3\x04\0\0\0\0\0\x14TIT2\x7f\xff\xff\xff\0\0" + bytes(10), OK),
        ("tag-latin-1", _title(b"\0Gespr\xe4ch"), OK),
        ("tag-says-utf-8", _title(b"\3Gespr\xe4ch"), OK),
        ("tag-says-utf-16", _title(b"\1\xff\xfe\x00\xd8x"), OK),
        ("picture-lies", _frame(b"APIC", b"\0image/png\0\3\0" + b"\x89PNG\r\n\x1a\n"), OK),
    ):
        yield of_bytes(_G, f"{name}.mp3", tag + data, ends)
    ape = b"APETAGEX\xd0\x07\0\0\xff\xff\xff\x7f\xff\xff\xff\x7f" + bytes(12)
    yield of_bytes(_G, "ape-tag-lies.mp3", data + ape, OK | CORRUPT)


def _title(text: bytes) -> bytes:
    return _frame(b"TIT2", text)


def _frame(name: bytes, content: bytes) -> bytes:
    frame = name + struct.pack(">IH", len(content), 0) + content
    return b"ID3\x03\0\0\0\0" + bytes([len(frame) >> 7, len(frame) & 127]) + frame


def lying_mp4s() -> Iterator[HostileFile]:
    """Boxes (ISO/IEC 14496-12) whose sizes, counts and names lie."""
    data = encoded("m4a")
    at = {name.decode("latin-1"): start for start, name in boxes(data)}
    for name in ("ftyp", "mdat", "moov", "trak", "stbl", "stsd", "stsz", "stts", "stco"):
        for size in (0, 1, 7, 1 << 31, (1 << 32) - 1):
            lied = _patched(data, at[name], size.to_bytes(4, "big"))
            yield of_bytes(_G, f"{name}-{size:x}.m4a", lied, _READ)
    for name, place, lie in (
        ("samples-most", at["stsz"] + 16, _ALL_32),
        ("sample-size-most", at["stsz"] + 12, b"\x7f\xff\xff\xff"),
        ("times-most", at["stts"] + 12, _ALL_32),
        ("time-0", at["stts"] + 20, bytes(4)),
        ("time-most", at["stts"] + 20, _ALL_32),
        ("chunks-most", at["stco"] + 12, _ALL_32),
        ("chunk-nowhere", at["stco"] + 16, _ALL_32),
        ("scale-0", at["mdhd"] + 20, bytes(4)),
        ("scale-most", at["mdhd"] + 20, _ALL_32),
        ("length-0", at["mdhd"] + 24, bytes(4)),
        ("length-most", at["mdhd"] + 24, _ALL_32),
        ("movie-length-most", at["mvhd"] + 24, _ALL_32),
        ("codec-unknown", at["stsd"] + 20, b"xxxx"),
        ("codec-zeros", at["stsd"] + 20, bytes(4)),
        ("codec-encrypted", at["stsd"] + 20, b"enca"),
        ("channels-0", at["stsd"] + 40, b"\0\0"),
        ("channels-255", at["stsd"] + 40, b"\0\xff"),
        ("rate-0", at["stsd"] + 48, bytes(4)),
        ("esds-noise", data.index(b"esds") + 12, b"\xa5" * 20),
        ("not-sound", data.index(b"soun"), b"vide"),
        ("brand-unknown", 8, b"xxxx"),
    ):
        yield of_bytes(_G, f"{name}.m4a", _patched(data, place, lie), _READ | TOO_LONG)
    yield of_bytes(_G, "no-moov.m4a", data[: at["moov"]], NO_SOUND)
    yield of_bytes(_G, "moov-only.m4a", data[at["moov"] :], NO_SOUND)
    yield of_bytes(_G, "moov-twice.m4a", data + data[at["moov"] :], _READ)
    nested = b""
    for _ in range(10_000):
        nested = (len(nested) + 8).to_bytes(4, "big") + b"moov" + nested
    yield of_bytes(_G, "nested-10000.m4a", data[: at["moov"]] + nested, NO_SOUND)
    title = b"\xa9nam" + b"\0\x08\0\0" + b"Gespr\xe4ch"
    about = (len(title) + 4).to_bytes(4, "big") + title
    udta = (len(about) + 8).to_bytes(4, "big") + b"udta" + about
    moov = data[at["moov"] + 8 :]
    tagged = (len(moov) + len(udta) + 8).to_bytes(4, "big") + b"moov" + moov + udta
    yield of_bytes(_G, "latin-1-tags.m4a", data[: at["moov"]] + tagged, OK)
