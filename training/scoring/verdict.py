"""Is one system worse than another? The verdict over a paired interval and a practical threshold.

That an interval leaves out 0 says that there is a difference, not that anybody would notice it;
that it holds 0 says nothing was shown, not that nothing is there. So a difference has to be both
shown and large enough, and "same" has to be shown as well (equivalence by an interval: Schuirmann
1987, "A comparison of the two one-sided tests procedure").
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING

from training.scoring.bootstrap import ENOUGH_BLOCKS

if TYPE_CHECKING:
    from training.scoring.bootstrap import Difference

SIGNIFICANT = 0.05


class Verdict(StrEnum):
    """What can be said of the second system."""

    BETTER = "better"
    SAME = "same"
    WORSE = "worse"
    UNKNOWN = "cannot tell"


def verdict(found: Difference, *, threshold: float) -> tuple[Verdict, str]:
    """The verdict and why; ``threshold`` is the smallest difference that matters, as a rate."""
    if found.delta is None:
        return Verdict.UNKNOWN, "nothing was said in what both transcribed"
    if found.delta == found.low == found.high == 0:
        return Verdict.SAME, "no draw differs"
    if found.low is None or found.high is None or found.blocks < ENOUGH_BLOCKS:
        return Verdict.UNKNOWN, f"too few meetings: {found.blocks} of at least {ENOUGH_BLOCKS}"
    return _judged(found.delta, found.low, found.high, threshold)


def _judged(delta: float, low: float, high: float, threshold: float) -> tuple[Verdict, str]:
    points = f"{100 * threshold:g} points"
    if low > 0 and delta >= threshold:
        return Verdict.WORSE, f"the whole interval is above 0, the difference {points} or more"
    if high < 0 and delta <= -threshold:
        return Verdict.BETTER, f"the whole interval is below 0, the difference {points} or more"
    if -threshold < low and high < threshold:
        return Verdict.SAME, f"the whole interval is nearer to 0 than {points}"
    return Verdict.UNKNOWN, f"a difference of {points} is neither shown nor ruled out"


def p_value(found: Difference) -> float:
    """Two-sided, from the share of draws on either side of 0; never below one draw in all."""
    if found.p_worse is None:
        return 1.0
    tail = min(found.p_worse, 1 - found.p_worse)
    return min(1.0, 2 * max(tail, 1 / (found.resamples + 1)))


def holm(p_values: Sequence[float]) -> list[float]:
    """P values corrected for having looked at all of them (Holm 1979), in the same order."""
    ordered = sorted(range(len(p_values)), key=lambda at: p_values[at])
    corrected, highest = [1.0] * len(p_values), 0.0
    for rank, at in enumerate(ordered):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[at]))
        corrected[at] = highest
    return corrected
