"""A pointer's stretch into bodies: on the window grid, each within what a request may carry. Pure.

Bodies own consecutive stretches of whole window steps, and each brings what its own windows need:
the handler's rule for parts (``audio.windows.Part``), so that words join without seams.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from manifests.pointers import Pointer
from transform_handler.audio.layout import SAMPLE_RATE, WindowLayout
from transform_handler.audio.windows import Part
from transform_handler.staged_body import Depth, samples_that_fit

LONGEST_SECONDS = 900
# What ran out of time in one round is cut into so many in the next.
SHRINK = 4


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """Seconds ``[offset, offset + duration)`` of a recording."""

    offset: float
    duration: float

    @property
    def end(self) -> float:
        """Where it ends."""
        return self.offset + self.duration

    def part(self, layout: WindowLayout) -> Part:
        """What must be heard to transcribe it."""
        return Part.of(layout, offset=self.offset, duration=self.duration)


@dataclass(frozen=True, kw_only=True)
class Cutter:
    """Cuts for a model's windows and a request's size in bytes.

    ``tries`` counts the rounds that had the sound, this one and those that were stopped apart.
    """

    layout: WindowLayout
    payload_bytes: int
    tries: int = 1

    def stretches(self, pointer: Pointer) -> Iterator[Stretch]:
        """Stretches whose sound is at most fifteen minutes; without an end if the pointer is."""
        end = math.inf if pointer.duration is None else (pointer.offset or 0.0) + pointer.duration
        yield from self._cut(pointer.offset or 0.0, end, self._longest)

    def pieces(self, stretch: Stretch, depth: Depth) -> Iterator[Stretch]:
        """The stretch in pieces that a request can carry with samples of ``depth`` bits."""
        fitting = samples_that_fit(self.payload_bytes, depth)
        yield from self._cut(stretch.offset, stretch.end, min(self._longest, fitting))

    @property
    def _longest(self) -> int:
        share: int = SHRINK ** (self.tries - 1)
        return LONGEST_SECONDS * SAMPLE_RATE // share

    def _cut(self, offset: float, end: float, room: int) -> Iterator[Stretch]:
        while offset < end:
            windows = max(1, room // self.layout.step)
            while windows > 1 and _samples(self._windows(offset, windows), self.layout) > room:
                windows -= 1
            owned = min(self._windows(offset, windows).end, end)
            yield Stretch(offset=offset, duration=owned - offset)
            offset = owned

    def _windows(self, offset: float, count: int) -> Stretch:
        return Stretch(offset=offset, duration=count * self.layout.step / SAMPLE_RATE)


def _samples(stretch: Stretch, layout: WindowLayout) -> int:
    part = stretch.part(layout)
    assert part.end is not None
    return part.end - part.begin
