"""A window into what is spoken in it and what is not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from transform_handler.audio.layout import WindowLayout
from transform_handler.audio.windows import Window

Region = tuple[int, int]
"""First sample and one past the last, counted from the window's first."""


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
