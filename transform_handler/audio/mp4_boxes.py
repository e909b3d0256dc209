"""The outermost boxes of an MP4: enough of it to say that a file was cut short.

ISO/IEC 14496-12, section 4.2: four bytes of size, four of type; size 1 means that eight bytes of
size follow, size 0 that the box runs to the file's end.
"""

from __future__ import annotations

import io
from typing import BinaryIO

_HEAD_BYTES, _LONG_HEAD_BYTES = 8, 16
# A file of sound has a handful; a hostile one may have one for every eight bytes.
_MOST_BOXES = 10_000


def ends_within_a_box(file: BinaryIO) -> bool:
    """Whether the last of the boxes goes on behind the end of the file."""
    end = file.seek(0, io.SEEK_END)
    position = 0
    for _ in range(_MOST_BOXES):
        size = _box_bytes(file, position)
        if size is None or position >= end:
            return False
        position += size
        if position > end:
            return True
    return False


def _box_bytes(file: BinaryIO, position: int) -> int | None:
    """The size of the box there; None where it has none that could be."""
    file.seek(position)
    head = file.read(_LONG_HEAD_BYTES)
    size, least = int.from_bytes(head[:4], "big"), _HEAD_BYTES
    if size == 1:
        size, least = int.from_bytes(head[_HEAD_BYTES:], "big"), _LONG_HEAD_BYTES
    return size if size >= least else None
