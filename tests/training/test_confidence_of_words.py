"""Which words of a transcript are right, and when there are enough of them for a fit."""

import numpy as np
import pytest

from training.evaluating.confidence import (
    LEAST_OF_EACH,
    LEAST_WORDS,
    JudgedWords,
    fitted,
    right_words,
)
from training.scoring import normalizer_for
from transform_handler.decoding.confidence import FEATURES
from transform_handler.identity import BundleCard, DecodeSettings
from transform_handler.records import Word

CARD = BundleCard.of(name="x", model_digest="m", decode=DecodeSettings())


@pytest.mark.parametrize(
    ("label", "heard", "expected"),
    [
        ("the cat sat", "the cat sat", [True, True, True]),
        ("The cat sat.", "the bat sat", [True, False, True]),
        ("the cat", "the big cat", [True, False, True]),
        ("the big cat", "the cat", [True, True]),
        ("25 pounds", "twenty five pounds", [True, True, True]),
        ("26 people", "twenty five people", [False, False, True]),
        ("we will go", "um we'll go", [None, True, True]),
        ("we shall go", "we'll go", [False, True]),
        ("", "noise", [False]),
        ("we (( )) go", "we something go", [True, None, True]),
        ("silence", "", []),
    ],
)
def test_a_word_is_right_if_all_that_became_of_it_was_said(
    label: str, heard: str, expected: list[bool | None]
) -> None:
    words = [Word(text=text, start=0, end=1, confidence=1) for text in heard.split()]
    assert right_words(label, words, normalizer_for("en")) == expected


def judged(right: int, wrong: int) -> JudgedWords:
    random = np.random.default_rng(0)
    outcomes = np.arange(right + wrong) < right
    features = random.normal(size=(right + wrong, len(FEATURES)))
    features[:, 0] += outcomes
    return JudgedWords(
        features=features,
        right=outcomes,
        raw=np.ones(right + wrong),
        recordings=np.zeros(right + wrong),
    )


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        (0, 0),
        (LEAST_WORDS, LEAST_OF_EACH - 1),
        (LEAST_OF_EACH - 1, LEAST_WORDS),
        (LEAST_OF_EACH, LEAST_WORDS - LEAST_OF_EACH - 1),
    ],
)
def test_too_few_words_are_not_fitted_and_the_fit_says_why(right: int, wrong: int) -> None:
    fit = fitted(judged(right, wrong), CARD, labels="l")
    assert fit.coefficients is None
    assert (fit.words, fit.right) == (right + wrong, right)
    assert f"{right + wrong} words were heard" in str(fit.problem)
    with pytest.raises(ValueError, match="no confidence was fitted"):
        fit.confidences(np.zeros((1, len(FEATURES))))


def test_a_fit_is_of_one_model_and_one_decoding() -> None:
    words = judged(LEAST_WORDS, LEAST_OF_EACH)
    fit = fitted(words, CARD, labels="l")
    assert (fit.model_digest, fit.decode_digest, fit.labels) == ("m", CARD.decode_digest, "l")
    assert fit.problem is None
    assert fit.confidences(words.features).mean() == pytest.approx(words.right.mean(), abs=1e-4)


def test_what_differs_by_a_hair_gives_the_same_fit() -> None:
    words = judged(LEAST_WORDS, LEAST_OF_EACH)
    nudged = JudgedWords(
        features=words.features * (1 + 1e-12),
        right=words.right,
        raw=words.raw,
        recordings=words.recordings,
    )
    assert fitted(words, CARD, labels="l") == fitted(nudged, CARD, labels="l")
