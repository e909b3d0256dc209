"""Which utterances go together: near-equal lengths, the same batches again for a seed and epoch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from random import Random

from torch.utils.data import Sampler

_JITTER = 0.05

Heard = Callable[[int, int], float]
"""(epoch, position) to the seconds that the utterance has in that epoch."""


class LengthBatches(Sampler[list[tuple[int, int]]]):
    """Batches of (epoch, position) pairs, each near `batch_seconds` long with its padding.

    The number of batches and their sizes are the same in each epoch, so that an epoch follows from
    the step alone and a resumed run meets the data that the interrupted one would have met.

    Of several processes each takes every n-th batch. All have equally many, and none has an
    utterance of another: batches are cut in two until their number fits, and where all hold one
    utterance each epoch leaves a few others out.
    """

    def __init__(
        self,
        durations: Sequence[float],
        *,
        batch_seconds: float,
        seed: int,
        shortest_first: bool = False,
        heard: Heard | None = None,
        process: int = 0,
        processes: int = 1,
    ) -> None:
        if len(durations) < processes:
            raise ValueError(
                f"{len(durations)} utterances for {processes} processes; expected at least one each"
            )
        self._durations = list(durations)
        self._seed = seed
        self._shortest_first = shortest_first
        self._heard = heard
        self._process, self._processes = process, processes
        self._sizes = _for_processes(_sizes(sorted(durations), batch_seconds), processes)
        self._epoch = 0

    def __len__(self) -> int:
        """Batches of this process in an epoch."""
        return len(self._sizes) // self._processes

    def begin_epoch(self, epoch: int) -> None:
        """Choose the epoch; not `set_epoch`, which accelerate calls with a count of its own."""
        self._epoch = epoch

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        batches = self._batches(self._epoch)
        return iter(batches[self._process : len(self) * self._processes : self._processes])

    def _batches(self, epoch: int) -> list[list[tuple[int, int]]]:
        rng = Random(f"{self._seed}:{epoch}")  # noqa: S311 — an order of data, not a secret
        lengths = self._durations
        if self._heard is not None:
            lengths = [self._heard(epoch, position) for position in range(len(lengths))]
        jittered = [d * rng.uniform(1 - _JITTER, 1 + _JITTER) for d in lengths]
        order = sorted(range(len(jittered)), key=jittered.__getitem__)
        positions = iter(order)
        batches = [[(epoch, next(positions)) for _ in range(size)] for size in self._sizes]
        if not (self._shortest_first and epoch == 0):
            rng.shuffle(batches)
        return batches


class EqualBatches(Sampler[list[tuple[int, int]]]):
    """Batches of exactly equal lengths, for evaluation: padding cannot change what is heard."""

    def __init__(
        self,
        durations: Sequence[float],
        *,
        batch_seconds: float,
        process: int = 0,
        processes: int = 1,
    ) -> None:
        batches: list[list[tuple[int, int]]] = []
        order = sorted(range(len(durations)), key=durations.__getitem__)
        for position in order:
            last = batches[-1] if batches else []
            if (
                last
                and durations[last[0][1]] == durations[position]
                and (len(last) + 1) * durations[position] <= batch_seconds
            ):
                last.append((0, position))
            else:
                batches.append([(0, position)])
        self._batches = batches[process::processes]

    def __len__(self) -> int:
        return len(self._batches)

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        return iter(self._batches)


def _sizes(ascending: Sequence[float], batch_seconds: float) -> list[int]:
    sizes = [0]
    for duration in ascending:
        if sizes[-1] and (sizes[-1] + 1) * duration > batch_seconds:
            sizes.append(0)
        sizes[-1] += 1
    return sizes


def _for_processes(sizes: list[int], processes: int) -> list[int]:
    """The sizes with their largest cut in two until their number divides, where it can be made to.

    The order stays: it is that of the lengths.
    """
    sizes = list(sizes)
    while len(sizes) % processes and (largest := max(sizes)) > 1:
        index = sizes.index(largest)
        sizes[index : index + 1] = [largest - largest // 2, largest // 2]
    return sizes
