"""Drivers that are started, killed and waited for, and what must not be left of them."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

LONG = os.environ.get("NIGHTSCRIBE_TORTURE") == "long"
MARK = "NIGHTSCRIBE_TORTURE_HOME"
_HOUSE = Path(__file__).parents[2]
_PATIENCE = 120.0


@dataclass(kw_only=True)
class Ended:
    """How a driver ended: its status (negative: the signal) and what it wrote."""

    status: int
    log: str

    @property
    def steps(self) -> list[str]:
        """The steps that it began, in order."""
        return [line[1:] for line in self.log.splitlines() if line.startswith("@")]

    @property
    def last_step(self) -> str:
        """Where it ended."""
        return (["begin", *self.steps])[-1]

    @property
    def counts(self) -> dict[str, int]:
        """How many things it did in each step, in their order; of one that ended of itself."""
        lines = (line[1:].split() for line in self.log.splitlines() if line.startswith("#"))
        return {step: int(count) for step, count in lines}

    @property
    def said(self) -> list[str]:
        """What a person would have seen."""
        return [line for line in self.log.splitlines() if line[:1] not in "@#"]


@dataclass(kw_only=True)
class Driver:
    """A started driver."""

    server: subprocess.Popen[str]
    pid: int
    log: Path
    _status: int | None = None

    def wait(self, seconds: float = _PATIENCE) -> Ended | None:
        """How it ended; None where it has not, ``seconds`` later."""
        assert self.server.stdout is not None
        if self._status is None and select.select([self.server.stdout], [], [], seconds)[0]:
            self._status = int(self.server.stdout.readline())
        if self._status is None:
            return None
        return Ended(status=self._status, log=self.log.read_text("utf-8", "replace"))

    def ended(self) -> Ended:
        """Wait for its end."""
        found = self.wait()
        assert found is not None, f"hangs: {self.log.read_text()[-2000:]}"
        return found

    def send(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def workers(self) -> list[int]:
        """The processes that it has started."""
        found: list[int] = []
        for task in Path(f"/proc/{self.pid}/task").glob("*/children"):
            with contextlib.suppress(OSError):
                found += map(int, task.read_text().split())
        return found


@dataclass(kw_only=True)
class Drivers:
    """Starts drivers for a folder; one at a time for each ``server``."""

    home: Path
    environment: dict[str, str] = field(default_factory=dict)
    servers: list[subprocess.Popen[str]] = field(default_factory=list)

    def start(self, *arguments: str, death: int | None = None, server: int = 0) -> Driver:
        """Start ``nightscribe`` with these arguments."""
        while len(self.servers) <= server:
            self.servers.append(_server())
        (self.home / "tmp").mkdir(exist_ok=True)
        log = self.home / f"log-{server}.txt"
        log.unlink(missing_ok=True)
        command = {
            "arguments": list(arguments),
            "environment": {
                MARK: str(self.home),
                "TMPDIR": str(self.home / "tmp"),
                **self.environment,
            },
            "log": str(log),
            "death": death,
        }
        process = self.servers[server]
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(command) + "\n")
        process.stdin.flush()
        return Driver(server=process, pid=int(process.stdout.readline()), log=log)

    def run(self, *overrides: str, death: int | None = None) -> Ended:
        """``nightscribe run`` to its end."""
        options = [part for one in overrides for part in ("--set", one)]
        return self.start("run", str(self.home / "nightscribe.toml"), *options, death=death).ended()

    def left_behind(self) -> list[str]:
        """Processes, temporary files and half files that outlived every driver."""
        found = [f"process {pid}" for pid in _marked(str(self.home)) if not _ends(pid)]
        found += [f"temporary {path.name}" for path in (self.home / "tmp").iterdir()]
        found += [f"half file {path}" for path in self.home.rglob("*.nightscribe-part")]
        return found


@contextmanager
def drivers(home: Path, **environment: str) -> Iterator[Drivers]:
    """Drivers for a folder; their servers end with this."""
    made = Drivers(home=home, environment=environment)
    try:
        yield made
    finally:
        for server in made.servers:
            server.kill()
            server.communicate()


def _server() -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.torture.driver_server"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=_HOUSE,
        env={**os.environ, "PYTHONPATH": str(_HOUSE), "OMP_NUM_THREADS": "1"},
    )


def _marked(home: str) -> list[int]:
    """The processes that a driver of ``home`` started: they inherit its environment."""
    wanted = f"{MARK}={home}\0".encode()
    found: list[int] = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if wanted in (folder / "environ").read_bytes():
                found.append(int(folder.name))
    return found


def _ends(pid: int, *, seconds: float = 10.0) -> bool:
    """Whether a process is gone soon."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([descriptor], [], [], seconds)[0])
    finally:
        os.close(descriptor)
