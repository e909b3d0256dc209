"""What a recording says of itself, and what becomes of one that does not keep to it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from transform_handler.records import ErrorKind, RecordingError

BLOCK_SAMPLES = 1 << 16

Block = npt.NDArray[np.float32]  # shape = (n_samples, n_channels)


@dataclass(frozen=True, kw_only=True)
class SoundInfo:
    """What a file says about itself; ``frames`` is None where only decoding can tell."""

    sample_rate: int
    channels: int
    frames: int | None

    @property
    def seconds(self) -> float | None:
        """The length by the header."""
        return None if self.frames is None else round(self.frames / self.sample_rate, 3)


class Decoder(Protocol):
    """An opened recording."""

    info: SoundInfo

    def blocks(self, *, start: int) -> Iterator[Block]:
        """Native-rate blocks from sample ``start`` to the end."""
        ...


def check_end(position: int, info: SoundInfo, tolerance: float) -> None:
    """Refuse a stream that ended more than ``tolerance`` seconds before its header says so.

    Raises:
        RecordingError: ``corrupt``.
    """
    if (info.frames or 0) - position > tolerance * info.sample_rate:
        raise damaged(position, info, "the file ends there")


def damaged(position: int, info: SoundInfo, reason: str) -> RecordingError:
    """The error of a recording that could be decoded up to sample ``position``."""
    at = f"{position / info.sample_rate:.2f} s"
    of = f" of {info.frames / info.sample_rate:.2f} s" if info.frames else ""
    return RecordingError(ErrorKind.CORRUPT, f"decoding stopped at {at}{of}: {reason}")
