"""A window into what is spoken in it and what is not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from transform_handler.audio.gate import Region
from transform_handler.audio.layout import SAMPLE_RATE, WindowLayout
from transform_handler.audio.windows import Window

# What is left of a region beside crosstalk is no word if it is shorter: the gate's padding is.
_LEAST_LEFT = SAMPLE_RATE // 2


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """A stretch of a window; positions are samples of the recording.

    ``[start, end)`` goes to the model if it is ``spoken``, ``[keep_start, keep_end)`` is what the
    stretch answers for. The stretches of a recording lie end to end.
    """

    start: int
    end: int
    keep_start: int
    keep_end: int
    spoken: bool


def stretches_of(
    window: Window, regions: Sequence[Region], layout: WindowLayout
) -> Iterator[Stretch]:
    """What the window keeps, in order: ``regions`` are heard, what lies between them is not."""
    position = window.keep_start
    for start, end in _aligned(window, regions, layout):
        keep_start, keep_end = max(start, position), min(end, window.keep_end)
        if keep_end <= keep_start:
            continue
        if keep_start > position:
            yield _pause(position, keep_start)
        yield Stretch(start=start, end=end, keep_start=keep_start, keep_end=keep_end, spoken=True)
        position = keep_end
    if position < window.keep_end:
        yield _pause(position, window.keep_end)


def without(regions: Sequence[Region], taken: Sequence[Region]) -> list[Region]:
    """The regions less the stretches ``taken``; both are sorted and disjoint."""
    left: list[Region] = list(regions)
    for begin, stop in taken:
        left = [piece for start, end in left for piece in _outside(start, end, begin, stop)]
    return left


def _outside(start: int, end: int, begin: int, stop: int) -> Iterator[Region]:
    if stop <= start or end <= begin:
        yield start, end
        return
    for piece in ((start, begin), (stop, end)):
        if piece[1] - piece[0] >= _LEAST_LEFT:
            yield piece


def _pause(start: int, end: int) -> Stretch:
    return Stretch(start=start, end=end, keep_start=start, keep_end=end, spoken=False)


def _aligned(window: Window, regions: Sequence[Region], layout: WindowLayout) -> Iterator[Region]:
    """Regions on whole frames of the recording, long enough for a word."""
    hop = layout.hop
    for begin, stop in regions:
        start = (window.start + begin) // hop * hop
        end = min(-(-(window.start + stop) // hop) * hop, window.end)
        if end - start >= layout.shortest:
            yield layout.grained(start, end, within=(window.start, window.end))
