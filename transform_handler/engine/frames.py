"""What goes into a model and what comes out, frame by frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.float32]  # shape = (n_samples,)


@dataclass(frozen=True, kw_only=True)
class FrameScores:
    """The argmax of each frame and its log-probability, both of shape (n_frames,)."""

    ids: npt.NDArray[np.int32]
    log_probabilities: npt.NDArray[np.float32]
