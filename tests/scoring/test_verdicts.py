"""The verdict: shown and large enough, or shown to be small, or nobody can tell."""

import pytest

from training.scoring.bootstrap import Difference, difference, differences
from training.scoring.verdict import Verdict, holm, p_value, verdict


def found(delta, low, high, *, blocks=40, p_worse=0.5):
    return Difference(
        delta=delta,
        low=low,
        high=high,
        p_worse=p_worse,
        level=0.95,
        blocks=blocks,
        resamples=10_000,
        note=None,
    )


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (found(0.010, 0.004, 0.016), Verdict.WORSE),
        (found(-0.010, -0.016, -0.004), Verdict.BETTER),
        (found(0.001, -0.001, 0.002), Verdict.SAME),
        # Shown not to be 0, and shown not to matter.
        (found(0.001, 0.0005, 0.002), Verdict.SAME),
        # Shown not to be 0, but it may matter or not.
        (found(0.002, 0.0005, 0.004), Verdict.UNKNOWN),
        (found(0.010, -0.001, 0.021), Verdict.UNKNOWN),
        (found(0.010, 0.004, 0.016, blocks=19), Verdict.UNKNOWN),
        (found(0.0, 0.0, 0.0, blocks=3), Verdict.SAME),
        (found(None, None, None, blocks=0), Verdict.UNKNOWN),
        (found(0.1, None, None, blocks=1), Verdict.UNKNOWN),
    ],
)
def test_the_verdict_needs_a_difference_that_is_shown_and_matters(one, expected) -> None:
    assert verdict(one, threshold=0.003)[0] is expected


def test_few_meetings_are_the_reason() -> None:
    assert "19 of at least 20" in verdict(found(0.01, 0.004, 0.02, blocks=19), threshold=0.003)[1]


def test_a_p_value_is_two_sided_and_never_zero() -> None:
    assert p_value(found(0, -1, 1, p_worse=0.5)) == 1
    assert p_value(found(0.1, 0, 1, p_worse=0.975)) == pytest.approx(0.05)
    assert p_value(found(-0.1, -1, 0, p_worse=0.025)) == pytest.approx(0.05)
    assert p_value(found(0.1, 0.1, 1, p_worse=1.0)) == pytest.approx(2 / 10_001)


def test_holm_corrects_the_smallest_most_and_keeps_the_order() -> None:
    # Holm 1979: times n, n - 1, ... in order of size, and never below the one before.
    assert holm([0.04, 0.01, 0.03]) == pytest.approx([0.06, 0.03, 0.06])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


def test_slices_are_compared_as_each_would_be_alone() -> None:
    before = [[3, 0], [1, 2], [4, 0], [0, 5]]
    after = [[5, 0], [1, 1], [2, 0], [0, 5]]
    words = [[10, 0], [10, 8], [20, 0], [0, 9]]
    first, second = differences((before, words), (after, words))
    assert (first.blocks, second.blocks) == (3, 2)
    assert first.delta == pytest.approx(0)
    assert second.delta == pytest.approx(-1 / 17)
    columns = [[row[0] for row in table] for table in (before, words, after)]
    alone = difference((columns[0], columns[1]), (columns[2], columns[1]))
    assert (alone.low, alone.high, alone.p_worse) == (first.low, first.high, first.p_worse)
