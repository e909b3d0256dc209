"""A night over hostile files in a process of its own, watched."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

_DROP_FROM_BOUNDING_SET, _OVERRIDE, _SEARCH = 24, 1, 2  # prctl(2), capabilities(7)
_POLL_SECONDS = 0.1


@dataclass(kw_only=True)
class Watched:
    """What a command printed, and the most memory (MB) that a process of each kind took."""

    status: int
    said: str
    seconds: float
    peaks: dict[str, float] = field(default_factory=dict)


def nightscribe(*words: str | Path) -> Watched:
    """Run the command line as somebody whom permissions bind."""
    began, peaks = time.monotonic(), {}
    command = [sys.executable, "-m", "batch.cli", *map(str, words)]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        preexec_fn=_bound_by_permissions,  # noqa: PLW1509 - this process has no other threads here
    ) as process:
        os.set_blocking(process.stdout.fileno(), False)
        said = b""
        while process.poll() is None:
            said += process.stdout.read() or b""
            _look(process.pid, peaks)
            time.sleep(_POLL_SECONDS)
        said += process.stdout.read() or b""
    return Watched(
        status=process.returncode,
        said=said.decode("utf-8", "backslashreplace"),
        seconds=time.monotonic() - began,
        peaks=peaks,
    )


def _bound_by_permissions() -> None:
    """Root reads everything, whatever a file's mode says; without these two it does not."""
    libc = ctypes.CDLL(None, use_errno=True)
    for capability in (_OVERRIDE, _SEARCH):
        libc.prctl(_DROP_FROM_BOUNDING_SET, capability, 0, 0, 0)


def _look(pid: int, peaks: dict[str, float]) -> None:
    # A process that ends meanwhile has no such line any more.
    with suppress(psutil.Error, OSError, StopIteration):
        driver = psutil.Process(pid)
        for one in [driver, *driver.children(recursive=True)]:
            words = " ".join(one.cmdline())
            kind = "driver" if one.pid == pid else "worker" if "model_server" in words else ""
            kind = "decoder" if "decoder_child" in words else kind
            status = Path(f"/proc/{one.pid}/status").read_text("ascii", "replace")
            peak = next(line for line in status.splitlines() if line.startswith("VmHWM"))
            peaks[kind] = max(peaks.get(kind, 0.0), int(peak.split()[1]) / 1024)
