"""Where the model's windows lie on a recording.

Positions depend on the recording alone: a border is the quietest place near a multiple of the
step, so joins fall into pauses where there are any. Parts of a recording have the very windows of
the whole, because nothing but the sound around a border decides where it lies.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from transform_handler.audio.layout import SAMPLE_RATE, WindowLayout
from transform_handler.audio.sound import Block

# A part hears this much beyond its ends, so that a word on the border is decoded whole.
PART_OVERLAP_SECONDS = 18
# The quiet of a place is that of so much sound around it: less is a closure within a word.
_PAUSE_SECONDS = 0.2
# The power of a sample at -80 dBFS: what is below is equally quiet.
_NOTHING = 1e-8


@dataclass(frozen=True, kw_only=True)
class Window:
    """Samples ``[start, end)`` are heard; ``[keep_start, keep_end)`` is what the window keeps."""

    index: int
    start: int
    end: int
    keep_start: int
    keep_end: int


@dataclass(frozen=True, kw_only=True)
class PlannedWindow:
    """A window that was cut where all channels were at hand, for one who has a single channel.

    ``leaked`` are the stretches of the window in which the channel is another one's leakage.
    """

    window: Window
    leaked: tuple[tuple[int, int], ...]


@dataclass(frozen=True, kw_only=True)
class Part:
    """The stretch of a recording that one pointer asks for, in samples and windows.

    It is heard from ``begin`` on, and asked for from ``asked`` on. ``end`` and ``last`` are None
    where the part runs to the end of the recording.
    """

    begin: int
    asked: int
    end: int | None
    first: int
    last: int | None

    @classmethod
    def of(cls, layout: WindowLayout, *, offset: float | None, duration: float | None) -> Part:
        """What must be heard for ``[offset, offset + duration)`` to be decoded exactly."""
        start = (offset or 0.0) - PART_OVERLAP_SECONDS
        first = max(0, (round(start * SAMPLE_RATE) - layout.reach) // layout.step)
        before = layout.reach + max(layout.context + layout.grain, _half(layout))
        begin = max(0, first * layout.step - before) if first else 0
        asked = round((offset or 0.0) * SAMPLE_RATE)
        if duration is None:
            return cls(begin=begin, asked=asked, end=None, first=first, last=None)
        stop = (offset or 0.0) + duration + PART_OVERLAP_SECONDS
        last = (round(stop * SAMPLE_RATE) + layout.reach) // layout.step
        # One sample more than the last window could keep: there, the sound does not end.
        end = last * layout.step + layout.reach + layout.longest + 1
        return cls(begin=begin, asked=asked, end=end, first=first, last=last)


def heard_seconds(end: int, *, offset: float | None, duration: float | None) -> float:
    """How much of a stretch there is, where the sound ends at sample ``end``."""
    start, stop = offset or 0.0, end / SAMPLE_RATE
    if duration is not None:
        stop = min(stop, start + duration)
    return round(max(0.0, stop - start), 3)


def cut(
    blocks: Iterator[Block], layout: WindowLayout, part: Part
) -> Iterator[tuple[Window, Block]]:
    """Windows with their samples, shape (n_samples, n_channels), as the sound streams in.

    ``blocks`` begin at sample ``part.begin``. Holds little more than a window and a block.
    """
    tape = _Tape(blocks, part.begin)
    tape.reach(part.asked + 1)
    if tape.end <= part.asked:
        return  # of nothing; and near its end the whole would have other windows
    index, border = part.first, _border(tape, layout, part.first)
    while border is not None and (part.last is None or index <= part.last):
        tape.reach(border + layout.longest + 1)
        if tape.end <= border:
            return
        is_last = tape.end <= border + layout.longest
        following = None if is_last else _border(tape, layout, index + 1)
        keep_end = tape.end if following is None else following
        start, end = layout.grained(
            max(0, border - layout.context),
            min(tape.end, keep_end + layout.context),
            within=(max(0, border - layout.context - layout.grain), tape.end),
        )
        window = Window(index=index, start=start, end=end, keep_start=border, keep_end=keep_end)
        yield window, tape.samples(start, end)
        index, border = index + 1, following
        tape.let_go(keep_end - layout.context - layout.grain)


def cut_as_planned(
    blocks: Iterator[Block], planned: Sequence[PlannedWindow], begin: int
) -> Iterator[tuple[Window, Block]]:
    """The planned windows with their samples; ``blocks`` begin at sample ``begin``."""
    tape = _Tape(blocks, begin)
    for window in (one.window for one in planned):
        tape.let_go(min(window.start, tape.end))
        tape.reach(window.end)
        yield window, tape.samples(window.start, window.end)


def _half(layout: WindowLayout) -> int:
    return round(_PAUSE_SECONDS * SAMPLE_RATE / 2 / layout.hop) * layout.hop


def _border(tape: _Tape, layout: WindowLayout, index: int) -> int | None:
    """Where window ``index`` begins to keep; None where the sound ends before that can be said."""
    if index == 0:
        return 0
    half, nominal = _half(layout), index * layout.step
    begin, end = nominal - layout.reach - half, nominal + layout.reach + half
    tape.reach(end)
    if tape.end < end:
        return None
    sound = tape.samples(begin, end).astype(np.float64)
    energies = np.square(sound).sum(axis=1).reshape(-1, layout.hop).sum(axis=1)
    around = np.lib.stride_tricks.sliding_window_view(energies, 2 * half // layout.hop).sum(axis=1)
    places = np.arange(len(around)) * layout.hop + begin + half
    # Whole decibels: a resampler that began elsewhere gives other last digits, which must not
    # decide. Among equally quiet places the nearest to the nominal one.
    decibels = np.rint(10 * np.log10(around / (2 * half) + _NOTHING))
    order = np.lexsort((places, np.abs(places - nominal), decibels))
    return int(places[order[0]])


class _Tape:
    """Sound as it streams in, by its place in the recording; holds what was not let go."""

    def __init__(self, blocks: Iterator[Block], begin: int) -> None:
        self._blocks = blocks
        self._held: list[Block] = []
        self._begin = self.end = begin

    def reach(self, sample: int) -> None:
        """Read on until ``sample``, or the end of the sound."""
        while self.end < sample:
            block = next(self._blocks, None)
            if block is None:
                return
            self._held.append(block)
            self.end += len(block)

    def samples(self, begin: int, end: int) -> Block:
        """Samples ``[begin, end)``, shape (n_samples, n_channels)."""
        if len(self._held) > 1:
            self._held = [np.concatenate(self._held)]
        return self._held[0][begin - self._begin : end - self._begin]

    def let_go(self, before: int) -> None:
        """Forget what lies before a sample."""
        if before > self._begin:
            # A copy, so that the rest does not keep all of it alive.
            self._held = [self.samples(before, self.end).copy()]
            self._begin = before
