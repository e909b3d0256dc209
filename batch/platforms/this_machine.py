"""What the machine at hand has for workers: cores, GPUs, memory."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

_MEGABYTE = 1 << 20
# A worker with the demo's model takes 0.7 GB, one with wav2vec2-base (360 MB of weights) 2.2 GB
# (`make bench-memory`, `make bench-whole_run`); the rest of the machine keeps a fifth.
_WORKER_BYTES = 700 * _MEGABYTE
_BYTES_FOR_WEIGHT = 4.5
_BUDGET = 0.8


def available_cores() -> int:
    """Cores that this process may use."""
    affinity: Any = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def gpus(*, root: Path = Path("/")) -> list[str]:
    """The GPUs that this process may use, as ``CUDA_VISIBLE_DEVICES`` names them."""
    said = os.environ.get("CUDA_VISIBLE_DEVICES")
    if said is not None:
        return [name.strip() for name in said.split(",") if name.strip() not in ("", "-1")]
    try:
        found = len(list((root / "proc/driver/nvidia/gpus").iterdir()))
    except OSError:
        return []
    return [str(number) for number in range(found)]


def default_workers() -> int:
    """One worker for each GPU; without one, one for each core."""
    return len(gpus()) or available_cores()


def available_memory(*, root: Path = Path("/")) -> int | None:
    """Bytes that are free for this process: of the machine, or of its control group if fewer.

    None where the system does not say (it is Linux that does).
    """
    limits: list[int] = []
    with suppress(OSError, ValueError, StopIteration):
        lines = (root / "proc/meminfo").read_text("ascii").splitlines()
        line = next(line for line in lines if line.startswith("MemAvailable:"))
        limits.append(int(line.split()[1]) * 1024)
    with suppress(OSError, ValueError):
        group = root / "sys/fs/cgroup"
        most = int((group / "memory.max").read_text("ascii"))
        used = int((group / "memory.current").read_text("ascii"))
        limits.append(max(0, most - used + _reclaimable(group)))
    return min(limits, default=None)


def fitting_workers(wanted: int, model_bytes: int, available: int | None) -> int:
    """How many workers fit into the memory that is free, at least one."""
    if available is None:
        return wanted
    each = _WORKER_BYTES + _BYTES_FOR_WEIGHT * model_bytes
    return max(1, min(wanted, int(_BUDGET * available / each)))


def _reclaimable(group: Path) -> int:
    """Pages of files that the kernel gives back when memory is wanted."""
    for line in (group / "memory.stat").read_text("ascii").splitlines():
        name, _, count = line.partition(" ")
        if name == "inactive_file":
            return int(count)
    return 0
