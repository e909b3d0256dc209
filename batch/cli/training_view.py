"""A training job on the terminal: a bar where there is one, the job's own lines in any case."""

from __future__ import annotations

import re
import sys
import time
from typing import TYPE_CHECKING, Any, Self

import click

from batch.fine_tuning.fine_tuning import Watching

if TYPE_CHECKING:
    from batch.fine_tuning.fine_tuning import TrainingPlan

_STEP = re.compile(r"^step=(\d+)\b")
_STEPS = re.compile(r"(?:^|\s)steps=(\d+)\b")
_EVERY_SECONDS = 10.0
# The job's own word for what fails it, which is the command's error a moment later.
_ERROR = "error: "


def training_view() -> LogView | TerminalView:
    """A bar where there is a terminal, plain lines where there is none."""
    return TerminalView() if sys.stderr.isatty() else LogView()


class LogView:
    """Plain lines on standard error."""

    def __init__(self) -> None:
        self.watching = Watching(
            on_checked=lambda done, total: self._now_and_then("checked", done, total),
            on_bytes=lambda done, total: self._now_and_then("bytes uploaded", done, total),
            on_line=self._line,
        )
        self._last = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        """Nothing to tidy up."""

    def say(self, *lines: str) -> None:
        """Print lines."""
        for line in lines:
            click.echo(line, err=True)

    def trains(self, plan: TrainingPlan) -> None:
        """The job begins."""
        self.say(f"job         {plan.name}")

    def _line(self, line: str) -> None:
        if not line.startswith(_ERROR):
            self.say(line)

    def _now_and_then(self, what: str, done: int, total: int) -> None:
        if time.monotonic() - self._last > _EVERY_SECONDS:
            self._last = time.monotonic()
            self.say(f"{what}: {done} of {total}")


class TerminalView:
    """A bar for each stage, and the job's lines above it."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        self._console = Console(stderr=True, highlight=False)
        self._progress = Progress(
            TextColumn("{task.description:<10}"),
            BarColumn(bar_width=30),
            TextColumn("{task.fields[note]}", markup=False),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
        )
        self._tasks: dict[str, Any] = {}
        self._steps = 0
        self.watching = Watching(
            on_checked=lambda done, total: self._show("checking", done, total),
            on_bytes=lambda done, total: self._show("uploading", done, total),
            on_line=self._line,
        )

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._progress.stop()

    def say(self, *lines: str) -> None:
        """Print lines above the bar."""
        for line in lines:
            self._console.print(line, markup=False)

    def trains(self, plan: TrainingPlan) -> None:
        """The job begins."""
        self.say(f"job         {plan.name}")
        self._show("training", 0, None, "starting")

    def _line(self, line: str) -> None:
        if total := _STEPS.search(line):
            self._steps = int(total[1])
        if step := _STEP.match(line):
            note = line.partition(" ")[2]
            self._show("training", int(step[1]), self._steps or None, note)
            if "wer=" not in note:
                return
        if not line.startswith(_ERROR):
            self.say(line)

    def _show(self, name: str, done: int, total: int | None, note: str = "") -> None:
        for other in [one for one in self._tasks if one != name]:
            self._progress.remove_task(self._tasks.pop(other))
        if name not in self._tasks:
            self._tasks[name] = self._progress.add_task(name, total=total, note=note)
        note = note or (f"{done} of {total}" if total else "")
        self._progress.update(self._tasks[name], completed=done, total=total, note=note)
