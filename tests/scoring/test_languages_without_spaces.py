"""Where a language writes no spaces between words, the character is what is counted."""

import jiwer
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.scoring import ErrorCounts, normalizer_for, score_pair, trace, unit_for


@pytest.mark.parametrize(
    "language", ["ja", "zh", "zh-Hant-TW", "yue", "th", "my", "km", "lo", "bo"]
)
def test_their_headline_counts_characters(language):
    assert unit_for(language) == normalizer_for(language).unit == "character"
    assert normalizer_for(language).name.endswith("by character")


@pytest.mark.parametrize("language", ["en", "de", "ko", "vi", "hi", "ml", None])
def test_other_languages_count_words(language):
    assert unit_for(language) == normalizer_for(language).unit == "word"


def test_spaces_and_punctuation_are_no_characters():
    rule = normalizer_for("ja")
    assert rule("会議を、 始めます。") == "会 議 を 始 め ま す"
    score = score_pair("会議を、 始めます。", "会議を始めます", rule)
    assert score.normalized == score.characters == ErrorCounts(hits=7)
    assert score.raw == ErrorCounts(hits=7, deletions=2)
    assert score.formatting_errors == 2


texts = st.text(alphabet="会議を始めますกำที่ Ab1。", max_size=20)


@given(reference=texts, hypothesis=texts)
def test_the_headline_is_jiwers_character_error_rate_without_spaces(reference, hypothesis):
    rule = normalizer_for("th")
    expected = jiwer.process_characters(
        rule(reference).replace(" ", ""), rule(hypothesis).replace(" ", "")
    )
    counts = score_pair(reference, hypothesis, rule).normalized
    assert (counts.hits, counts.substitutions, counts.deletions, counts.insertions) == (
        expected.hits,
        expected.substitutions,
        expected.deletions,
        expected.insertions,
    )


@given(st.lists(st.text(alphabet="会議。AbВท", min_size=1, max_size=4), max_size=6))
def test_a_character_knows_the_written_word_that_it_stands_in(words):
    tokens = trace(words, normalizer_for("ja"))
    assert "".join(token.text for token in tokens) == normalizer_for(None)("".join(words)).replace(
        " ", ""
    )
    firsts = [token.first for token in tokens]
    assert firsts == sorted(firsts)
