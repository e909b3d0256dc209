"""Which utterances go together: near-equal lengths, the same batches again for a seed and epoch."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from torch.utils.data import Sampler

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_JITTER = 0.05


class LengthBatches(Sampler[list[tuple[int, int]]]):
    """Batches of (epoch, position) pairs, each near `batch_seconds` long with its padding.

    The number of batches and their sizes are the same in each epoch, so that an epoch follows from
    the step alone and a resumed run meets the data that the interrupted one would have met.
    """

    def __init__(
        self,
        durations: Sequence[float],
        *,
        batch_seconds: float,
        seed: int,
        shortest_first: bool = False,
    ) -> None:
        self._durations = list(durations)
        self._seed = seed
        self._shortest_first = shortest_first
        self._sizes = _sizes(sorted(durations), batch_seconds)
        self._epoch = 0

    def __len__(self) -> int:
        return len(self._sizes)

    def begin_epoch(self, epoch: int) -> None:
        """Choose the epoch; not `set_epoch`, which accelerate calls with a count of its own."""
        self._epoch = epoch

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        epoch = self._epoch
        rng = Random(f"{self._seed}:{epoch}")  # noqa: S311 — an order of data, not a secret
        jittered = [d * rng.uniform(1 - _JITTER, 1 + _JITTER) for d in self._durations]
        order = sorted(range(len(jittered)), key=jittered.__getitem__)
        batches = []
        for size in self._sizes:
            batches.append([(epoch, position) for position in order[:size]])
            order = order[size:]
        if not (self._shortest_first and epoch == 0):
            rng.shuffle(batches)
        return iter(batches)


class EqualBatches(Sampler[list[tuple[int, int]]]):
    """Batches of exactly equal lengths, for evaluation: padding cannot change what is heard."""

    def __init__(self, durations: Sequence[float], *, batch_seconds: float) -> None:
        self._batches: list[list[tuple[int, int]]] = []
        order = sorted(range(len(durations)), key=durations.__getitem__)
        for position in order:
            last = self._batches[-1] if self._batches else []
            if (
                last
                and durations[last[0][1]] == durations[position]
                and (len(last) + 1) * durations[position] <= batch_seconds
            ):
                last.append((0, position))
            else:
                self._batches.append([(0, position)])

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
