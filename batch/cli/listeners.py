"""A run on the terminal, or in a log: audio-hours done, speed and time left."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from typing import Any, Self

import click

from batch.collect import Collected
from batch.config import ArchiveSection
from batch.plan import Plan, ShardEntry
from batch.platforms.base import JobOutcome
from batch.progress import ShardDone
from batch.report.lines import hours
from batch.schedule.messages import discreet


def listener() -> TerminalListener | LogListener:
    """A bar where there is a terminal, plain lines where there is none."""
    return TerminalListener() if sys.stderr.isatty() else LogListener()


class LogListener:
    """Plain lines with the time of day, on standard error."""

    def __init__(self) -> None:
        self._meter = _Meter([])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        """Nothing to tidy up."""

    def step(self, name: str, what: str) -> None:
        self._say(f"{name}: {what}")

    def warn(self, sentence: str) -> None:
        self._say(f"note: {sentence}")

    def planned(self, plan: Plan) -> None:
        self._say(plan_line(plan))

    def transform_begins(self, plan: Plan, shards: Sequence[ShardEntry]) -> None:
        self._meter = _Meter(shards)
        self._say(f"transform: {plan.model}, {len(shards)} of {len(plan.shards)} shards to do")

    def shard_done(self, done: ShardDone) -> None:
        self._meter.add(done)
        self._say(f"transform: {self._meter.line()}")

    def transform_ends(self, outcome: JobOutcome) -> None:
        self._say(f"transform: {outcome.status.lower()}")

    def collected(self, collected: Collected) -> None:
        self._say(f"collect: {collected_line(collected)}")

    def _say(self, text: str) -> None:
        click.echo(f"{time.strftime('%H:%M:%S')} {text}", err=True)


class DiscreetListener(LogListener):
    """Plain lines for a log that others can read: warnings name no recording."""

    def __init__(self, archive: ArchiveSection) -> None:
        super().__init__()
        self._archive = archive

    def warn(self, sentence: str) -> None:
        super().warn(discreet(sentence, self._archive))


class TerminalListener:
    """A bar with audio done, speed and time left, on standard error."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn

        self._meter = _Meter([])
        self._task: Any = None
        self._console = Console(stderr=True, highlight=False)
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description:<10}"),
            BarColumn(bar_width=30),
            TextColumn("{task.fields[note]}", markup=False),
            console=self._console,
            transient=True,
        )

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._progress.stop()

    def step(self, name: str, what: str) -> None:
        self._show(name, None, what)

    def warn(self, sentence: str) -> None:
        self._console.print(f"note: {sentence}", style="yellow", markup=False)

    def planned(self, plan: Plan) -> None:
        self._console.print(plan_line(plan), markup=False)

    def transform_begins(self, plan: Plan, shards: Sequence[ShardEntry]) -> None:
        self._meter = _Meter(shards)
        self._show("transform", max(1.0, self._meter.expected), f"loading {plan.model}")

    def shard_done(self, done: ShardDone) -> None:
        self._meter.add(done)
        self._progress.update(
            self._task,
            completed=self._meter.heard,
            total=max(self._meter.expected, self._meter.heard),
            note=self._meter.line(),
        )

    def transform_ends(self, outcome: JobOutcome) -> None:
        line = f"transform: {outcome.status.lower()}, {self._meter.line()}"
        self._console.print(line, markup=False)

    def collected(self, collected: Collected) -> None:
        self._console.print(f"collect: {collected_line(collected)}", markup=False)

    def _show(self, name: str, total: float | None, note: str) -> None:
        if self._task is not None:
            self._progress.remove_task(self._task)
        self._task = self._progress.add_task(name, total=total, note=note)


class _Meter:
    """Audio done, speed, and time left."""

    def __init__(self, shards: Sequence[ShardEntry]) -> None:
        self.expected, self.shards = sum(shard.seconds for shard in shards), len(shards)
        self.heard, self.done, self.errors = 0.0, 0, 0
        self._started = time.monotonic()

    def add(self, done: ShardDone) -> None:
        self.heard += done.audio_seconds
        self.done += 1
        self.errors += done.errors

    def line(self) -> str:
        elapsed = max(1e-3, time.monotonic() - self._started)
        text = f"{hours(self.heard)} of audio, {self.heard / elapsed:.0f}x real time"
        left = self.shards - self.done
        if left > 0:
            text += f", {self.done}/{self.shards} shards"
            if self.done:
                # By shards, which are of equal length: lengths of recordings are predictions.
                text += f", about {_span(elapsed / self.done * left)} left"
        return text + (f", {self.errors} error rows" if self.errors else "")


def _span(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    if minutes >= 60:
        return f"{minutes // 60} h {minutes % 60:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


def plan_line(plan: Plan) -> str:
    """What a plan takes on, in one line."""
    reasons = ", ".join(f"{count} {reason}" for reason, count in plan.reasons.items())
    text = f"run {plan.run_id}: {plan.recordings} of {plan.listed} recordings ({reasons})"
    text += f", about {hours(plan.seconds)} of audio in {len(plan.shards)} shards"
    if plan.waiting:
        text += (
            f"; {plan.waiting} keep the transcript of another model or setting "
            "([run] on_model_change)"
        )
    return text


def collected_line(collected: Collected) -> str:
    """What became of the recordings, in one line."""
    statuses = ", ".join(f"{count} {name}" for name, count in sorted(collected.statuses.items()))
    text = f"{collected.recordings} recordings, {collected.rows} rows: {statuses}"
    if collected.kinds:
        kinds = ", ".join(f"{name} {count}" for name, count in sorted(collected.kinds.items()))
        text += f" ({kinds})"
    if collected.superseded:
        text += f"; {collected.superseded} earlier rows moved to history"
    return text
