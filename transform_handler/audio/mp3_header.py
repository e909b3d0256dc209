"""The length of an MP3, where its first frame says it; an MP3 has no other header.

The frame is Xing's (called Info where the bit rate is constant) or VBRI; both are described at
https://www.codeproject.com/Articles/8295/MPEG-Audio-Frame-Header.
"""

from __future__ import annotations

import io
import re
from typing import BinaryIO

_FRAME = re.compile(rb"\xff[\xe2\xe3\xf2\xf3\xfa\xfb]")  # MPEG 2.5, 2 and 1, layer III
_RATES = (44_100, 48_000, 32_000)
_FRAMES_FLAG, _BYTES_FLAG = 1, 2
_SCAN_BYTES = 1 << 13
# A file with more bytes than its header knows has another one behind it: FFmpeg's own measure.
_MORE_BYTES = 1 + 1 / 16


def promised_mp3_seconds(file: BinaryIO) -> float | None:
    """Seconds by the header; None without one, or where the file goes on beyond it."""
    begin = _after_tags(file)
    file.seek(begin)
    data = file.read(_SCAN_BYTES)
    for found in _FRAME.finditer(data):
        seconds_and_bytes = _read_frame(data[found.start() :])
        if seconds_and_bytes is not None:
            seconds, size = seconds_and_bytes
            there = file.seek(0, io.SEEK_END) - begin
            return None if size and there > size * _MORE_BYTES else seconds
    return None


def begins_with_zeros(file: BinaryIO) -> bool:
    """Whether there is nothing but zeros where the sound of an MP3 would begin."""
    file.seek(_after_tags(file))
    return not file.read(_SCAN_BYTES).strip(b"\0")


def _after_tags(file: BinaryIO) -> int:
    """Where the sound begins: behind the ID3v2 tags, whose sizes have seven bits a byte."""
    position = 0
    while True:
        file.seek(position)
        head = file.read(10)
        if len(head) < 10 or head[:3] != b"ID3":
            return position
        size = head[6] << 21 | head[7] << 14 | head[8] << 7 | head[9]
        position += 10 + size + (10 if head[5] & 0x10 else 0)


def _read_frame(frame: bytes) -> tuple[float, int] | None:
    """Seconds and bytes (0 where they are not told) by a frame that begins with its header."""
    if len(frame) < 200 or (frame[2] >> 2 & 3) == 3:
        return None
    version, mono = frame[1] >> 3 & 3, frame[3] >> 6 == 3
    rate = _RATES[frame[2] >> 2 & 3] // {3: 1, 2: 2, 0: 4}[version]
    samples = 1152 if version == 3 else 576
    # Behind the side information, whose size depends on version and channels.
    tag = frame[4 + _side_bytes(version, mono=mono) :]
    if tag[:4] in (b"Xing", b"Info") and tag[7] & _FRAMES_FLAG:
        size = _number(tag, 12) if tag[7] & _BYTES_FLAG else 0
        return _number(tag, 8) * samples / rate, size
    if frame[36:40] == b"VBRI":
        return _number(frame, 50) * samples / rate, _number(frame, 46)
    return None


def _side_bytes(version: int, *, mono: bool) -> int:
    if version == 3:
        return 17 if mono else 32
    return 9 if mono else 17


def _number(data: bytes, position: int) -> int:
    return int.from_bytes(data[position : position + 4], "big")
