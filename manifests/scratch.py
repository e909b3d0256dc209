"""Temporary folders that do not outlive a killed process for long.

Each is locked by the process that made it (flock(2), which ends with the process). Whoever makes
the next one removes those whose lock is free.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

# Not as older versions called theirs, which are not locked; short, for a socket lies in one.
_PREFIX = "nscribe-"


@contextmanager
def scratch_folder(purpose: str) -> Iterator[Path]:
    """An empty temporary folder, removed at the end; ``purpose`` stands in its name."""
    _remove_orphans()
    path, lock = _made(purpose)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
        os.close(lock)


def _made(purpose: str) -> tuple[Path, int]:
    while True:
        path = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{purpose}-"))
        with suppress(FileNotFoundError):  # taken for an orphan before it was locked
            lock = os.open(path, os.O_RDONLY)
            if _locked(lock) is not False and _is_still(path, lock):
                return path, lock
            os.close(lock)


def _remove_orphans() -> None:
    for path in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with suppress(OSError):  # another process removes it too, or another user's
            lock = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
            try:
                if _locked(lock):
                    shutil.rmtree(path, ignore_errors=True)
            finally:
                os.close(lock)


def _locked(descriptor: int) -> bool | None:
    """Whether the lock is ours now; None where the file system has no locks."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


def _is_still(path: Path, descriptor: int) -> bool:
    return path.stat().st_ino == os.fstat(descriptor).st_ino
