"""Decoding with libsndfile, whose seeks are exact to the sample: wav, flac, ogg, opus, aiff.

It stops where the first of several joined streams ends, and says nothing: a file made with
``cat`` would lose all but its beginning. Ogg allows such chains, so they are read link by link.
"""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, BinaryIO

from transform_handler.audio.sound import (
    BLOCK_SAMPLES,
    Block,
    Decoder,
    SoundInfo,
    check_end,
    damaged,
)
from transform_handler.records import ErrorKind, RecordingError

if TYPE_CHECKING:
    import soundfile
    from _typeshed import WriteableBuffer

# What a header promises and the decoder cannot deliver counts as damage above this.
MISSING_SECONDS = 0.05
_UNKNOWN_FRAMES = 1 << 62
# libsndfile's log of a WAV or AIFF file that is shorter than its header says.
_SHORT_CHUNK = re.compile(r"^\s*(?:data|SSND) : (\d+) \(should be (\d+)\)", re.MULTILINE)
# A recorder that streams does not know the length: it writes the largest number there is.
_STREAMED_BYTES = 0x7FFF_0000
_SCAN_BYTES = 1 << 20
# A page that begins a logical stream (RFC 3533, section 6): version 0, flag 2.
_OGG_PAGE = re.compile(rb"OggS\x00([\x00-\x07])", re.DOTALL)
_OGG_FIRST_PAGE = 0x02
# The marker with its first block, STREAMINFO, which is 34 bytes long (RFC 9639, section 8).
_FLAC_START = re.compile(rb"fLaC[\x00\x80]\x00\x00\x22")
# The decoder reads ahead of what it has given, by less than this.
_READ_AHEAD_BYTES = 1 << 18
_CHAIN = "several recordings were put together in this file, and not all of it can be read: "


