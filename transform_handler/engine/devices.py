"""Which processor this worker has, and how much of it."""

from __future__ import annotations

import os
from typing import Any


def choose_device(context: Any = None) -> str:
    """The device of this worker: what the model server assigned, else the first GPU, else CPU."""
    import torch  # noqa: PLC0415

    properties = getattr(context, "system_properties", None) or {}
    gpu = properties.get("gpu_id")
    if not torch.cuda.is_available():
        return "cpu"
    return f"cuda:{gpu or 0}"


def worker_threads() -> int | None:
    """As many threads as the platform gave this worker; None where it did not say."""
    threads = os.environ.get("NIGHTSCRIBE_THREADS")
    return int(threads) if threads else None


def limit_threads() -> None:
    """Use as many threads as the platform gave this worker (processes x threads <= cores)."""
    threads = worker_threads()
    if threads is not None:
        import torch  # noqa: PLC0415

        torch.set_num_threads(threads)


def compute_exactly() -> None:
    """Float32 as float32, which cuDNN would round; sums of half precision in float32."""
    import torch  # noqa: PLC0415

    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cuda.matmul.allow_bf16_reduced_precision_reduction = False
    torch.backends.cuda.matmul.allow_fp16_reduced_precision_reduction = False
