"""Asking again while AWS does not answer: a job goes on without us, so nothing is lost by waiting.

botocore tries a call again for a minute or two; a network that is gone for longer, or a service
that is too busy for longer, must not end a night.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from manifests.errors import UnavailableError

T = TypeVar("T")
PATIENCE_SECONDS = 1800.0


@dataclass(kw_only=True)
class Patience:
    """Makes a call until it is answered; ``on_line`` is told once of each silence."""

    wait: Callable[[float], None] = time.sleep
    on_line: Callable[[str], None] = field(default=lambda _: None)
    seconds: float = PATIENCE_SECONDS
    clock: Callable[[], float] = time.monotonic

    def __call__(self, call: Callable[[], T]) -> T:
        """What ``call`` answers.

        Raises:
            UnavailableError: it was not answered within ``seconds``.
        """
        waited, began = 0.0, self.clock()
        for pause in pauses(2.0, 60.0):
            try:
                return call()
            except UnavailableError as error:
                # A network that is gone makes each call take minutes by itself.
                if max(waited, self.clock() - began) >= self.seconds:
                    raise
                if waited == 0.0:
                    self.on_line(f"{error}; asking again for {self.seconds / 60:.0f} minutes")
            self.wait(pause)
            waited += pause
        raise AssertionError("pauses never end")


def pauses(first: float, longest: float) -> Iterator[float]:
    """Seconds to wait, growing from ``first`` to ``longest``, with jitter; without end."""
    pause = first
    while True:
        yield pause * random.uniform(0.8, 1.2)  # noqa: S311 - jitter
        pause = min(longest, pause * 1.5)
