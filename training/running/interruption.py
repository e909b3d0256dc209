"""SIGTERM, which a spot instance or a stopped job gets: a wish to end soon, not an end."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

EXIT_INTERRUPTED = 128 + signal.SIGTERM


class InterruptedTrainingError(Exception):
    """Training has stopped on request; a checkpoint holds everything up to ``step``."""

    def __init__(self, step: int) -> None:
        super().__init__(f"interrupted=true step={step}: checkpoint saved, start again to go on")
        self.step = step


class Interruption:
    """Whether SIGTERM has arrived."""

    def __init__(self) -> None:
        self.asked = False

    def ask(self, *_: Any) -> None:
        """Ask for an end; the form is that of a signal handler."""
        self.asked = True


@contextmanager
def listening() -> Iterator[Interruption]:
    """Take SIGTERM as a request within the block; only the main thread can do that."""
    interruption = Interruption()
    if threading.current_thread() is not threading.main_thread():
        yield interruption
        return
    before = signal.signal(signal.SIGTERM, interruption.ask)
    try:
        yield interruption
    finally:
        signal.signal(signal.SIGTERM, before)


def leave_group(_worker: int) -> None:
    """For processes that read sound ahead: a signal to the whole group must not take them away.

    They still end by a SIGTERM of their own, which is how Python ends them at its exit; the
    handler that they were forked with would let them live, and Python wait for them.
    """
    os.setpgrp()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
