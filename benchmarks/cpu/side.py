"""One side of the CPU benchmark in a process of its own, which sleeps while others work.

Commands come as lines, answers go as lines of JSON: ``work``, ``stages``, ``peak``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Self

ROOT = Path(__file__).parents[2]


class Side:
    """A child that holds one model, and is asked for one thing at a time."""

    def __init__(self, label: str, spec: dict[str, Any], *, threads: int) -> None:
        self.label = label
        count = str(threads)
        self._child = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.cpu.side", json.dumps(spec)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={
                **os.environ,
                "PYTHONPATH": str(ROOT),
                "NIGHTSCRIBE_THREADS": count,
                "OMP_NUM_THREADS": count,
            },
        )

    def __enter__(self) -> Self:
        self._answer()
        return self

    def __exit__(self, *_: object) -> None:
        assert self._child.stdin is not None
        self._child.stdin.close()
        self._child.wait()

    def work(self) -> float:
        """Seconds for all of the work."""
        return float(self._ask("work"))

    def stages(self) -> dict[str, float]:
        """Seconds of each stage."""
        stages: dict[str, float] = self._ask("stages")
        return stages

    def peak(self) -> int:
        """The most bytes that were resident, in the process and in those that it started."""
        return sum(map(_peak, _tree(self._child.pid)))

    def _ask(self, command: str) -> Any:
        assert self._child.stdin is not None
        self._child.stdin.write(command + "\n")
        self._child.stdin.flush()
        return self._answer()

    def _answer(self) -> Any:
        assert self._child.stdout is not None
        line = self._child.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.label}: ended with status {self._child.wait()}")
        return json.loads(line)


def _tree(process: int) -> list[int]:
    children = Path(f"/proc/{process}/task").glob("*/children")
    found = [int(child) for file in children for child in file.read_text().split()]
    return [process, *(each for child in found for each in _tree(child))]


def _peak(process: int) -> int:
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) << 10
    return 0


def serve(spec: dict[str, Any]) -> None:
    """Load, then answer until nobody asks any more."""
    # Libraries print what they like; the pipe to the parent is a copy that only we know of.
    with os.fdopen(os.dup(1), "w") as answers:
        os.dup2(2, 1)
        worker = _made(spec)
        worker.warm()
        _tell(answers, "ready")
        for line in sys.stdin:
            if line.strip() == "stages":
                _tell(answers, worker.stages())
                continue
            started = time.perf_counter()
            worker.work()
            _tell(answers, time.perf_counter() - started)


def _made(spec: dict[str, Any]) -> Any:
    files = [Path(path) for path in spec["files"]]
    if spec["kind"] == "ours":
        from benchmarks.cpu.ours import Ours  # noqa: PLC0415
        from transform_handler.engine.devices import limit_threads  # noqa: PLC0415

        limit_threads()
        return Ours(Path(spec["model"]), files)
    from benchmarks.cpu.peer import Peer  # noqa: PLC0415

    return Peer(Path(spec["model"]), files, batch=spec["batch"], windows=spec["windows"])


def _tell(answers: Any, value: Any) -> None:
    answers.write(json.dumps(value) + "\n")
    answers.flush()


if __name__ == "__main__":
    serve(json.loads(sys.argv[1]))
