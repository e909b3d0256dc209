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
from dataclasses import dataclass, field, replace
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
    def begun(self) -> list[tuple[str, int]]:
        """The steps in order, and how many things were done before each."""
        lines = (line[1:].split() for line in self.log.splitlines() if line.startswith("@"))
        return [(step, int(count)) for step, count in lines]

    @property
    def last_step(self) -> str:
        """Where it ended."""
        return (["begin", *(step for step, _ in self.begun)])[-1]

    def moments(self, step: str) -> list[int]:
        """The numbers of all things that were done in ``step``."""
        ends = [count for _, count in self.begun[1:]]
        stretches = zip(self.begun, ends, strict=False)
        return [
            moment
            for (name, begin), end in stretches
            if name == step
            for moment in range(begin + 1, end + 1)
        ]

    @property
    def said(self) -> list[str]:
        """What a person would have seen."""
        return [line for line in self.log.splitlines() if not line.startswith("@")]


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
        return replace(self.so_far(), status=self._status)

    def so_far(self) -> Ended:
        """What it has written until now."""
        return Ended(status=0, log=self.log.read_text("utf-8", "replace"))

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
    started: dict[int, Driver] = field(default_factory=dict)
    lease: float = 120.0
    uid: int = 0
    """Whose drivers they are; 0: this process's user's."""

    def start(
        self,
        *arguments: str,
        death: int | None = None,
        by: signal.Signals = signal.SIGKILL,
        server: int = 0,
    ) -> Driver:
        """Start ``nightscribe`` with these arguments."""
        while len(self.servers) <= server:
            self.servers.append(_server())
        self.kill_all(server)
        (self.home / "t").mkdir(exist_ok=True)
        log = self.home / f"log-{server}.txt"
        log.write_text("")
        command = {
            "arguments": list(arguments),
            "environment": {
                MARK: str(self.home),
                "TMPDIR": str(self.home / "t"),
                **self.environment,
            },
            "log": str(log),
            "death": death,
            "signal": int(by),
            "lease": self.lease,
            "uid": self.uid,
        }
        process = self.servers[server]
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(command) + "\n")
        process.stdin.flush()
        self.started[server] = Driver(server=process, pid=int(process.stdout.readline()), log=log)
        return self.started[server]

    def kill_all(self, server: int | None = None) -> None:
        """End what a test that failed has left running, or stopped."""
        for number, driver in self.started.items():
            if server in (None, number) and driver.wait(0) is None:
                driver.send(signal.SIGKILL)
                driver.ended()

    def begin(
        self,
        *overrides: str,
        death: int | None = None,
        by: signal.Signals = signal.SIGKILL,
        server: int = 0,
    ) -> Driver:
        """Start ``nightscribe run``."""
        options = [part for one in overrides for part in ("--set", one)]
        config = str(self.home / "nightscribe.toml")
        return self.start("run", config, *options, death=death, by=by, server=server)

    def run(self, *overrides: str, death: int | None = None, server: int = 0) -> Ended:
        """``nightscribe run`` to its end."""
        return self.begin(*overrides, death=death, server=server).ended()

    def left_behind(self) -> list[str]:
        """Processes, temporary files and half files that outlived every driver.

        Half a model goes ten minutes later: other commands write models without a claim.
        """
        found = [f"process {pid}" for pid in _marked(str(self.home)) if not _ends(pid)]
        found += [f"temporary {path.name}" for path in (self.home / "t").iterdir()]
        halves = self.home.rglob("*.nightscribe-part")
        found += [f"half file {path}" for path in halves if "/out/models/" not in str(path)]
        return found


@contextmanager
def drivers(home: Path, **environment: str) -> Iterator[Drivers]:
    """Drivers for a folder; their servers end with this."""
    made = Drivers(home=home, environment=environment)
    try:
        yield made
    finally:
        made.kill_all()
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
