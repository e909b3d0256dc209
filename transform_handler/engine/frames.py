"""What goes into a model and what comes out, frame by frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.float32]  # shape = (n_samples,)


@dataclass(frozen=True, kw_only=True)
class FrameScores:
    """What a CTC model says of a window.

    ``ids`` is the argmax of each frame and ``log_probabilities`` its score, both of shape
    (n_frames,). ``distribution`` has the log-probabilities of all symbols, shape
    (n_frames, n_vocabulary), where a decoder asked for them.
    """

    ids: npt.NDArray[np.int32]
    log_probabilities: npt.NDArray[np.float32]
    distribution: npt.NDArray[np.float32] | None = None


@dataclass(frozen=True, kw_only=True)
class BatchLimits:
    """How much a model takes at once: windows, and seconds with the padding to the longest."""

    windows: int = 1
    seconds: float = 60.0


class Network(Protocol):
    """The forward pass of a CTC model on some device, in some precision."""

    limits: BatchLimits
    equal_lengths_only: bool

    def __call__(self, batch: Sequence[Samples], *, language: str | None) -> list[FrameScores]:
        """Score windows of any lengths; each as if it were alone.

        The samples are as recorded, at 16 kHz; what the model wants of them (zero mean, mel
        features) is made here, for each window by itself.

        Raises:
            MemoryError: the batch is too large for the device.
            ArithmeticError: the model's output is not finite.
        """
        ...
