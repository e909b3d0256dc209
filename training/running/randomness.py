"""Random state as a function of the step, so that a resumed run draws what the first would have.

Dropout, layer drop and SpecAugment draw from the global generators of three libraries. Restoring
their states from a checkpoint is not enough: transformers' Trainer loads data in between
(transformers issue 39215), and an evaluation may draw too.
"""

from __future__ import annotations

import random
from hashlib import blake2b

import numpy as np
import torch


def seed_of(*parts: object) -> int:
    """A seed of 32 bits from ``parts``, the same in each process and version."""
    text = ":".join(map(str, parts))
    return int.from_bytes(blake2b(text.encode(), digest_size=4).digest(), "big")


def seed_everything(seed: int) -> None:
    """Set the global generators of Python, numpy and torch (all devices)."""
    random.seed(seed)
    # SpecAugment in transformers draws from numpy's global state.
    np.random.seed(seed)  # noqa: NPY002
    torch.manual_seed(seed)


def use_deterministic_kernels() -> None:
    """Prefer kernels that give the same bits again; CTC on a GPU has none and only warns."""
    torch.use_deterministic_algorithms(mode=True, warn_only=True)
    torch.backends.cudnn.benchmark = False
