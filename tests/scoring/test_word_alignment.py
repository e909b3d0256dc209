"""The aligner counts what jiwer counts, and an alignment holds each token exactly once."""

import jiwer
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.scoring import ALIGNER_NAME, ErrorCounts, align, count_errors

# Few different words, so that random pairs have hits and ties to break.
words = st.lists(st.sampled_from(["a", "b", "c", "d", "ab", "ba", "é"]), max_size=25)
characters = st.text(alphabet="abc é", max_size=30).map(str.strip)


def split_of(output) -> ErrorCounts:
    return ErrorCounts(
        hits=output.hits,
        substitutions=output.substitutions,
        deletions=output.deletions,
        insertions=output.insertions,
    )


@given(reference=words, hypothesis=words)
def test_substitutions_deletions_and_insertions_equal_jiwers(reference, hypothesis):
    expected = jiwer.process_words(" ".join(reference), " ".join(hypothesis))
    assert align(reference, hypothesis).counts == split_of(expected)
    assert count_errors(reference, hypothesis) == split_of(expected)


@given(reference=words.filter(bool), hypothesis=words)
def test_the_rate_equals_jiwers_where_there_is_a_reference(reference, hypothesis):
    assert align(reference, hypothesis).counts.rate == pytest.approx(
        jiwer.wer(" ".join(reference), " ".join(hypothesis))
    )


@given(reference=characters, hypothesis=characters)
def test_characters_equal_jiwers(reference, hypothesis):
    expected = jiwer.process_characters(reference, hypothesis)
    assert count_errors(reference, hypothesis) == split_of(expected)


@given(reference=words, hypothesis=words)
def test_each_token_stands_in_exactly_one_step_and_in_order(reference, hypothesis):
    alignment = align(reference, hypothesis)
    ref = [pair.ref_index for pair in alignment.ops if pair.ref_index is not None]
    hyp = [pair.hyp_index for pair in alignment.ops if pair.hyp_index is not None]
    assert ref == list(range(len(reference)))
    assert hyp == list(range(len(hypothesis)))
    assert alignment.counts.reference_words == len(reference)
    assert alignment.counts.hypothesis_words == len(hypothesis)


@given(reference=words, hypothesis=words)
def test_each_step_is_what_its_letter_says(reference, hypothesis):
    for pair in align(reference, hypothesis).ops:
        if pair.op == "hit":
            assert reference[pair.ref_index] == hypothesis[pair.hyp_index]
        elif pair.op == "sub":
            assert reference[pair.ref_index] != hypothesis[pair.hyp_index]
        elif pair.op == "del":
            assert pair.hyp_index is None
        else:
            assert (pair.op, pair.ref_index) == ("ins", None)


@given(reference=words, hypothesis=words)
def test_errors_are_the_steps_that_are_no_hits(reference, hypothesis):
    steps = align(reference, hypothesis).ops
    letters = {"sub": "S", "del": "D", "ins": "I"}
    walked = [(letters[s.op], s.ref_index, s.hyp_index) for s in steps if s.op != "hit"]
    found = [
        (letter, None if letter == "I" else ref, None if letter == "D" else hyp)
        for letter, ref, hyp in steps.errors()
    ]
    assert found == walked


def test_unit_costs_are_not_sclites():
    # sclite's 4/3/3 finds 6 errors here: p q r deleted is dearer than substituted, b is kept.
    assert align(["p", "q", "r", "a", "b"], ["a", "b", "x", "y", "z"]).counts.errors == 5


def test_an_empty_hypothesis_is_all_deletions():
    assert align(["a", "b"], []).counts == ErrorCounts(deletions=2)


def test_the_name_says_the_version_and_the_costs():
    assert ALIGNER_NAME.startswith("rapidfuzz 3.")
    assert ALIGNER_NAME.endswith("unit costs")
