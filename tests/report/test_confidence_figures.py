"""What confidence is worth: words judged as in the fit, bins, and the review budget."""

import dataclasses
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch.report import TimedWord, render, summary
from batch.report.alignment import align_recording
from batch.report.confidence import LEAST_WORDS, word_errors_of
from training.evaluating.confidence import right_words
from training.scoring import normalizer_for
from training.scoring.calibration import expected_calibration_error

EN = normalizer_for("en")
NAMES = [f"x{chr(97 + i // 26)}{chr(97 + i % 26)}" for i in range(600)]


def timed(text, confidences):
    return tuple(
        TimedWord(text=word, start=i * 1.0, end=i + 0.5, confidence=confidence)
        for i, (word, confidence) in enumerate(zip(text.split(), confidences, strict=True))
    )


def judged(reference, hypothesis):
    words = timed(hypothesis, [0.5] * len(hypothesis.split()))
    return [n for _, n in word_errors_of(align_recording(reference, hypothesis, words, EN))]


@pytest.mark.parametrize(
    ("reference", "hypothesis", "errors"),
    [
        ("the cat sat", "the cat sat", [0, 0, 0]),
        ("the cat sat", "a cat sat down", [1, 0, 0, 1]),
        ("the cat", "the um cat", [0, 0]),  # nothing is left of "um"
        ("we do not", "we don't", [0, 0]),
        ("we do go", "we don't go", [0, 1, 0]),  # half of what became of it is wrong
        ("26 cats", "twenty five cats", [1, -1, 0]),  # one error on two words
        ("25 cats", "twenty five cats", [0, 0, 0]),
    ],
)
def test_a_word_is_right_if_all_that_became_of_it_was_said(reference, hypothesis, errors):
    assert judged(reference, hypothesis) == errors


TEXT = st.lists(
    st.sampled_from(["the", "cat", "don't", "twenty", "five", "um", "25", "do", "not"]),
    min_size=1,
    max_size=9,
).map(" ".join)


@given(TEXT, TEXT)
def test_words_are_right_as_in_the_fit_and_errors_add_up(reference, hypothesis):
    words = timed(hypothesis, [0.5] * len(hypothesis.split()))
    aligned = align_recording(reference, hypothesis, words, EN)
    errors = [n for _, n in word_errors_of(aligned)]
    verdicts = [v for v in right_words(reference, words, EN) if v is not None]
    assert [number == 0 for number in errors] == verdicts
    written = sum(step.op in {"sub", "ins"} for step in aligned.steps)
    assert sum(max(0, number) for number in errors) == written


@pytest.fixture
def reviewed(make_recording, make_report):
    """600 words: the 60 least sure hold 30 wrong ones, the rest 30; and one word is deleted."""
    wrong = set(range(0, 60, 2)) | set(range(100, 600, 17))
    assert len(wrong) == 60
    confidences = [i / 600 for i in range(600)]
    hypothesis = " ".join("wrong" if i in wrong else name for i, name in enumerate(NAMES))
    row = make_recording(
        "a.wav",
        " ".join([*NAMES, "gone"]),
        hypothesis,
        words=timed(hypothesis, confidences),
        calibrated=True,
        duration=700.0,
    )
    return make_report(row)


def test_the_review_budget_counts_errors_among_the_least_sure_words(reviewed):
    figures = reviewed.confidence
    by_share = {one.share: one for one in figures.budgets}
    assert (by_share[0.1].words, by_share[0.1].caught) == (60, 30)
    assert (figures.catchable, figures.deletions, figures.errors) == (60, 1, 61)
    assert [one.caught for one in figures.curve] == sorted(one.caught for one in figures.curve)
    assert (figures.curve[0].caught, figures.curve[-1].caught) == (0, 60)


def test_reliability_is_that_of_the_fits_own_measure(reviewed):
    (kind,) = reviewed.confidence.reliability
    confidences = np.array([word.confidence for word in reviewed.recordings[0].words])
    errors = [n for _, n in word_errors_of(reviewed.alignments[0])]
    right = np.array(errors) == 0
    assert kind.ece == pytest.approx(expected_calibration_error(confidences, right), abs=1e-6)
    assert sum(one.words for one in kind.bins) == kind.words == 600
    assert sum(one.right * one.words for one in kind.bins) == pytest.approx(kind.right)
    assert all(one.low <= one.right <= one.high for one in kind.bins)


def test_true_probabilities_are_about_as_far_off_as_chance_says():
    from batch.report.confidence import _reliability

    random = np.random.default_rng(1)
    found = []
    for _ in range(30):
        confidences = random.uniform(size=3000)
        right = random.uniform(size=3000) < confidences
        found.append(_reliability(confidences, right, calibrated=True))
    assert np.mean([f.ece for f in found]) == pytest.approx(
        np.mean([f.chance for f in found]), rel=0.1
    )


def test_uncalibrated_rows_are_apart_and_said_to_be(reviewed):
    (row,) = reviewed.recordings
    raw = dataclasses.replace(row, calibrated=False, id="raw", path="raw.wav")
    both = dataclasses.replace(reviewed, recordings=(row, raw))
    assert [kind.calibrated for kind in both.confidence.reliability] == [True, False]
    assert both.confidence.uncalibrated == 600
    assert "600 words of 1\u202f200 are uncalibrated" in render(both)
    alone = dataclasses.replace(reviewed, recordings=(raw,))
    assert "This confidence is uncalibrated" in render(alone)
    unknown = dataclasses.replace(reviewed, recordings=(dataclasses.replace(row, calibrated=None),))
    assert unknown.confidence.uncalibrated == 600
    assert "uncalibrated" not in render(reviewed)


def test_the_page_says_what_confidence_can_catch_and_what_it_cannot(reviewed):
    page = render(reviewed)
    assert "61 errors, 60 stand on a written word" in page
    assert "no confidence leads to them" in page
    assert 'aria-labelledby="budget-name budget-text"' in page


def test_few_words_say_nothing(make_recording, make_report):
    report = make_report(make_recording("a.wav", "a b", "a c"))
    assert report.confidence.budgets == ()
    assert report.confidence.reliability == ()
    assert f"{LEAST_WORDS} at least are needed" in render(report)


def test_words_without_confidence_are_left_out_and_counted(make_recording, make_report):
    words = timed("a c", [None, 0.5])
    figures = make_report(make_recording("a.wav", "a b", "a c", words=words)).confidence
    assert (figures.words, figures.unknown) == (1, 1)


def test_the_figures_stand_in_the_summary(reviewed):
    figures = json.loads(json.dumps(summary(reviewed), allow_nan=False))["confidence"]
    assert figures["budgets"][3] == {"share": 0.1, "words": 60, "caught": 30}
    assert figures["reliability"][0]["calibrated"] is True
