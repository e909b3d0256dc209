"""Where an invocation's time goes: the model, waiting for sound, making words, the rest."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

TIMINGS_VARIABLE = "NIGHTSCRIBE_TIMINGS"
"""A file to which each invocation appends a line of JSON, for benchmarks; unset: none."""

Item = TypeVar("Item")

_LOG = logging.getLogger("nightscribe")


@dataclass(kw_only=True)
class Stopwatch:
    """Seconds by stage; what runs on other threads meanwhile is not counted."""

    started: float = field(default_factory=time.perf_counter)
    stages: dict[str, float] = field(default_factory=dict)

    @contextlib.contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count what happens inside to stage ``name``."""
        begun = time.perf_counter()
        try:
            yield
        finally:
            self.stages[name] = self.stages.get(name, 0.0) + time.perf_counter() - begun

    def waiting(self, items: Iterator[Item]) -> Iterator[Item]:
        """The items; the time until each of them is that of the stage "sound"."""
        while True:
            with self.stage("sound"):
                item = next(items, None)
            if item is None:
                return
            yield item

    def report(self, *, records: int, sound_seconds: float) -> None:
        """One line to the log, without anything of what was said or by whom."""
        total = time.perf_counter() - self.started
        shares = ", ".join(f"{name} {spent / total:.0%}" for name, spent in self.stages.items())
        _LOG.info(
            "%d records, %.0f s of sound in %.1f s (%.1fx real time): %s",
            records,
            sound_seconds,
            total,
            sound_seconds / total,
            shares,
        )
        if file := os.environ.get(TIMINGS_VARIABLE):
            line = {
                "process": os.getpid(),
                "sound_seconds": round(sound_seconds, 3),
                "total": total,
                **self.stages,
            }
            with Path(file).open("a") as target:
                target.write(json.dumps(line) + "\n")
