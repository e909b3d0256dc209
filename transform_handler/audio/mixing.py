"""The mix of a recording's channels: their mean, unless that loses what one of them says.

The recording is cut into cells on a grid that depends on it alone, and each cell is mixed by
what is in it (``mix_weights``), so a part that begins in mid-recording mixes as the whole does.
Where nothing is wrong the mix is the plain mean, to the bit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from transform_handler.audio.mix_weights import (
    ANALYSIS_RATE,
    Frames,
    Weights,
    frame_samples,
    weights_of,
)
from transform_handler.audio.sound import Block, SoundInfo

CELL_SECONDS = 10
# A cell is held until it is judged; with many channels at a high rate it is shorter.
HELD_BYTES = 128 << 20
FADE_SECONDS = 0.02
_SAMPLE_BYTES = 4


@dataclass(frozen=True, kw_only=True)
class MixSeconds:
    """How many seconds were mixed how.

    ``mean`` is the plain mean; ``polarity`` had a channel turned over and ``left_out`` one left
    out. A second may count in both of the last two.
    """

    mean: float = 0.0
    polarity: float = 0.0
    left_out: float = 0.0


def cell_seconds(info: SoundInfo) -> int:
    """The length of a cell: whole seconds, so that a resampler can start with it."""
    second = info.channels * info.sample_rate * _SAMPLE_BYTES
    return max(1, min(CELL_SECONDS, HELD_BYTES // second))


def first_second(info: SoundInfo, second: int) -> int:
    """Where to begin decoding so that the mix is the whole recording's from ``second`` on.

    One cell early: a last cell that is short is judged with the one before it.
    """
    cell = cell_seconds(info)
    return max(0, second // cell - 1) * cell


@dataclass(kw_only=True)
class Mixer:
    """Mixes blocks of shape (n_samples, n_channels) into ones of shape (n_samples, 1).

    ``start`` is where the blocks begin, in seconds: what ``first_second`` said. Of the mix only
    seconds from ``begin`` to ``end`` are counted (None: to the end of the sound).
    """

    info: SoundInfo
    start: int = 0
    begin: float = 0.0
    end: float | None = None
    _samples: dict[str, int] = field(default_factory=dict)
    _before: tuple[Frames, Weights] | None = None

    @property
    def seconds(self) -> MixSeconds:
        """How the sound so far was mixed."""
        rate = self.info.sample_rate
        return MixSeconds(**{how: round(n / rate, 3) for how, n in self._samples.items()})

    def mix(self, blocks: Iterator[Block]) -> Iterator[Block]:
        """The mix, cell by cell; what was decoded before an error comes before the error."""
        cell = _Cell(info=self.info, first=self.start * self.info.sample_rate)
        size = cell_seconds(self.info) * self.info.sample_rate
        failure: Exception | None = None
        try:
            for block in blocks:
                rest = block
                while len(rest):
                    piece, rest = rest[: size - cell.size], rest[size - cell.size :]
                    cell.add(piece)
                    if cell.size == size:
                        yield from self._mixed(cell, whole=True)
                        cell = _Cell(info=self.info, first=cell.first + size)
        except Exception as error:  # noqa: BLE001 - raised again behind the sound before it
            failure = error
        yield from self._mixed(cell, whole=False)
        if failure is not None:
            raise failure

    def _mixed(self, cell: _Cell, *, whole: bool) -> Iterator[Block]:
        frames = cell.frames()
        before = self._before
        short = not whole and 2 * cell.size < cell_seconds(self.info) * self.info.sample_rate
        if frames is not None and before is not None and short:
            frames = frames.behind(before[0])
        if frames is None:
            weights = before[1] if before else Weights.plain(self.info.channels)
        else:
            weights = weights_of(frames)
            self._before = (frames, weights)
        self._count(cell, weights)
        yield from cell.mixed(weights, before[1] if before else weights)

    def _count(self, cell: _Cell, weights: Weights) -> None:
        rate = self.info.sample_rate
        first = max(cell.first, round(self.begin * rate))
        last = cell.first + cell.size
        last = last if self.end is None else min(last, round(self.end * rate))
        plain = not (weights.turned or weights.short)
        hows = {"mean": plain, "polarity": weights.turned, "left_out": weights.short}
        for how, applies in hows.items():
            self._samples[how] = self._samples.get(how, 0) + applies * max(0, last - first)


@dataclass(kw_only=True)
class _Cell:
    """Sound that is mixed in one way, and what it is judged by."""

    info: SoundInfo
    first: int
    size: int = 0
    _blocks: list[Block] = field(default_factory=list)
    _rest: Block | None = None
    _analysed: list[npt.NDArray[np.float32]] = field(default_factory=list)

    def add(self, block: Block) -> None:
        """Hold a block; it is judged at about 8 kHz, whatever its rate."""
        self._blocks.append(block)
        self.size += len(block)
        step = max(1, self.info.sample_rate // ANALYSIS_RATE)
        if self._rest is not None and len(self._rest):
            block = np.concatenate([self._rest, block])
        kept = len(block) // step * step
        self._rest = block[kept:].copy()
        # Sample by sample in a fixed order: a matrix product depends on where blocks end.
        columns = np.ascontiguousarray(block[:kept].T)
        reduced = columns[:, ::step].copy()
        for place in range(1, step):
            reduced += columns[:, place::step]
        self._analysed.append(reduced * np.float32(1 / step))

    def frames(self) -> Frames | None:
        """What the cell is judged by; None where it has no whole frame."""
        step = max(1, self.info.sample_rate // ANALYSIS_RATE)
        rate = self.info.sample_rate // step
        if not self._analysed:
            return None
        sound = np.concatenate(self._analysed, axis=1)
        whole = sound.shape[1] // frame_samples(rate) * frame_samples(rate)
        return Frames.of(np.ascontiguousarray(sound[:, :whole]), rate) if whole else None

    def mixed(self, weights: Weights, before: Weights) -> Iterator[Block]:
        """The blocks, mixed; the mix changes from the cell's before within some milliseconds."""
        fade = round(FADE_SECONDS * self.info.sample_rate) if weights != before else 0
        position = 0
        for block in self._blocks:
            mixed = mixed_by(weights, block)
            changing = block[: max(0, fade - position)]
            if len(changing):
                ramp = (np.arange(position, position + len(changing)) + 0.5) / fade
                share = ramp.astype(np.float32)[:, None]
                old = mixed_by(before, changing)
                mixed[: len(changing)] = old + share * (mixed[: len(changing)] - old)
            position += len(block)
            yield mixed


def mixed_by(weights: Weights, block: Block) -> Block:
    """The mean of the channels that take part; shape (n_samples, 1).

    The result of a sample never depends on the block that it came in.
    """
    taken = [(number, sign) for number, sign in enumerate(weights.signs) if sign]
    share = np.float32(1 / len(taken))
    if len(weights.signs) == 2:
        # A matrix product: the mean over the short axis is fourteen times slower. Halves are
        # exact; with more channels the rounding would depend on where the block ends.
        mean: Block = block @ (np.array([weights.signs], dtype=np.float32).T * share)
        return mean
    columns = np.ascontiguousarray(block.T)
    mixed = columns[taken[0][0]] * np.float32(taken[0][1])
    for number, sign in taken[1:]:
        if sign > 0:
            mixed += columns[number]
        else:
            mixed -= columns[number]
    return (mixed * share)[:, None]
