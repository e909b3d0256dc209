"""Characters a second: absolute limits, and for enough labels what is typical of them."""

from pathlib import Path

import pytest

from tests.training.labelled import RATE, Labels, check, kinds, noise
from training.checks import CheckLimits


@pytest.fixture
def labels(tmp_path: Path) -> Labels:
    return Labels(tmp_path)


def usual(labels: Labels, number: int, pace: float = 15.0) -> list:
    """Labels of about `pace` characters a second, as different as people are."""
    return [
        labels.one("abcd " * 6, 30 / pace * (0.8 + 0.4 * n / number), speaker=str(n % 5))
        for n in range(number)
    ]


def test_people_who_speak_differently_are_no_fault(labels: Labels):
    assert kinds(check(train=usual(labels, 60))) == []


def test_a_label_of_another_pace_than_the_rest_is_a_fault(labels: Labels):
    slow = labels.one("abcd efg", 4.0)
    assert kinds(check(train=[*usual(labels, 60), slow])) == ["too_slow"]
    assert kinds(check(train=[*usual(labels, 20), slow])) == []


def test_a_fast_label_among_slow_ones_is_a_fault(labels: Labels):
    fast = labels.one("abcd " * 12, 3.0)
    assert kinds(check(train=[*usual(labels, 60, pace=5.0), fast])) == ["too_fast"]
    assert (
        kinds(check(CheckLimits(pace_factor=None), train=[*usual(labels, 60, pace=5.0), fast]))
        == []
    )


def test_pauses_do_not_make_a_label_slow(labels: Labels):
    import numpy as np

    quiet = np.zeros(RATE * 3, np.float32)
    yes = labels.one("yes", np.concatenate([quiet, noise(0.3, seed=1), quiet]))
    assert kinds(check(train=[*usual(labels, 60), yes])) == []


def test_faulty_labels_do_not_shift_what_is_typical(labels: Labels):
    wrong = [labels.one("in 1984", 20.0) for _ in range(50)]
    result = check(train=[*usual(labels, 60), *wrong])
    assert set(kinds(result)) == {"digits_or_symbols"}
