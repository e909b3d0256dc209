"""What is no recording and is called one, and recordings called something else."""

from __future__ import annotations

import gzip
import io
import sqlite3
import tarfile
import zipfile
from collections.abc import Iterator

import av
import numpy as np

from tests.hostile.encoded import encoded
from tests.hostile.hostile_file import NO_SOUND, OK, UNSUPPORTED, HostileFile, of_bytes

_TEXT = b"Minutes of the meeting of 3 May\n" * 200
_OTHERS = {
    "text": _TEXT,
    "text-utf16": _TEXT.decode().encode("utf-16"),
    "html": b"<!DOCTYPE html><html><body><h1>404 Not Found</h1></body></html>" * 20,
    "s3-error": b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>',
    "json": b'{"message": "Internal Server Error"}',
    "pdf": b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n" + b"1 0 obj << /Type /Catalog >> endobj\n" * 50,
    "png": b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(2000),
    "jpeg": b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" + bytes(2000) + b"\xff\xd9",
    "elf": b"\x7fELF\x02\x01\x01" + bytes(5000),
    "midi": b"MThd\x00\x00\x00\x06\x00\x00\x00\x01\x00\x60MTrk\x00\x00\x00\x04\x00\xff\x2f\x00",
    "swf": b"FWS\x09" + bytes(3000),
    "subtitles": b"1\n00:00:01,000 --> 00:00:02,000\nhello\n\n" * 50,
    "cue": b'FILE "other.wav" WAVE\n  TRACK 01 AUDIO\n    INDEX 01 00:00:00\n',
    "m3u8": b"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\n0-good-0.wav\n#EXT-X-ENDLIST\n",
    "ffconcat": b"ffconcat version 1.0\nfile 0-good-0.wav\n",
    "sdp": b"v=0\no=- 0 0 IN IP4 127.0.0.1\nm=audio 5004 RTP/AVP 0\n",
    "zeros": bytes(100_000),
    "ones": b"\xff" * 100_000,
    "noise": np.random.default_rng(0).bytes(100_000),
    "newlines": b"\n" * 5_000,
    "lfs-pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n",
}
_SWAPPED = [
    ("wav", "mp3"), ("wav", "flac"), ("mp3", "wav"), ("mp3", "m4a"), ("flac", "ogg"),
    ("flac", "wav"), ("ogg", "mp3"), ("opus", "wav"), ("m4a", "wav"), ("m4a", "opus"),
    ("webm", "mp3"), ("aiff", "wav"),
]  # fmt: skip


def other_files() -> Iterator[HostileFile]:
    """Files of other kinds, each called a recording of two kinds."""
    others = {**_OTHERS, "zip": _zip(), "gzip": gzip.compress(_TEXT), "tar": _tar()}
    others |= {"sqlite": _sqlite(), "zip-of-sound": _zip(encoded("wav"))}
    for name, data in others.items():
        for form in ("wav", "mp3"):
            yield of_bytes("not sound", f"{name}.{form}", data, UNSUPPORTED)
    for form in ("m4a", "webm"):
        yield of_bytes("not sound", f"video-without-sound.{form}", _video(form), UNSUPPORTED)
    yield of_bytes("not sound", "gzip-of-sound.wav", gzip.compress(encoded("wav")), NO_SOUND)


def other_names() -> Iterator[HostileFile]:
    """What a file is called says nothing of what it is."""
    for form, name in _SWAPPED:
        yield of_bytes("wrong extension", f"{form}-called.{name}", encoded(form), OK)


def _zip(content: bytes = _TEXT) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("minutes.wav", content)
    return stream.getvalue()


def _tar() -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        entry = tarfile.TarInfo("minutes.txt")
        entry.size = len(_TEXT)
        archive.addfile(entry, io.BytesIO(_TEXT))
    return stream.getvalue()


def _sqlite() -> bytes:
    with sqlite3.connect(":memory:") as base:
        base.execute("create table minutes (text)")
        return base.serialize()


def _video(form: str) -> bytes:
    stream = io.BytesIO()
    kind, codec = {"m4a": ("mp4", "mpeg4"), "webm": ("webm", "libvpx")}[form]
    with av.open(stream, "w", format=kind) as container:
        track = container.add_stream(codec, rate=10)
        track.width = track.height = 32
        for _ in range(3):
            frame = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), "rgb24")
            container.mux(track.encode(frame))
        container.mux(track.encode(None))
    return stream.getvalue()
