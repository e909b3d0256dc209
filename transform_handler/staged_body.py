"""One channel of a stretch of a recording as a FLAC file, sample for sample what was decoded.

An isolated container can read nothing, so a request brings the sound. What it brings is what the
decoder would have given the handler for that stretch: 16 kHz, mixed or one channel, with the
overlap that its windows need. Samples that are whole multiples of 2^-15 or 2^-23 are PCM of 16 or
24 bits. Any other, from a resampler or a lossy codec, is a float32 whose upper and lower 16 bits
are the two channels of the file: louder than full scale or fainter than 24 bits, it comes out as
it went in.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

from manifests.json_files import parsed_json
from manifests.pointers import Pointer
from transform_handler.audio.crosstalk import crosstalk
from transform_handler.audio.decoder_process import OpenSound, SoundRequest
from transform_handler.audio.layout import SAMPLE_RATE, WindowLayout
from transform_handler.audio.sound import Block
from transform_handler.audio.windows import Part, PlannedWindow, Window, cut
from transform_handler.engine.frames import Samples
from transform_handler.records import ErrorKind, RecordingError

Depth = Literal[16, 24, 32]
DEPTHS: tuple[Depth, ...] = (16, 24, 32)
# FLAC stores what it cannot compress as it is, in frames with headers; the comment comes first.
_FRAME_SHARE, _HEAD_BYTES = 1.01, 1 << 16
_COMMENT_BLOCK = 4
_KEY = "comment="
_FORM = "nightscribe-body"
_VERSION = 1


@dataclass(frozen=True, kw_only=True)
class BodyFacts:
    """What a body says of itself.

    ``offset`` and ``duration`` are the stretch in seconds whose words are asked for. ``begin`` and
    ``end`` are the samples of the recording that its windows need; the sound is less where the
    recording ends before. ``channels`` is how many the recording has, ``seconds`` its length by
    its header. ``planned`` are the windows of one channel of several: where they lie, and what in
    them is crosstalk, is known from all channels only.
    """

    id: str
    offset: float
    duration: float
    begin: int
    end: int | None
    channel: int | None
    channels: int
    seconds: float | None = None
    language: str | None = None
    depth: Depth = 16
    planned: tuple[PlannedWindow, ...] | None = None

    def pointer(self, uri: str) -> Pointer:
        """The pointer that the body stands for, to the file that holds it."""
        return Pointer(
            id=self.id,
            uri=uri,
            offset=self.offset,
            duration=self.duration,
            language=self.language,
        )

    def to_comment(self) -> str:
        """The comment of the file."""
        content = asdict(self) | {"planned": self.planned and list(map(_line, self.planned))}
        if self.planned is None:
            del content["planned"]
        return json.dumps({_FORM: _VERSION, **content}, separators=(",", ":"))

    @classmethod
    def of(cls, data: bytes) -> BodyFacts | None:
        """What a body says; None where it is a recording like any other."""
        comment = _flac_comment(data)
        if comment is None or not comment.startswith(f'{{"{_FORM}":{_VERSION},'):
            return None
        try:
            content = parsed_json(comment)
            del content[_FORM]
            if "planned" in content:
                content["planned"] = tuple(map(_planned, content["planned"]))
            return cls(**content)
        except (ValueError, TypeError):
            return None


def _line(one: PlannedWindow) -> list[Any]:
    """A planned window as numbers: there are fifty of them in the comment of a body."""
    return [*asdict(one.window).values(), one.leaked]


def _planned(line: list[Any]) -> PlannedWindow:
    *places, leaked = line
    names = [field.name for field in fields(Window)]
    return PlannedWindow(
        window=Window(**dict(zip(names, places, strict=True))),
        leaked=tuple((start, end) for start, end in leaked),
    )


def planned_windows(
    blocks: Iterator[Block], layout: WindowLayout, part: Part
) -> list[tuple[PlannedWindow, ...]]:
    """The windows of a part, for each channel; ``blocks`` begin at sample ``part.begin``."""
    found: list[list[PlannedWindow]] = []
    for window, samples in cut(blocks, layout, part):
        leaks = crosstalk(samples, start=window.start)
        found.append([PlannedWindow(window=window, leaked=tuple(leaked)) for leaked in leaks])
    return list(zip(*found, strict=True))


def depth_of(samples: Block | Samples, *, at_least: Depth = 16) -> Depth:
    """The fewest bits that hold these samples exactly."""
    for depth in DEPTHS[DEPTHS.index(at_least) : -1]:
        scaled = samples * np.float32(1 << (depth - 1))
        if bool(np.all(scaled == np.rint(scaled))) and _in_range(scaled, depth):
            return depth
    return 32


def _in_range(scaled: npt.NDArray[np.float32], depth: int) -> bool:
    if not scaled.size:
        return True
    limit = 1 << (depth - 1)
    return bool(-limit <= scaled.min() and scaled.max() < limit)


def most_bytes(samples: int, depth: Depth) -> int:
    """A size that a body of so many samples does not pass."""
    return _HEAD_BYTES + int(samples * depth // 8 * _FRAME_SHARE)


def samples_that_fit(size: int, depth: Depth) -> int:
    """How many samples a body of ``size`` bytes can hold."""
    return max(0, int((size - _HEAD_BYTES) / (depth // 8 * _FRAME_SHARE)))


def write_body(path: Path, samples: Samples, facts: BodyFacts, depth: Depth) -> None:
    """Write samples, shape (n_samples,), that ``depth`` bits hold exactly."""
    write_sound(path, samples, depth, comment=replace(facts, depth=depth).to_comment())


def write_sound(path: Path, samples: Samples, depth: Depth, *, comment: str = "") -> None:
    """Write FLAC with a comment; without one it is a recording like any other."""
    import soundfile  # noqa: PLC0415

    coded = _coded(samples, depth)
    with soundfile.SoundFile(
        path,
        "w",
        samplerate=SAMPLE_RATE,
        channels=coded.shape[1],
        format="FLAC",
        subtype="PCM_24" if depth == 24 else "PCM_16",
    ) as file:
        if comment:
            file.comment = comment
        file.write(coded)


def _coded(samples: Samples, depth: Depth) -> npt.NDArray[np.int16] | npt.NDArray[np.int32]:
    if depth == 16:
        return (samples[:, None] * np.float32(1 << 15)).astype(np.int16)
    if depth == 24:
        # libsndfile takes the upper bits of a 32-bit number.
        return (samples[:, None] * np.float32(1 << 23)).astype(np.int32) << 8
    bits = np.ascontiguousarray(samples, dtype=np.float32).view(np.int32)
    return np.stack([bits >> 16, bits & 0xFFFF], axis=1).astype(np.uint16).view(np.int16)


def _decoded(block: Block, depth: Depth) -> Block:
    """Blocks as they were before they were coded, shape (n_samples, 1)."""
    if depth != 32:
        return block
    halves = np.rint(block * np.float32(1 << 15)).astype(np.int32)
    bits = (halves[:, :1] << 16) | (halves[:, 1:] & 0xFFFF)
    return np.ascontiguousarray(bits).view(np.float32)


class SoundSource(Protocol):
    """Whatever gives the sound of a request."""

    def open(self, request: SoundRequest) -> contextlib.AbstractContextManager[OpenSound]:
        """Decode one stretch of one recording."""
        ...


@dataclass(frozen=True, kw_only=True)
class BodySource:
    """The sound of one body; a request names the file that holds it."""

    facts: BodyFacts
    decoder: SoundSource

    @contextlib.contextmanager
    def open(self, request: SoundRequest) -> Iterator[OpenSound]:
        """The sound that the body was made of.

        Raises:
            RecordingError: ``internal``, never of the recording: that was decoded before.
        """
        asked = (request.first_sample, request.last_sample)
        if asked != (self.facts.begin, self.facts.end):
            raise RecordingError(
                ErrorKind.INTERNAL, "the body was cut for a model with other windows"
            )
        file = SoundRequest(uri=request.uri, etag=None, mode="split", offset=0.0, duration=None)
        try:
            with self.decoder.open(file) as sound:
                yield OpenSound(
                    channels=self.facts.channels,
                    seconds=self.facts.seconds,
                    blocks=(_decoded(block, self.facts.depth) for block in sound.blocks),
                    planned=self.facts.planned,
                )
        except RecordingError as error:
            if not error.kind.final:
                raise
            raise RecordingError(
                ErrorKind.INTERNAL, f"the body cannot be read: {error.message}"
            ) from error


def _flac_comment(data: bytes) -> str | None:
    """The comment of a FLAC file, read without its decoder (RFC 9639, sections 8.1 and 8.6)."""
    if data[:4] != b"fLaC":
        return None
    place, last = 4, False
    while not last and place + 4 <= len(data):
        last, kind = bool(data[place] & 0x80), data[place] & 0x7F
        size = int.from_bytes(data[place + 1 : place + 4], "big")
        if kind == _COMMENT_BLOCK:
            return _vorbis_comment(data[place + 4 : place + 4 + size])
        place += 4 + size
    return None


def _vorbis_comment(block: bytes) -> str | None:
    place = 4 + int.from_bytes(block[:4], "little")
    count = int.from_bytes(block[place : place + 4], "little")
    place += 4
    for _ in range(min(count, len(block) // 4)):
        size = int.from_bytes(block[place : place + 4], "little")
        text = block[place + 4 : place + 4 + size].decode("utf-8", "replace")
        if text.lower().startswith(_KEY):
            return text[len(_KEY) :]
        place += 4 + size
    return None
