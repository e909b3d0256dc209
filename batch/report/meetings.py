"""How sure the rates are: intervals by a bootstrap over meetings, never over words.

A meeting is hard throughout (its speakers, its room, its microphone), so whole meetings are drawn.
Which recordings are of one meeting is a column of the metadata (``[report] meeting``); without one
each recording is a meeting of its own, its channels together.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from training.scoring.bootstrap import (
    ENOUGH_BLOCKS,
    LEVEL,
    RESAMPLES,
    SEED,
    Interval,
    intervals,
)

if TYPE_CHECKING:
    from batch.report.model import ScoredRecording

MOST_BLOCKS = 20_000
"""More meetings than this are drawn in bundles of meetings: the interval is the same, sooner."""

INTERVAL_RULE = (
    f"{LEVEL:.0%} percentile interval, {RESAMPLES:,} draws of whole meetings with replacement, "
    f"seed {SEED}; fewer than {ENOUGH_BLOCKS} meetings are too few to trust it"
)

Counts = npt.NDArray[np.float64]  # shape = (n_recordings, 2): errors, reference words


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
    blocks = block_numbers(meetings)
    size = int(blocks.max()) + 1 if len(blocks) else 0
    errors, words = (np.zeros((size, len(slices))) for _ in range(2))
    for at, members in enumerate(slices):
        chosen = np.fromiter(members, dtype=np.int64)
        errors[:, at] = np.bincount(blocks[chosen], counts[chosen, 0], minlength=size)
        words[:, at] = np.bincount(blocks[chosen], counts[chosen, 1], minlength=size)
    return intervals(errors, words)


def block_numbers(meetings: Sequence[str]) -> npt.NDArray[np.int64]:
    """The block of each recording, shape (n_recordings,): its meeting's place among the names.

    The order of the recordings does not move an interval.
    """
    if not meetings:
        return np.zeros(0, dtype=np.int64)
    _, numbers = np.unique(np.array(meetings, dtype=object).astype(str), return_inverse=True)
    return numbers.astype(np.int64) % MOST_BLOCKS
