"""What keeps a name on a disk when the power fails: its folder is flushed (fsync(2))."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, and flush the name of each new one."""
    if folder.is_dir():
        return
    if folder.parent != folder:
        make_folder(folder.parent)
    with suppress(FileExistsError):
        folder.mkdir()
        flush_folder(folder.parent)


def flush_folder(folder: Path) -> None:
    """Flush the names in a folder: without this a rename can be lost."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