class SndfileDecoder:
    """Decodes one stream."""

    def __init__(self, sound: soundfile.SoundFile, file: BinaryIO) -> None:
        self._sound = sound
        self._file = file
        self.info = SoundInfo(
            sample_rate=sound.samplerate, channels=sound.channels, frames=_promised_frames(sound)
        )

    @property
    def ogg(self) -> bool:
        """Whether other streams may follow by the format's own rules."""
        return bool(self._sound.format == "OGG")

    def blocks(self, *, start: int) -> Iterator[Block]:
        """Native-rate blocks; a stream that ends before its header says so is damaged."""
        import soundfile  # noqa: PLC0415

        frames = max(1, BLOCK_SAMPLES // self.info.channels)
        position = min(start, max(0, self._sound.frames))
        try:
            self._go_to(position, frames)
            # A part behind the sound was planned by a size that is not the sound's: what a decoder
            # would search there may be gigabytes of zeros.
            behind = 0 < (self.info.frames or 0) <= start
            while not behind:
                block = self._sound.read(frames, dtype="float32", always_2d=True)
                if not len(block):
                    break
                position += len(block)
                yield block
        except soundfile.LibsndfileError as error:
            reason = str(error).removeprefix("Error : ")
            raise damaged(position, self.info, reason) from error
        if self._sound.format == "FLAC":
            _refuse_another_flac(self._file)
        check_end(position, self.info, MISSING_SECONDS)

    def _go_to(self, position: int, frames: int) -> None:
        if self._sound.seekable():
            self._sound.seek(position)
            return
        # GSM 6.10, of telephone systems: libsndfile gives it from the beginning only.
        while position > 0 and (done := len(self._sound.read(min(frames, position)))):
            position -= done


def _promised_frames(sound: Any) -> int:
    """Frames by the header: libsndfile quietly believes the file's length instead."""
    frames = max(0, int(sound.frames))
    promised, there = _short_chunk(sound)
    return round(frames * promised / there) if promised and there > 0 else frames


def _short_chunk(sound: Any) -> tuple[int, int]:
    """Bytes of sound by the header and in the file, where that has fewer; else zeros."""
    found = _SHORT_CHUNK.search(sound.extra_info)
    if found is None or int(found[1]) >= _STREAMED_BYTES:
        return 0, 0
    return int(found[1]), int(found[2])


class ChainDecoder:
    """Decodes streams that follow each other in one file."""

    def __init__(self, links: list[SndfileDecoder]) -> None:
        first = links[0].info
        kinds = {(link.info.sample_rate, link.info.channels) for link in links}
        if len(kinds) > 1:
            raise RecordingError(ErrorKind.CORRUPT, f"{_CHAIN}their rates or channels differ")
        self._links = links
        self.info = SoundInfo(
            sample_rate=first.sample_rate,
            channels=first.channels,
            frames=sum(link.info.frames or 0 for link in links),
        )

    def blocks(self, *, start: int) -> Iterator[Block]:
        """Native-rate blocks of one stream after the other."""
        before = 0
        for link in self._links:
            frames = link.info.frames or 0
            if start < before + frames:
                yield from link.blocks(start=max(0, start - before))
            before += frames


def open_sndfile(file: BinaryIO, stack: contextlib.ExitStack) -> Decoder | None:
    """None where libsndfile cannot read it, or does not know the length.

    It guesses the length of an MP3 that does not say it, and stops there; takes a WAV whose
    recorder died before it wrote the length for empty; and stumbles at the end of a FLAC that
    was streamed. FFmpeg reads these to their end.

    Raises:
        RecordingError: ``corrupt``: a chain that cannot be read whole.
    """
    _refuse_another_wav(file)
    decoder = _opened(file, stack)
    if decoder is None or not decoder.ogg:
        return decoder
    place = file.tell()
    starts = _ogg_links(file)
    if len(starts) == 1:
        file.seek(place)  # where libsndfile, which reads through this file, believes to be
        return decoder
    ends = [*starts[1:], file.seek(0, io.SEEK_END)]
    links = [
        _link(_Section(file, start, end), stack) for start, end in zip(starts, ends, strict=True)
    ]
    return ChainDecoder(links)


def _link(section: _Section, stack: contextlib.ExitStack) -> SndfileDecoder:
    decoder = _opened(io.BufferedReader(section), stack)
    if decoder is None:
        raise RecordingError(ErrorKind.CORRUPT, f"{_CHAIN}one of them is damaged or empty")
    return decoder


def _opened(file: BinaryIO, stack: contextlib.ExitStack) -> SndfileDecoder | None:
    import soundfile  # noqa: PLC0415

    file.seek(0)
    try:
        sound = stack.enter_context(soundfile.SoundFile(file))
    except (soundfile.LibsndfileError, TypeError):
        return None
    if sound.frames == 0 and _short_chunk(sound)[0] > 0:
        raise RecordingError(ErrorKind.CORRUPT, "the file ends where its sound would begin")
    readable = sound.format != "MP3" and 0 < sound.frames < _UNKNOWN_FRAMES
    return SndfileDecoder(sound, file) if readable else None


def _ogg_links(file: BinaryIO) -> list[int]:
    """Where the links of an Ogg file begin.

    Streams that run beside each other all begin before the first page of content; one that
    begins later follows them (RFC 3533, section 4).
    """
    starts = [0]
    beginning = True
    for position, page in _find(file, _OGG_PAGE, start=0):
        first = bool(page[1][0] & _OGG_FIRST_PAGE)
        if first and not beginning:
            starts.append(position)
        beginning = first
    return starts


def _refuse_another_wav(file: BinaryIO) -> None:
    file.seek(0)
    head = file.read(8)
    if head[:4] != b"RIFF":
        return
    file.seek(8 + int.from_bytes(head[4:], "little"))
    if file.read(4) == b"RIFF":
        raise RecordingError(ErrorKind.CORRUPT, f"{_CHAIN}a WAV file has one stream only")


def _refuse_another_flac(file: BinaryIO) -> None:
    """After the last frame, so that a recording need not be read twice to be sure of its end."""
    start = max(1, file.tell() - _READ_AHEAD_BYTES)
    if next(_find(file, _FLAC_START, start=start), None) is not None:
        raise RecordingError(ErrorKind.CORRUPT, f"{_CHAIN}a FLAC file has one stream only")


def _find(
    file: BinaryIO, pattern: re.Pattern[bytes], *, start: int
) -> Iterator[tuple[int, re.Match[bytes]]]:
    """Matches of a pattern of at most eight bytes, with their positions in the file."""
    file.seek(start)
    held = b""
    while piece := file.read(_SCAN_BYTES):
        data = held + piece
        done = 0
        for found in pattern.finditer(data):
            yield start + found.start(), found
            done = found.end()
        kept = max(done, len(data) - 7)
        held, start = data[kept:], start + kept


class _Section(io.RawIOBase):
    """Bytes ``[start, end)`` of a file as a file."""

    def __init__(self, file: BinaryIO, start: int, end: int) -> None:
        self._file, self._start, self._end = file, start, end
        self._position = start

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        base = {io.SEEK_SET: self._start, io.SEEK_CUR: self._position, io.SEEK_END: self._end}
        self._position = max(self._start, base[whence] + offset)
        return self._position - self._start

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        wanted = memoryview(buffer).cast("B")
        self._file.seek(self._position)
        data = self._file.read(max(0, min(len(wanted), self._end - self._position)))
        wanted[: len(data)] = data
        self._position += len(data)
        return len(data)
