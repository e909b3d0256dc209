"""Each error as written is formatting, if it is right once normalised, or recognition."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.scoring import (
    SCLITE,
    UNIT,
    align_traced,
    normalizer_for,
    raw_tokens,
    score_pair,
    written_errors,
)


def labels(reference, hypothesis, *, language="en", aligner=UNIT):
    rule = normalizer_for(language)
    said, heard = raw_tokens(reference), raw_tokens(hypothesis)
    aligned = align_traced(said, heard, rule, aligner)
    errors = written_errors(said, heard, aligned, rule, aligner)
    if rule.unit == "character":
        said, heard = "".join(said), "".join(heard)
    return [
        (
            None if one.step.ref_index is None else said[one.step.ref_index],
            None if one.step.hyp_index is None else heard[one.step.hyp_index],
            one.label,
        )
        for one in errors
    ]


@pytest.mark.parametrize(
    ("reference", "hypothesis", "expected"),
    [
        ("The cat.", "the cat", [("The", "the", "formatting"), ("cat.", "cat", "formatting")]),
        ("The cat.", "the hat", [("The", "the", "formatting"), ("cat.", "hat", "recognition")]),
        ("so um yes", "so yes", [("um", None, "formatting")]),
        ("so yes", "so very yes", [(None, "very", "recognition")]),
    ],
)
def test_an_error_is_formatting_where_it_is_gone_once_normalised(reference, hypothesis, expected):
    assert labels(reference, hypothesis) == expected


def test_words_that_share_a_token_share_its_label():
    def of(reference: str) -> list[str]:
        return [label for _, _, label in labels(reference, "pay twenty five now")]

    assert of("pay 25 now") == ["formatting", "formatting"]
    assert of("pay $25 now") == ["recognition", "recognition"]


def test_marks_and_characters_have_labels_too():
    assert labels("We (really) won.", "we won") == [
        ("We", "we", "formatting"),
        ("won.", "won", "formatting"),
    ]
    assert labels("会議。", "会義", language="ja") == [
        ("議", "義", "recognition"),
        ("。", None, "formatting"),
    ]


words = st.lists(
    st.sampled_from(["The", "the", "cat,", "cat", "won't", "will", "not", "20", "twenty", "um"]),
    max_size=10,
).map(" ".join)


@given(reference=words, hypothesis=words, aligner=st.sampled_from([UNIT, SCLITE]))
def test_every_raw_error_has_one_label(reference, hypothesis, aligner):
    score = score_pair(reference, hypothesis, normalizer_for("en"), aligner=aligner)
    found = [label for _, _, label in labels(reference, hypothesis, aligner=aligner)]
    assert len(found) == score.raw.errors
    if not score.normalized.errors:
        assert set(found) <= {"formatting"}
