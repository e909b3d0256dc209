"""How a CPU machine is divided: threads × processes, and what several workers share.

Workers as the handler makes them (``load_engine``, one window a pass), on wav2vec2-base's size
with random weights and on demo speech. Every division works through the same windows, all
its workers at once; divisions take turns, and medians are printed. Memory is that of the workers
after the first windows: resident, and what each costs alone (private; shared pages divided among
those who map them, the kernel's PSS).

    python -m benchmarks.workers [--repeats N] [--windows N] [--precision exact|fast]
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import statistics
import tempfile
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from batch.bundles import prepare_bundle
from batch.precision.wanted import Precision
from benchmarks.speech import random_base_model, speech_of
from manifests.storage import open_store
from manifests.tarball import unpack_object
from transform_handler.audio.layout import SAMPLE_RATE
from transform_handler.engine.devices import limit_threads
from transform_handler.engine.loading import load_engine
from transform_handler.identity import DecodeSettings

WINDOW_SECONDS = 20


@dataclass(frozen=True, kw_only=True)
class Division:
    """So many workers of so many threads."""

    processes: int
    threads: int

    def __str__(self) -> str:
        return f"{self.processes} x {self.threads}"


def divisions(cores: int) -> list[Division]:
    """All that use the cores, and one that asks for twice as many."""
    fitting = [
        Division(processes=processes, threads=cores // processes)
        for processes in range(1, cores + 1)
        if cores % processes == 0
    ]
    return [*fitting, Division(processes=cores, threads=cores)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--windows", type=int, default=6, help="a repeat, in all workers together")
    parser.add_argument("--precision", choices=("exact", "fast"), default="exact")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        model = unpacked_bundle(Path(scratch), asked.precision)
        tried = [Team(model, division) for division in divisions(os.cpu_count() or 1)]
        speeds: dict[str, list[float]] = {str(team.division): [] for team in tried}
        for _ in range(asked.repeats):
            for team in tried:
                speeds[str(team.division)].append(team.speed(asked.windows))
        weights = sum(path.stat().st_size for path in model.glob("*.safetensors"))
        print(f"precision {asked.precision}, weights {weights / 1e6:.0f} MB")
        print("workers x threads   times real time   of each worker: resident, private, PSS in MB")
        for team in tried:
            memory = ", ".join(f"{value:.0f}" for value in team.memory())
            speed = statistics.median(speeds[str(team.division)])
            print(f"{team.division!s:17} {speed:17.1f}   {memory}")
            team.close()


def unpacked_bundle(folder: Path, precision: str) -> Path:
    """A bundle of base's size, as a container has it."""
    random_base_model(folder / "model")
    bundle = prepare_bundle(
        str(folder / "model"),
        open_store(str(folder / "out")),
        precision=Precision(name=precision, accept=True),
    )
    unpack_object(bundle.uri, folder / "unpacked")
    return folder / "unpacked"


class Team:
    """Workers that wait for their turn without computing."""

    def __init__(self, model: Path, division: Division) -> None:
        self.division = division
        context = multiprocessing.get_context("spawn")
        self._pipes: list[Connection] = []
        self._workers = []
        for _ in range(division.processes):
            ours, theirs = context.Pipe()
            worker = context.Process(target=work, args=(model, division.threads, theirs))
            worker.start()
            self._pipes.append(ours)
            self._workers.append(worker)
        self._all_do(1)

    def speed(self, windows: int) -> float:
        """Seconds of sound a second, all workers together."""
        share = max(1, windows // self.division.processes)
        begun = time.perf_counter()
        self._all_do(share)
        seconds = time.perf_counter() - begun
        return share * self.division.processes * WINDOW_SECONDS / seconds

    def memory(self) -> tuple[float, float, float]:
        """MB of the first worker: resident, private, and PSS."""
        lines = Path(f"/proc/{self._workers[0].pid}/smaps_rollup").read_text("utf-8").splitlines()
        values = {line.split(":")[0]: int(line.split()[1]) / 1e3 for line in lines[1:]}
        private = values["Private_Clean"] + values["Private_Dirty"]
        return values["Rss"], private, values["Pss"]

    def close(self) -> None:
        """End the workers."""
        for pipe in self._pipes:
            pipe.send(0)
        for worker in self._workers:
            worker.join()

    def _all_do(self, windows: int) -> None:
        for pipe in self._pipes:
            pipe.send(windows)
        for pipe in self._pipes:
            pipe.recv()


def work(model: Path, threads: int, pipe: Connection) -> None:
    """A worker: windows on request, until it is asked for none."""
    os.environ["NIGHTSCRIBE_THREADS"] = os.environ["OMP_NUM_THREADS"] = str(threads)
    limit_threads()
    engine = load_engine(model, device="cpu", decode=DecodeSettings())
    window = speech_of(WINDOW_SECONDS)
    assert len(window) == WINDOW_SECONDS * SAMPLE_RATE
    while windows := pipe.recv():
        for _ in range(windows):
            engine.run([window], language=None)
        pipe.send(windows)


if __name__ == "__main__":
    main()
