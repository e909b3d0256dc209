"""How far a rate would move with other speech of the same kind: the block bootstrap.

Errors come in clusters, because a speaker, a room or a microphone is hard throughout. So whole
blocks are drawn with replacement, not words, and each draw gives a ratio of sums (Bisani & Ney
2004, "Bootstrap estimates for confidence intervals in ASR performance evaluation"; Efron &
Tibshirani 1993, chapter 13, for percentile intervals).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator, Sequence

RESAMPLES = 10_000
LEVEL = 0.95
SEED = 20_040
ENOUGH_BLOCKS = 20
"""Fewer blocks than this stand for too few of those that were not drawn."""
MOST_BLOCKS = 20_000
"""More blocks than this are drawn in bundles: as many draws of a million would take minutes.

Blocks are independent, so a bundle of them is a block as well: the variance of a sum is that of its
blocks either way, and what 20,000 of them say of it is right to half a per cent.
"""
_CELLS = 200_000  # What is drawn at a time stays in the processor's cache.

Values = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True)
class Interval:
    """Where a rate lies at ``level``; no bounds where one block, or nothing, was counted."""

    low: float | None
    high: float | None
    level: float
    blocks: int
    resamples: int
    note: str | None

    def as_json(self) -> dict[str, Any]:
        """The interval as plain values."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """The rate of one system minus that of another over the same blocks; below 0 is better.

    ``p_worse`` is the share of draws in which it is higher, where a tie counts half: 0.5 for two
    systems that make the same errors.
    """

    delta: float | None
    low: float | None
    high: float | None
    p_worse: float | None
    level: float
    blocks: int
    resamples: int
    note: str | None

    def as_json(self) -> dict[str, Any]:
        """The difference as plain values."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True, slots=True)
