"""Where the model's windows lie on a recording.

Positions depend on the recording alone: window k keeps the samples ``[k·step, (k+1)·step)`` and
sees ``context`` more on each side. A window that would run past the end is moved back, so that
it is as long as the others. Parts of a recording use the same grid as the whole.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from transform_handler.audio.reading import SAMPLE_RATE
from transform_handler.audio.sound import Block

STEP_SECONDS = 18
CONTEXT_SECONDS = 1
# A part hears this much beyond its ends, so that a word on the border is decoded whole.
PART_OVERLAP_SECONDS = 18


@dataclass(frozen=True, kw_only=True)
class Window:
    """Samples ``[start, end)`` go into the model; frames of ``[keep_start, keep_end)`` stay."""

    index: int
    start: int
    end: int
    keep_start: int
    keep_end: int


@dataclass(frozen=True, kw_only=True)
class WindowGrid:
    """The grid for a model whose frames are ``hop`` samples apart (320 for wav2vec2)."""

    hop: int

    @property
    def step(self) -> int:
        """Samples kept of a window: a multiple of the hop."""
        return self._aligned(STEP_SECONDS)

    @property
    def context(self) -> int:
        """Samples seen and dropped on each side: a multiple of the hop."""
        return self._aligned(CONTEXT_SECONDS)

    @property
    def length(self) -> int:
        """Samples of a full window."""
        return self.step + 2 * self.context

    def window(self, index: int, *, end_of_sound: int | None) -> Window:
        """Window ``index``; ``end_of_sound`` is the recording's length once it is known."""
        keep_start = index * self.step
        end = keep_start + self.step + self.context
        start = max(0, keep_start - self.context)
        keep_end = keep_start + self.step
        if end_of_sound is not None and end > end_of_sound:
            end = end_of_sound
            moved = math.ceil(max(0, end - self.length) / self.hop) * self.hop
            start = min(start, moved)
            keep_end = min(keep_end, end_of_sound)
        return Window(index=index, start=start, end=end, keep_start=keep_start, keep_end=keep_end)

    def first_index(self, offset: float) -> int:
        """The first window that a part beginning at ``offset`` seconds needs."""
        return int(max(0.0, offset - PART_OVERLAP_SECONDS) * SAMPLE_RATE) // self.step

    def last_index(self, end: float) -> int:
        """The last window that a part ending at ``end`` seconds needs."""
        return int((end + PART_OVERLAP_SECONDS) * SAMPLE_RATE) // self.step

    def _aligned(self, seconds: int) -> int:
        return max(1, round(seconds * SAMPLE_RATE / self.hop)) * self.hop


@dataclass(frozen=True, kw_only=True)
class Part:
    """The stretch of a recording that one pointer asks for, in samples and windows.

    ``end`` and ``last`` are None where the part runs to the end of the recording.
    """

    begin: int
    end: int | None
    first: int
    last: int | None

    @classmethod
    def of(cls, grid: WindowGrid, *, offset: float | None, duration: float | None) -> Part:
        """What must be heard for ``[offset, offset + duration)`` to be decoded exactly."""
        first = grid.first_index(offset or 0.0)
        # The recording may end in any of these windows, which then reaches back a whole length.
        begin = max(0, first * grid.step - grid.length)
        if duration is None:
            return cls(begin=begin, end=None, first=first, last=None)
        last = grid.last_index((offset or 0.0) + duration)
        end = grid.window(last, end_of_sound=None).end
        return cls(begin=begin, end=end, first=first, last=last)


def heard_seconds(end: int, *, offset: float | None, duration: float | None) -> float:
    """How much of a stretch there is, where the sound ends at sample ``end``."""
    start, stop = offset or 0.0, end / SAMPLE_RATE
    if duration is not None:
        stop = min(stop, start + duration)
    return round(max(0.0, stop - start), 3)


def cut(blocks: Iterator[Block], grid: WindowGrid, part: Part) -> Iterator[tuple[Window, Block]]:
    """Windows with their samples, shape (n_samples, n_channels), as the sound streams in.

    ``blocks`` begin at sample ``part.begin``. Holds two windows of sound and a block at most.
    """
    held: list[Block] = []
    start = end = part.begin
    index = part.first
    window = grid.window(index, end_of_sound=None)
    for block in blocks:
        held.append(block)
        end += len(block)
        while window.end <= end and (part.last is None or index <= part.last):
            sound = np.concatenate(held)
            yield window, sound[window.start - start : window.end - start]
            index += 1
            window = grid.window(index, end_of_sound=None)
            keep = max(start, min(window.start, end - grid.length))
            held, start = [sound[keep - start :]], keep
    if not held:
        return
    sound = np.concatenate(held)
    while index * grid.step < end and (part.last is None or index <= part.last):
        window = grid.window(index, end_of_sound=end)
        yield window, sound[window.start - start : window.end - start]
        index += 1
