"""A pair is counted raw, normalised and by character; a corpus is the sum of its pairs."""

import subprocess
import sys

import jiwer
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.scoring import (
    ErrorCounts,
    corpus_score,
    normalizer_for,
    score_pair,
    score_pairs,
)

EN = normalizer_for("en")
sentences = st.lists(
    st.sampled_from(["The", "the", "cat,", "cat", "sat.", "won't", "mat"]), max_size=12
).map(" ".join)


def test_raw_and_normalised_stand_apart_and_the_difference_is_formatting():
    score = score_pair("The cat sat.", "the cat sat down", EN)
    assert score.raw == ErrorCounts(hits=1, substitutions=2, insertions=1)
    assert score.normalized == ErrorCounts(hits=3, insertions=1)
    assert score.formatting_errors == 2


def test_the_same_words_score_nothing_whatever_the_spaces():
    score = score_pair("two words\there", "two\u00a0words \n here", EN)
    assert score.raw == score.normalized == ErrorCounts(hits=3)


def test_an_empty_hypothesis_is_all_deletions():
    assert score_pair("three words here", "", EN).normalized == ErrorCounts(deletions=3)


def test_words_on_an_empty_reference_are_insertions_without_a_rate():
    score = score_pair("...", "thank you", EN)
    assert score.normalized == ErrorCounts(insertions=2)
    assert score.normalized.rate is None


def test_two_empty_texts_are_no_errors():
    assert score_pair("", " \u200b", EN).normalized == ErrorCounts()


@given(reference=sentences, hypothesis=sentences)
def test_characters_are_jiwers_on_the_normalised_text(reference, hypothesis):
    output = jiwer.process_characters(EN(reference), EN(hypothesis))
    counts = score_pair(reference, hypothesis, EN).characters
    assert (counts.hits, counts.substitutions, counts.deletions, counts.insertions) == (
        output.hits,
        output.substitutions,
        output.deletions,
        output.insertions,
    )


@given(st.lists(st.tuples(sentences, sentences), max_size=6))
def test_a_corpus_is_jiwers_over_all_pairs(pairs):
    total = corpus_score(pair.score for pair in score_pairs(pairs, EN)).normalized
    expected = jiwer.process_words([EN(r) for r, _ in pairs], [EN(h) for _, h in pairs])
    assert (total.hits, total.errors) == (
        expected.hits,
        expected.substitutions + expected.deletions + expected.insertions,
    )
    if total.reference_words:
        assert total.rate == pytest.approx(expected.wer)


def test_pairs_come_back_with_their_texts_in_order():
    first, second = score_pairs([("a b", "a"), ("c", "c")], EN)
    assert (first.reference, first.hypothesis) == ("a b", "a")
    assert second.score.normalized.rate == 0.0


def test_scoring_never_imports_torch():
    code = "import sys, training.scoring as s; s.score_pair('a', 'b', s.normalizer_for('en'));"
    code += "sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
