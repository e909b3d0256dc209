"""Intervals of rates: whole blocks are drawn, and the same blocks for all that is compared."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.scoring.bootstrap import (
    ENOUGH_BLOCKS,
    Resampling,
    by_block,
    difference,
    differences,
    interval,
    intervals,
)

blocks = st.lists(st.tuples(st.integers(0, 20), st.integers(1, 40)), min_size=2, max_size=40).map(
    lambda rows: np.array(rows, dtype=float).T
)


def test_every_draw_has_as_many_blocks_as_there_are_and_they_are_the_ones_that_are_summed():
    resampling = Resampling(blocks=7, resamples=300)
    weights = resampling.sums(np.eye(7))
    assert np.array_equal(weights, weights.round())
    assert (weights.sum(axis=1) == 7).all()
    values = np.arange(14.0).reshape(7, 2)
    assert np.allclose(resampling.sums(values), weights @ values)


def test_draws_are_independent_of_how_many_are_made_at_a_time(monkeypatch):
    values = np.arange(10.0)[:, None]
    at_once = Resampling(blocks=10, resamples=500).sums(values)
    monkeypatch.setattr("training.scoring.bootstrap._CELLS", 30)
    assert np.array_equal(Resampling(blocks=10, resamples=500).sums(values), at_once)


def test_more_blocks_than_are_drawn_are_drawn_in_bundles_and_all_counted(monkeypatch):
    random = np.random.default_rng(3)
    totals = random.integers(5, 50, (25, 2)).astype(float)
    errors = random.binomial(totals.astype(int), 0.2).astype(float)
    bundled = [
        np.array([table[at::10].sum(axis=0) for at in range(10)]) for table in (errors, totals)
    ]
    expected = intervals(*bundled)
    compared = differences(tuple(bundled), (bundled[0] * 2, bundled[1]))
    monkeypatch.setattr("training.scoring.bootstrap.MOST_BLOCKS", 10)
    for one, other in zip(intervals(errors, totals), expected, strict=True):
        assert (one.low, one.high, one.blocks) == (other.low, other.high, 25)
    for one, other in zip(
        differences((errors, totals), (errors * 2, totals)), compared, strict=True
    ):
        assert (one.delta, one.low, one.high) == (other.delta, other.low, other.high)
        assert one.blocks == 25


def test_the_interval_is_that_of_a_bootstrap_written_out_in_a_loop():
    random = np.random.default_rng(1)
    totals = random.integers(5, 50, 60).astype(float)
    errors = random.binomial(totals.astype(int), random.uniform(0.05, 0.4, 60)).astype(float)
    rates = []
    for _ in range(4000):
        drawn = random.choice(60, 60)
        rates.append(errors[drawn].sum() / totals[drawn].sum())
    found = interval(errors, totals)
    assert found.low == pytest.approx(np.quantile(rates, 0.025), abs=0.004)
    assert found.high == pytest.approx(np.quantile(rates, 0.975), abs=0.004)


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    random = np.random.default_rng(2)
    covered = 0
    for _ in range(300):
        # Speakers with rates of their own around 20 %: what a bootstrap of words would miss.
        totals = random.integers(80, 120, 50)
        errors = random.binomial(totals, random.beta(4, 16, 50))
        found = interval(errors, totals, resamples=400)
        covered += found.low <= 0.2 <= found.high
    assert 0.89 <= covered / 300 <= 0.98


@given(blocks)
@settings(max_examples=30, deadline=None)
def test_the_bounds_lie_between_the_best_and_the_worst_block_in_order(table):
    errors, totals = table
    found = interval(errors, totals, resamples=200)
    rates = errors / totals
    assert rates.min() - 1e-9 <= found.low <= found.high <= rates.max() + 1e-9


@given(blocks, st.randoms(use_true_random=False))
@settings(max_examples=30, deadline=None)
def test_the_order_of_the_utterances_moves_nothing(table, random):
    rows = [(f"speaker-{n // 3}", tuple(row)) for n, row in enumerate(table.T)]
    shuffled = list(rows)
    random.shuffle(shuffled)
    names, sums = by_block([name for name, _ in rows], [row for _, row in rows])
    again, resums = by_block([name for name, _ in shuffled], [row for _, row in shuffled])
    assert names == again
    assert np.array_equal(sums, resums)


def test_blocks_of_equal_rates_leave_no_doubt():
    found = interval([2.0] * 30, [10.0] * 30)
    assert (found.low, found.high, found.note) == (0.2, 0.2, None)


def test_few_blocks_give_an_interval_that_says_so():
    found = interval([1.0, 5.0, 3.0], [10.0, 10.0, 10.0])
    assert found.low < 0.3 < found.high
    assert f"too few blocks (3 of at least {ENOUGH_BLOCKS})" in found.note


def test_one_block_says_nothing_of_others():
    found = interval([3.0], [10.0])
    assert (found.low, found.high, found.blocks) == (None, None, 1)
    assert "too few blocks" in found.note


def test_where_nothing_was_said_there_is_no_interval():
    assert interval([], []).note == "nothing was said"
    silent = interval([1.0, 2.0], [0.0, 0.0])
    assert (silent.low, silent.note) == (None, "nothing was said")


def test_a_slice_has_the_interval_that_it_has_alone():
    random = np.random.default_rng(3)
    totals = random.integers(1, 30, (40, 2)).astype(float)
    errors = random.integers(0, 9, (40, 2)).astype(float)
    both = intervals(errors, totals)
    for at in range(2):
        assert both[at] == interval(errors[:, at], totals[:, at])


def test_blocks_that_a_slice_does_not_touch_are_not_its_blocks():
    totals = np.array([[10.0, 10.0]] * 25 + [[10.0, 0.0]] * 15)
    whole, part = intervals(totals * 0.1, totals)
    assert (whole.blocks, part.blocks) == (40, 25)


def test_a_difference_is_paired_so_that_hard_speakers_cancel_out():
    random = np.random.default_rng(4)
    totals = np.full(40, 100.0)
    before = random.integers(5, 80, 40).astype(float)
    found = difference((before, totals), (before - 2, totals))
    assert found.delta == pytest.approx(-0.02)
    assert found.low == pytest.approx(-0.02)
    assert found.high == pytest.approx(-0.02)
    assert found.p_worse == 0
    alone = interval(before, totals)
    assert alone.high - alone.low > 0.1


def test_a_system_is_neither_better_nor_worse_than_itself():
    same = ([1.0, 4.0, 2.0] * 10, [10.0, 20.0, 30.0] * 10)
    found = difference(same, same)
    assert (found.delta, found.low, found.high, found.p_worse) == (0.0, 0.0, 0.0, 0.5)


def test_swapping_the_systems_turns_the_difference_round():
    random = np.random.default_rng(5)
    totals = random.integers(10, 30, 30).astype(float)
    one, two = ((random.integers(0, 10, 30).astype(float), totals) for _ in range(2))
    there, back = difference(one, two), difference(two, one)
    assert there.delta == pytest.approx(-back.delta)
    assert there.low == pytest.approx(-back.high)
    assert there.p_worse == pytest.approx(1 - back.p_worse)


def test_words_written_into_silence_count_in_the_sum_and_not_alone():
    found = interval([5.0, 1.0] + [1.0] * 20, [0.0, 10.0] + [10.0] * 20)
    assert found.high > 0.11


@pytest.mark.parametrize("level", [0.0, 1.0, 95.0])
def test_a_level_is_a_share(level):
    with pytest.raises(ValueError, match=r"expected a share between 0 and 1, such as 0\.95"):
        interval([1.0], [2.0], level=level)


def test_values_of_other_blocks_are_refused():
    with pytest.raises(ValueError, match=r"shape \(3, 1\); expected \(4, columns\)"):
        Resampling(blocks=4).sums(np.ones((3, 1)))
    with pytest.raises(ValueError, match="expected one"):
        intervals(np.ones((3, 1)), np.ones((4, 1)))
