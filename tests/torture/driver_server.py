"""``nightscribe`` in a process of its own, a hundred times: forked from one that has imported it.

    python -m tests.torture.driver_server

Each line on standard input is a command (``Driver`` writes it): arguments, environment, a log,
perhaps a death. The answers are the new process's id and, when it has ended, its status.

A death is a number and a signal: the process sends it to itself when the house is about to do the
n-th thing to a store or a disk. Steps are written to the log as they begin, with what was done
before ("@collect 117").
"""

from __future__ import annotations

import encodings.ascii
import encodings.utf_8_sig  # noqa: F401
import json
import os
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import batch.shards
from batch.capacity import used  # noqa: F401 - what a run imports late is imported here once
from batch.claim import Claim
from batch.cli import listeners, run_commands  # noqa: F401
from batch.cli.main import main as nightscribe
from batch.run import Runner
from batch.transform_machines import transform_platform  # noqa: F401
from manifests.local_store import LocalStore

STEPS = {
    "resume": "plan",
    "survey": "plan",
    "transform": "transform",
    "collect": "collect",
    "score": "score",
    "report": "report",
}
OPERATIONS = ("list", "stat", "open", "put", "put_if_absent", "delete")
CALLS = ("replace", "link", "fsync")
SHARD_SECONDS = 0.35  # three or four of the stub's recordings


@dataclass(kw_only=True)
class Death:
    """Counts what is done, and kills or stops this process when it comes to ``at``."""

    at: int | None
    signal: int = signal.SIGKILL
    step: str = "begin"
    done: int = 0
    _lock: Any = field(default_factory=threading.Lock)

    def arm(self) -> None:
        for name, step in STEPS.items():
            setattr(Runner, name, self._stepping(getattr(Runner, name), step))
        for name in OPERATIONS:
            setattr(LocalStore, name, self._counting(getattr(LocalStore, name)))
        for name in CALLS:
            setattr(os, name, self._counting(getattr(os, name)))

    def begin(self, step: str) -> None:
        self.step = step
        _log(f"@{step} {self.done}")

    def _stepping(self, method: Callable[..., Any], step: str) -> Callable[..., Any]:
        def stepped(*args: Any, **options: Any) -> Any:
            before = self.step
            self.begin(step)
            found = method(*args, **options)
            # Scoring is a part of the report, which goes on after it.
            if before == "report":
                self.begin(before)
            return found

        return stepped

    def _counting(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **options: Any) -> Any:
            with self._lock:
                self.done += 1
                due = self.at is not None and self.done >= self.at
                # Between the last look and a rename nothing can be done: a file system has no
                # conditional rename.
                if due and (self.signal == signal.SIGKILL or function.__name__ != "replace"):
                    self.at = None
                    os.kill(os.getpid(), self.signal)
            return function(*args, **options)

        return counted


def _log(line: str) -> None:
    os.write(2, f"{line}\n".encode())


def _be_the_driver(command: dict[str, Any]) -> None:
    log = os.open(command["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(source, target)
    if command["uid"]:
        os.setgid(command["uid"])
        os.setuid(command["uid"])
    os.environ.update(command["environment"])
    batch.shards.MIN_SHARD_SECONDS = SHARD_SECONDS
    Claim.__init__.__kwdefaults__["lease_seconds"] = command["lease"]
    death = Death(at=command["death"], signal=command["signal"])
    death.arm()
    sys.argv = ["nightscribe", *command["arguments"]]
    try:
        nightscribe()
    finally:
        death.begin("end")


def main() -> None:
    """Fork a driver for each line, one after the other."""
    for line in sys.stdin:
        command = json.loads(line)
        pid = os.fork()
        if not pid:
            status = 0
            try:
                _be_the_driver(command)
            except SystemExit as end:
                status = end.code if isinstance(end.code, int) else 1
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                # As an interpreter that ends would: daemon threads are not waited for.
                os._exit(status)
        _answer(pid)
        _, status = os.waitpid(pid, 0)
        _answer(os.waitstatus_to_exitcode(status))


def _answer(number: int) -> None:
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