class Resampling:
    """Draws of ``blocks`` blocks with replacement, the same ones for every value that is summed.

    Slices and systems that are summed with one resampling are therefore paired, draw by draw.
    """

    blocks: int
    resamples: int = RESAMPLES
    seed: int = SEED

    def __post_init__(self) -> None:
        if self.blocks < 1 or self.resamples < 1:
            raise ValueError(
                f"blocks is {self.blocks} and resamples {self.resamples}; expected 1 or more"
            )

    def sums(self, values: npt.ArrayLike) -> Values:
        """Sums over each draw: (blocks, columns) in, (resamples, columns) out.

        Raises:
            ValueError: ``values`` has another number of blocks.
        """
        table = np.asarray(values, dtype=np.float64)
        if table.ndim != 2 or len(table) != self.blocks:
            raise ValueError(f"values have shape {table.shape}; expected ({self.blocks}, columns)")
        return np.concatenate([weights @ table for weights in self._weights()])

    def _weights(self) -> Iterator[Values]:
        """How often each draw has each block, a bounded number of draws at a time."""
        random = np.random.Generator(np.random.PCG64(self.seed))
        left = self.resamples
        while left:
            rows = min(left, max(1, _CELLS // self.blocks))
            drawn = random.integers(0, self.blocks, size=(rows, self.blocks))
            drawn += np.arange(rows)[:, None] * self.blocks
            counts = np.bincount(drawn.ravel(), minlength=rows * self.blocks)
            yield counts.reshape(rows, self.blocks).astype(np.float64)
            left -= rows


def by_block(
    names: Sequence[Hashable], rows: Iterable[Sequence[float]]
) -> tuple[list[Hashable], Values]:
    """Rows summed by block: the blocks in the order of their names, and (blocks, columns).

    Raises:
        ValueError: not one row a name.
    """
    table = np.array(rows if isinstance(rows, np.ndarray) else list(rows), dtype=np.float64)
    if len(table) != len(names):
        raise ValueError(f"{len(names)} names and {len(table)} rows; expected one row a name")
    # The order of the utterances in a file must not move an interval.
    ordered = sorted(set(names), key=lambda name: (str(type(name)), str(name)))
    places = {name: at for at, name in enumerate(ordered)}
    blocks = np.fromiter((places[name] for name in names), np.int64, len(names))
    columns = table.T if len(names) else ()
    sums = [np.bincount(blocks, column, minlength=len(ordered)) for column in columns]
    return ordered, np.array(sums, dtype=np.float64).T


def interval(
    errors: npt.ArrayLike,
    totals: npt.ArrayLike,
    *,
    resamples: int = RESAMPLES,
    seed: int = SEED,
    level: float = LEVEL,
) -> Interval:
    """The interval of sum(errors) / sum(totals), both of shape (blocks,).

    Fewer than 20 blocks give an interval too, with a note that they are too few.
    """
    columns = [np.asarray(one, dtype=np.float64)[:, None] for one in (errors, totals)]
    (found,) = intervals(*columns, resamples=resamples, seed=seed, level=level)
    return found


def intervals(
    errors: npt.ArrayLike,
    totals: npt.ArrayLike,
    *,
    resamples: int = RESAMPLES,
    seed: int = SEED,
    level: float = LEVEL,
) -> list[Interval]:
    """An interval for each slice, from one drawing: both arrays have shape (blocks, slices).

    A block that a slice does not touch has zeros there and does not count as one of its blocks.
    More than ``MOST_BLOCKS`` are drawn in bundles, in the order in which they are given.
    """
    _check_level(level)
    table = _paired(errors, totals)
    slices = table.shape[1] // 2
    touched = (table[:, :slices] > 0) | (table[:, slices:] > 0)
    if not len(table):
        return [_none(0, level, resamples) for _ in range(slices)]
    drawn = _bundled(table)
    sums = Resampling(blocks=len(drawn), resamples=resamples, seed=seed).sums(drawn)
    return [
        _interval(_ratio(sums[:, at], sums[:, slices + at]), int(touched[:, at].sum()), level)
        for at in range(slices)
    ]


def difference(
    before: tuple[npt.ArrayLike, npt.ArrayLike],
    after: tuple[npt.ArrayLike, npt.ArrayLike],
    *,
    resamples: int = RESAMPLES,
    seed: int = SEED,
    level: float = LEVEL,
) -> Difference:
    """Rate of ``after`` minus rate of ``before``; each is (errors, totals) of the same blocks.

    The draws are paired: what is hard for both systems cancels out.
    """
    one, other = (
        tuple(np.asarray(column, dtype=np.float64)[:, None] for column in side)
        for side in (before, after)
    )
    (found,) = differences(
        (one[0], one[1]), (other[0], other[1]), resamples=resamples, seed=seed, level=level
    )
    return found


def differences(
    before: tuple[npt.ArrayLike, npt.ArrayLike],
    after: tuple[npt.ArrayLike, npt.ArrayLike],
    *,
    resamples: int = RESAMPLES,
    seed: int = SEED,
    level: float = LEVEL,
) -> list[Difference]:
    """A paired difference for each slice, from one drawing: arrays of shape (blocks, slices).

    A block in which a slice has no words and no errors does not count as one of its blocks.
    """
    _check_level(level)
    tables = [_paired(*side) for side in (before, after)]
    slices = tables[0].shape[1] // 2
    table = np.concatenate(tables, axis=1)
    if not len(table):
        return [_difference(None, _none(0, level, resamples), None) for _ in range(slices)]
    drawn = _bundled(table)
    sums = Resampling(blocks=len(drawn), resamples=resamples, seed=seed).sums(drawn)
    whole = table.sum(axis=0)
    found = []
    for at in range(slices):
        columns = [at + slices * part for part in range(4)]
        errors, totals, new_errors, new_totals = columns
        deltas = _ratio(sums[:, new_errors], sums[:, new_totals])
        deltas -= _ratio(sums[:, errors], sums[:, totals])
        known = deltas[~np.isnan(deltas)]
        delta = None
        if whole[totals] and whole[new_totals]:
            delta = whole[new_errors] / whole[new_totals] - whole[errors] / whole[totals]
        worse = float(np.mean(known > 0) + np.mean(known == 0) / 2) if len(known) else None
        touched = int((table[:, columns] > 0).any(axis=1).sum())
        found.append(_difference(delta, _interval(deltas, touched, level), worse))
    return found


def _bundled(table: Values) -> Values:
    """The blocks, or 20,000 bundles of them: every 20,000th block is one bundle's."""
    if len(table) <= MOST_BLOCKS:
        return table
    layers = -(-len(table) // MOST_BLOCKS)
    whole = np.zeros((layers * MOST_BLOCKS, table.shape[1]))
    whole[: len(table)] = table
    found: Values = whole.reshape(layers, MOST_BLOCKS, -1).sum(axis=0)
    return found


def _paired(errors: npt.ArrayLike, totals: npt.ArrayLike) -> Values:
    columns = [np.asarray(one, dtype=np.float64) for one in (errors, totals)]
    if columns[0].ndim != 2 or columns[0].shape != columns[1].shape:
        shapes = " and ".join(str(one.shape) for one in columns)
        raise ValueError(f"errors and totals have shapes {shapes}; expected one (blocks, slices)")
    return np.concatenate(columns, axis=1)


def _check_level(level: float) -> None:
    if not 0 < level < 1:
        raise ValueError(f"level is {level}; expected a share between 0 and 1, such as 0.95")


def _ratio(errors: Values, totals: Values) -> Values:
    """Ratios, and NaN for a draw in which nothing was said."""
    return np.divide(errors, totals, out=np.full_like(errors, np.nan), where=totals > 0)


def _interval(ratios: Values, blocks: int, level: float) -> Interval:
    known = ratios[~np.isnan(ratios)]
    if blocks < 2 or not len(known):
        return _none(blocks, level, len(ratios))
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    note = None
    if blocks < ENOUGH_BLOCKS:
        note = f"too few blocks ({blocks} of at least {ENOUGH_BLOCKS}): the truth may lie outside"
    return Interval(
        low=float(low),
        high=float(high),
        level=level,
        blocks=blocks,
        resamples=len(ratios),
        note=note,
    )


def _none(blocks: int, level: float, resamples: int) -> Interval:
    note = "too few blocks: one block says nothing of others" if blocks == 1 else "nothing was said"
    return Interval(low=None, high=None, level=level, blocks=blocks, resamples=resamples, note=note)


def _difference(delta: float | None, bounds: Interval, p_worse: float | None) -> Difference:
    return Difference(
        delta=None if delta is None else float(delta),
        low=bounds.low,
        high=bounds.high,
        p_worse=None if bounds.low is None else p_worse,
        level=bounds.level,
        blocks=bounds.blocks,
        resamples=bounds.resamples,
        note=bounds.note,
    )
