"""The mix of a recording's channels: their mean, unless that loses what one of them says.

The recording is cut into cells on a grid that depends on it alone, and each cell is mixed by
what is in it (``mix_weights``), so a part that begins in mid-recording mixes as the whole does.
Where nothing is wrong the mix is the plain mean, to the bit.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from transform_handler.audio.mix_weights import (
    FRAME_SECONDS,
    HOP_SECONDS,
    Frames,
    Weights,
    weights_of,
)
from transform_handler.audio.sound import BLOCK_SAMPLES, Block, SoundInfo
from transform_handler.audio.sound_facts import MixSeconds

CELL_SECONDS = 10
# A cell is held until it is judged; with many channels at a high rate it is shorter.
HELD_BYTES = 128 << 20
FADE_SECONDS = 0.02
# A cell is judged at about this rate, whatever its own.
ANALYSIS_RATE = 8_000
_SAMPLE_BYTES = 4


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


class Mixer:
    """Mixes blocks of shape (n_samples, n_channels) into ones of shape (n_samples, 1).

    ``start`` is where the blocks begin, in seconds: what ``first_second`` said. Of the mix only
    seconds from ``begin`` to ``end`` are counted (None: to the end of the sound).
    """

    def __init__(
        self, info: SoundInfo, *, start: int = 0, begin: float = 0.0, end: float | None = None
    ) -> None:
        self._rate = info.sample_rate
        self._position = start * self._rate
        self._counted = (begin, math.inf if end is None else end)
        self._seconds = dict.fromkeys(("mean", "polarity", "left_out"), 0.0)
        # One buffer for all cells: memory that is new for each costs more than the copy.
        self._cell = np.empty((cell_seconds(info) * self._rate, info.channels), dtype=np.float32)
        self._weights: Weights | None = None
        self._frames: Frames | None = None

    @property
    def seconds(self) -> MixSeconds:
        """How the sound so far was mixed."""
        return MixSeconds(**{how: round(seconds, 3) for how, seconds in self._seconds.items()})

    def mix(self, blocks: Iterator[Block]) -> Iterator[Block]:
        """The mix, cell by cell; what was decoded before an error comes before the error."""
        filled = 0
        failure: Exception | None = None
        try:
            for block in blocks:
                rest = block
                while len(rest):
                    room = self._cell[filled : filled + len(rest)]
                    room[:] = rest[: len(room)]
                    filled, rest = filled + len(room), rest[len(room) :]
                    if filled == len(self._cell):
                        yield from self._mixed(self._cell)
                        filled = 0
        except Exception as error:  # noqa: BLE001 - raised again behind the sound before it
            failure = error
        if filled:
            yield from self._mixed(self._cell[:filled])
        if failure is not None:
            raise failure

    def _mixed(self, sound: Block) -> Iterator[Block]:
        before = self._weights
        self._weights = weights = self._judged(sound)
        self._count(len(sound), weights)
        fade = round(FADE_SECONDS * self._rate) if before not in (None, weights) else 0
        # Always the same pieces of a cell: the rounding of a product depends on where they end.
        size = BLOCK_SAMPLES // sound.shape[1]
        for start in range(0, len(sound), size):
            block = sound[start : start + size]
            mixed = mixed_by(weights, block)
            changing = block[: max(0, fade - start)]
            if before is not None and len(changing):
                ramp = np.arange(start + 1, start + len(changing) + 1) / np.float32(fade + 1)
                old = mixed_by(before, changing)
                mixed[: len(changing)] = old + ramp[:, None] * (mixed[: len(changing)] - old)
            yield mixed

    def _judged(self, sound: Block) -> Weights:
        frames = frames_of(sound, self._rate)
        if self._frames is not None and 2 * len(sound) < len(self._cell):
            frames = frames.behind(self._frames)
        self._frames = frames
        return weights_of(frames)

    def _count(self, samples: int, weights: Weights) -> None:
        first, last = self._position, self._position + samples
        self._position = last
        begin, end = self._counted
        seconds = max(0.0, min(end, last / self._rate) - max(begin, first / self._rate))
        for how in weights.hows:
            self._seconds[how] += seconds


def frames_of(sound: Block, rate: int) -> Frames:
    """What a cell is judged by: the first half of each whole hop, at about 8 kHz."""
    hop, step = round(HOP_SECONDS * rate), max(1, rate // ANALYSIS_RATE)
    size, channels = max(2, round(FRAME_SECONDS * rate / step)), sound.shape[1]
    whole = len(sound) // hop * hop
    framed = np.ascontiguousarray(
        sound[:whole].reshape(-1, hop, channels)[:, : size * step], dtype=np.float32
    )
    # Means of neighbours: of samples that were merely dropped, hiss above 4 kHz would stay.
    means = np.tile(np.eye(channels, dtype=np.float32) / np.float32(step), (step, 1))
    reduced = framed.reshape(-1, step * channels) @ means if step > 1 else framed
    frames = reduced.reshape(-1, size, channels).transpose(0, 2, 1)
    return Frames.of(np.ascontiguousarray(frames))


def mixed_by(weights: Weights, block: Block) -> Block:
    """The mean of the channels that take part; shape (n_samples, 1)."""
    signs = np.array([weights.signs], dtype=np.float32).T
    # A matrix product: the mean over the short axis is fourteen times slower.
    mean: Block = block @ (signs * np.float32(1 / np.count_nonzero(signs)))
    return mean
