"""Many pairs counted and aligned, once each, and on all cores where there are many of them."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, islice
from pathlib import Path
from queue import SimpleQueue
from threading import Lock
from typing import NamedTuple

from batch.report.alignment import AlignedRecording, align_recording
from batch.report.words import TimedWords
from training.scoring import Normalizer, PairScore, ScoringRules, score_pair

CHUNK = 250
"""Pairs that a process is given at once."""
LEAST_PAIRS = 4_000
"""Fewer are done sooner than another process has started."""
MOST_PROCESSES = 4


class Pair(NamedTuple):
    """A reference, what the model wrote, and when."""

    reference: str
    hypothesis: str
    words: TimedWords


class Scored(NamedTuple):
    """What a pair's counts and alignment are."""

    score: PairScore
    aligned: AlignedRecording


@dataclass(frozen=True)
class Worker:
    """Scores pairs of one language by one set of rules, in this process."""

    rules: ScoringRules
    language: str | None

    @cached_property
    def _normalizer(self) -> Normalizer:
        return self.rules.normalizer_for(self.language)

    def scored(self, pairs: Iterable[Pair]) -> list[Scored]:
        """The counts and alignments of some pairs, in order."""
        rule, aligner = self._normalizer, self.rules.aligner
        return [
            Scored(
                score_pair(one.reference, one.hypothesis, rule, aligner=aligner),
                align_recording(one.reference, one.hypothesis, one.words, rule, aligner),
            )
            for one in pairs
        ]


class ScoringPool:
    """Scores pairs in processes that it starts when there are many, and ends with itself."""

    def __init__(self, worker: Worker, *, processes: int) -> None:
        self._here, self._processes = worker, processes
        self._threads: ThreadPoolExecutor | None = None
        self._children: SimpleQueue[Child | None] = SimpleQueue()
        self._alone = Lock()

    def scored(self, pairs: Iterable[Pair]) -> Iterator[Scored]:
        """Counts and alignments in the order of the pairs; a few chunks are held at a time."""
        rest = iter(pairs)
        first = list(islice(rest, LEAST_PAIRS)) if self._threads is None else []
        if self._processes < 2 or (self._threads is None and len(first) < LEAST_PAIRS):
            for chunk in _chunks(chain(first, rest)):
                yield from self._here.scored(chunk)
            return
        yield from self._elsewhere(_chunks(chain(first, rest)))

    def close(self) -> None:
        """End the processes."""
        if self._threads is None:
            return
        self._threads.shutdown(cancel_futures=True)
        for _ in range(self._processes):
            if (child := self._children.get()) is not None:
                child.close()

    def _elsewhere(self, chunks: Iterator[list[Pair]]) -> Iterator[Scored]:
        if self._threads is None:
            self._threads = ThreadPoolExecutor(self._processes, "scoring")
            for _ in range(self._processes):
                self._children.put(Child(self._here))
        waiting: deque[Future[list[Scored]]] = deque()
        for chunk in chunks:
            waiting.append(self._threads.submit(self._by_a_child, chunk))
            if len(waiting) > 2 * self._processes:
                yield from waiting.popleft().result()
        while waiting:
            yield from waiting.popleft().result()

    def _by_a_child(self, chunk: list[Pair]) -> list[Scored]:
        child = self._children.get()
        try:
            if child is not None:
                return child.scored(chunk)
        except (OSError, EOFError, pickle.UnpicklingError):
            # Somebody killed it, for memory perhaps: a night does not fail for that.
            assert child is not None
            child.close()
            child = None
        finally:
            self._children.put(child)
        with self._alone:
            return self._here.scored(chunk)


class Child:
    """A process of its own that scores; it ends when its input does, so also with a killed parent.

    Not one of ``multiprocessing``, which would import the program that was started, and run it
    again where that is a script without a guard.
    """

    def __init__(self, worker: Worker) -> None:
        home = str(Path(__file__).parents[2])
        known = os.environ.get("PYTHONPATH")
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "batch.report.scoring_child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (home, known)))},
        )
        self._worker: Worker | None = worker

    @property
    def pid(self) -> int:
        """The process."""
        return self._process.pid

    def scored(self, pairs: list[Pair]) -> list[Scored]:
        """The counts and alignments of some pairs.

        Raises:
            OSError, EOFError, UnpicklingError: the process is gone.
        """
        said, heard = self._process.stdin, self._process.stdout
        assert said is not None
        assert heard is not None
        if self._worker is not None:
            pickle.dump((self._worker.rules, self._worker.language), said, pickle.HIGHEST_PROTOCOL)
            self._worker = None
        pickle.dump(pairs, said, pickle.HIGHEST_PROTOCOL)
        said.flush()
        found: list[Scored] = pickle.load(heard)  # noqa: S301 (our own process)
        return found

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.communicate()


@contextmanager
def scoring_pool(
    rules: ScoringRules, language: str | None, *, processes: int | None = None
) -> Iterator[ScoringPool]:
    """Processes for as many cores as there are, four at most; none for a small report."""
    pool = ScoringPool(Worker(rules, language), processes=processes or _cores())
    try:
        yield pool
    finally:
        pool.close()


def _cores() -> int:
    affinity = getattr(os, "sched_getaffinity", None)
    return min(MOST_PROCESSES, len(affinity(0)) if affinity else os.cpu_count() or 1)


def _chunks(pairs: Iterator[Pair]) -> Iterator[list[Pair]]:
    while chunk := list(islice(pairs, CHUNK)):
        yield chunk
