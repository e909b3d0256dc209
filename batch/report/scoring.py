"""Many pairs counted and aligned, once each, and on all cores where there are many of them."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, islice
from typing import NamedTuple

from batch.report.alignment import AlignedRecording, align_recording
from batch.report.words import TimedWords
from training.scoring import (
    NO_RULES,
    CustomRules,
    Normalizer,
    PairScore,
    aligner_named,
    normalizer_named,
    score_pair,
)

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


@dataclass(frozen=True, kw_only=True)
class Rules:
    """The rules of a run by their names: another process makes the same ones of them."""

    normalizer: str
    aligner: str
    custom: CustomRules = NO_RULES


class Worker:
    """Scores pairs by one set of rules, in this process."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules

    @cached_property
    def _normalizer(self) -> Normalizer:
        return normalizer_named(self._rules.normalizer, self._rules.custom)

    def scored(self, pairs: Iterable[Pair]) -> list[Scored]:
        """The counts and alignments of some pairs, in order."""
        rule, aligner = self._normalizer, aligner_named(self._rules.aligner)
        return [
            Scored(
                score_pair(one.reference, one.hypothesis, rule, aligner=aligner),
                align_recording(one.reference, one.hypothesis, one.words, rule, aligner),
            )
            for one in pairs
        ]


class ScoringPool:
    """Scores pairs in processes that it starts when there are many, and ends with itself."""

    def __init__(self, rules: Rules, *, processes: int) -> None:
        self._rules, self._processes = rules, processes
        self._here = Worker(rules)
        self._pool: ProcessPoolExecutor | None = None

    def scored(self, pairs: Iterable[Pair]) -> Iterator[Scored]:
        """Counts and alignments in the order of the pairs; a few chunks are held at a time."""
        rest = iter(pairs)
        first = list(islice(rest, LEAST_PAIRS)) if self._pool is None else []
        if self._processes < 2 or (self._pool is None and len(first) < LEAST_PAIRS):
            for chunk in _chunks(chain(first, rest)):
                yield from self._here.scored(chunk)
            return
        yield from self._elsewhere(_chunks(chain(first, rest)))

    def close(self) -> None:
        """End the processes."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def _elsewhere(self, chunks: Iterator[list[Pair]]) -> Iterator[Scored]:
        waiting: deque[tuple[list[Pair], Future[list[Scored]]]] = deque()
        for chunk in chunks:
            waiting.append((chunk, self._submitted(chunk)))
            if len(waiting) > 2 * self._processes:
                yield from self._finished(*waiting.popleft())
        while waiting:
            yield from self._finished(*waiting.popleft())

    def _submitted(self, chunk: list[Pair]) -> Future[list[Scored]]:
        if self._pool is None:
            self._pool = ProcessPoolExecutor(
                self._processes,
                # Not a fork: Arrow and the clients of AWS have threads, which a fork would lose.
                mp_context=multiprocessing.get_context("spawn"),
                initializer=_begin,
                initargs=(self._rules,),
            )
        try:
            return self._pool.submit(_scored_there, chunk)
        except BrokenProcessPool as error:
            broken: Future[list[Scored]] = Future()
            broken.set_exception(error)
            return broken

    def _finished(self, chunk: list[Pair], future: Future[list[Scored]]) -> Sequence[Scored]:
        try:
            return future.result()
        except BrokenProcessPool:
            # Somebody killed a process, for memory perhaps: a night does not fail for that.
            return self._here.scored(chunk)


@contextmanager
def scoring_pool(rules: Rules, *, processes: int | None = None) -> Iterator[ScoringPool]:
    """Processes for as many cores as there are, four at most; none for a small report."""
    pool = ScoringPool(rules, processes=processes or _cores())
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


_worker: list[Worker] = []
"""Of a process of the pool, which has one from its beginning."""


def _begin(rules: Rules) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _worker.append(Worker(rules))


def _end_with_parent() -> None:
    """A killed parent takes its processes along: they would wait for its next chunk for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _scored_there(pairs: list[Pair]) -> list[Scored]:
    return _worker[0].scored(pairs)
