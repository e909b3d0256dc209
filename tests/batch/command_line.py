"""The command line in this process: what it prints, where, and its exit code."""

from __future__ import annotations

import contextlib
import io
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from batch.cli import main


@dataclass(frozen=True, kw_only=True)
class Said:
    """What a command left for who started it."""

    returncode: int
    stdout: str
    stderr: str


def nightscribe(*words: str | Path, cwd: Path | None = None) -> Said:
    """``nightscribe`` as its entry point runs it, in a folder, a hundred columns wide."""
    stdout, stderr = io.StringIO(), io.StringIO()
    before = signal.getsignal(signal.SIGTERM)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", "100")
        patch.setattr(sys, "argv", ["nightscribe", *map(str, words)])
        patch.chdir(cwd or Path.cwd())
        with contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(stderr):
            try:
                main()
            except SystemExit as end:
                status = end.code
            finally:
                signal.signal(signal.SIGTERM, before)
    assert isinstance(status, int)
    return Said(returncode=status, stdout=stdout.getvalue(), stderr=stderr.getvalue())
