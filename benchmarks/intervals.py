"""How often the 95 % intervals hold the truth, by number of meetings.

Meetings have a word error rate of their own (a beta distribution around 15 %, which is what makes
an interval over words far too narrow) and 2 to 40 utterances of 3 to 30 words. The truth is the
rate of endlessly many such meetings. Printed: the share of intervals that hold it, by a bootstrap
over meetings as in the report, and beside it the share if utterances were drawn instead.

    python -m benchmarks.intervals [--simulations 1000] [--resamples 1000]
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from training.scoring.bootstrap import interval

MEETINGS = (5, 10, 20, 30, 40, 50, 100)
RATE, SPREAD = 0.15, 12.0
Column = npt.NDArray[np.float64]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--simulations", type=int, default=1000)
    parser.add_argument("--resamples", type=int, default=1000)
    asked = parser.parse_args()
    print(f"{asked.simulations} simulations, {asked.resamples} draws each")
    print("meetings   by meeting   by utterance")
    for meetings in MEETINGS:
        shares = coverage(meetings, asked.simulations, asked.resamples)
        print(f"{meetings:8}   {shares[0]:9.1%}   {shares[1]:11.1%}", flush=True)


def coverage(meetings: int, simulations: int, resamples: int) -> tuple[float, float]:
    """The share of intervals that hold the truth, drawn by meeting and by utterance."""
    held = np.zeros(2)
    for seed in range(simulations):
        numbers, errors, words = corpus(meetings, np.random.default_rng((meetings, seed)))
        by_meeting = [np.bincount(numbers, column) for column in (errors, words)]
        for at, columns in enumerate((by_meeting, [errors, words])):
            held[at] += holds(columns, resamples)
    return float(held[0] / simulations), float(held[1] / simulations)


def holds(columns: Sequence[Column], resamples: int) -> bool:
    """Whether the interval of one simulated corpus holds the true rate."""
    found = interval(*columns, resamples=resamples)
    return found.low is not None and found.high is not None and found.low <= RATE <= found.high


def corpus(
    meetings: int, random: np.random.Generator
) -> tuple[npt.NDArray[np.int64], Column, Column]:
    """Meeting, errors and words of each utterance."""
    rates = random.beta(RATE * SPREAD, (1 - RATE) * SPREAD, meetings)
    utterances = random.integers(2, 41, meetings)
    numbers = np.repeat(np.arange(meetings), utterances)
    words = random.integers(3, 31, len(numbers))
    errors = random.binomial(words, rates[numbers])
    return numbers, errors.astype(np.float64), words.astype(np.float64)


if __name__ == "__main__":
    main()
