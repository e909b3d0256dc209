"""Counts add up; rates are derived from the sums."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.scoring import ErrorCounts, sum_counts

number = st.integers(min_value=0, max_value=10**6)
counts = st.builds(
    ErrorCounts, hits=number, substitutions=number, deletions=number, insertions=number
)


@given(st.lists(counts, max_size=10))
def test_a_sum_has_the_words_and_errors_of_its_parts(parts):
    total = sum_counts(parts)
    assert total.errors == sum(part.errors for part in parts)
    assert total.reference_words == sum(part.reference_words for part in parts)
    assert total.hypothesis_words == sum(part.hypothesis_words for part in parts)


@given(counts, counts)
def test_the_order_of_adding_does_not_matter_and_zero_adds_nothing(one, other):
    assert one + other == other + one
    assert one + ErrorCounts() == one == sum_counts([one])


def test_nothing_adds_up_to_zeros_without_a_rate():
    assert sum_counts([]) == ErrorCounts()
    assert sum_counts([]).rate is None


def test_words_on_an_empty_reference_have_no_rate_but_count_in_the_corpus():
    hallucinated = ErrorCounts(insertions=5)
    assert hallucinated.rate is None
    assert (hallucinated + ErrorCounts(hits=90, deletions=10)).rate == pytest.approx(0.15)


def test_a_corpus_rate_is_not_the_average_of_rates():
    short, long = ErrorCounts(substitutions=1), ErrorCounts(hits=99)
    assert sum_counts([short, long]).rate == pytest.approx(0.01)


def test_a_rate_can_pass_one():
    assert ErrorCounts(hits=1, insertions=3).rate == 3.0


def test_a_negative_count_is_refused_by_name():
    with pytest.raises(ValueError, match="deletions is a count, 0 or more, and was given as -1"):
        ErrorCounts(deletions=-1)


def test_counts_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        ErrorCounts().hits = 1
