"""How sure the rates are: intervals by a bootstrap over meetings, never over words.

A meeting is hard throughout (its speakers, its room, its microphone), so whole meetings are drawn.
Which recordings are of one meeting is a column of the metadata (``[report] meeting``); without one
each recording is a meeting of its own, its channels together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from training.scoring.bootstrap import (
    ENOUGH_BLOCKS,
    LEVEL,
    MOST_BLOCKS,
    RESAMPLES,
    SEED,
    Interval,
    intervals,
)

if TYPE_CHECKING:
    from batch.report.model import ScoredRecording

INTERVAL_RULE = (
    f"{LEVEL:.0%} percentile interval, {RESAMPLES:,} draws of whole meetings with replacement, "
    f"seed {SEED}; fewer than {ENOUGH_BLOCKS} meetings are too few to trust it"
)

Values = npt.NDArray[np.float64]
Counts = Values  # shape = (n_recordings, 2): errors, reference words


def corpus_interval(recordings: Sequence[ScoredRecording]) -> Interval:
    """The interval of the normalised WER of all of these recordings."""
    names = [row.meeting for row in recordings]
    return meeting_intervals(names, word_counts(recordings), [range(len(recordings))])[0]


def word_counts(recordings: Sequence[ScoredRecording]) -> Counts:
    """Errors and reference words of each recording, normalised."""
    rows = [[row.normalized.errors, row.normalized.reference_words] for row in recordings]
    return np.array(rows, dtype=np.float64).reshape(-1, 2)


def meeting_intervals(
    meetings: Sequence[str], counts: Counts, slices: Sequence[Sequence[int]]
) -> list[Interval]:
    """An interval for each slice, a slice being indexes into the recordings."""
    errors, words = sums_by_block(meetings, counts, slices)
    found = intervals(errors, words)
    if len(set(meetings)) <= MOST_BLOCKS:
        return found
    return [
        replace(one, blocks=len({meetings[i] for i in members if counts[i].any()}))
        for one, members in zip(found, slices, strict=True)
    ]


def sums_by_block(
    meetings: Sequence[str], values: Values, slices: Sequence[Sequence[int]]
) -> list[Values]:
    """Sums by block and slice, shape (n_blocks, n_slices), of each column of ``values``.

    A block is a meeting; beyond ``MOST_BLOCKS`` it is several.
    """
    blocks = block_numbers(meetings)
    size = int(blocks.max()) + 1 if len(blocks) else 0
    tables = [np.zeros((size, len(slices))) for _ in range(values.shape[1])]
    for at, members in enumerate(slices):
        chosen = np.fromiter(members, dtype=np.int64)
        for column, table in enumerate(tables):
            weights = values[chosen, column]
            table[:, at] = np.bincount(blocks[chosen], weights, minlength=size)
    return tables


def block_numbers(meetings: Sequence[str]) -> npt.NDArray[np.int64]:
    """The block of each recording; the order of the recordings does not move an interval."""
    places = {name: at % MOST_BLOCKS for at, name in enumerate(sorted(set(meetings)))}
    return np.array([places[name] for name in meetings], dtype=np.int64)
