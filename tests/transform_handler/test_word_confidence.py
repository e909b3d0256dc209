"""The confidence of words: features, the fit of a bundle, and what it leaves as it is."""

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from manifests.errors import InputError
from tests.transform_handler.test_ctc_decoding import ALPHABET, BARE, PIECES, ids_of
from transform_handler.decoding.confidence import (
    FEATURES,
    Confidence,
    ConfidenceFit,
    MeasuredWord,
    confidence_in,
)
from transform_handler.decoding.greedy import Alphabet, collapse, decode_words
from transform_handler.identity import CONFIDENCE_NAME, DecodeSettings
from transform_handler.records import Segment, Word

FIT = ConfidenceFit(
    model_digest="a",
    decode_digest="b",
    labels="c",
    words=1000,
    right=800,
    coefficients={"intercept": 0.5, **{name: 0.1 * n for n, name in enumerate(FEATURES, start=1)}},
)
SETTINGS = DecodeSettings(calibrated=True, confidence=FIT.digest)


def decoded(frames: str, probabilities: list[float], confidence: Confidence) -> list[Word]:
    return decode_words(
        ids_of(frames),
        np.log(np.array(probabilities)).astype(np.float32),
        ALPHABET,
        seconds_per_frame=0.02,
        confidence=confidence,
    )


def test_features_are_those_of_each_letters_best_frame() -> None:
    found = decoded("aa_b|_a", [0.9, 0.5, 0.8, 0.1, 0.4, 0.99, 0.3], Confidence(measuring=True))
    first, second = found
    assert isinstance(first, MeasuredWord)
    assert isinstance(second, MeasuredWord)
    mean = math.sqrt(0.9 * 0.1)
    expected = [mean, 1 - mean, 0.1, 1 - 0.1, 2, 4 * 0.02]
    assert first.features == pytest.approx([math.log(value) for value in expected], rel=1e-5)
    assert second.features == pytest.approx(
        [math.log(value) for value in (0.3, 0.7, 0.3, 0.7, 1, 0.02)], rel=1e-5
    )


def test_features_are_bounded() -> None:
    (certain,) = decoded("a", [1.0], Confidence(measuring=True))
    assert certain.features[:4] == pytest.approx([0, math.log(1e-3)] * 2)
    (hopeless,) = decoded("a", [1e-30], Confidence(measuring=True))
    assert hopeless.features[0] == -10.0


def test_a_fit_gives_the_logistic_function_of_the_features() -> None:
    frames, probabilities = "aa_b|_a", [0.9, 0.5, 0.8, 0.1, 0.4, 0.99, 0.3]
    measured = decoded(frames, probabilities, Confidence(measuring=True))
    for word, raw in zip(
        decoded(frames, probabilities, Confidence(fit=FIT)), measured, strict=True
    ):
        logit = 0.5 + sum(0.1 * n * value for n, value in enumerate(raw.features, start=1))
        assert word.confidence == round(1 / (1 + math.exp(-logit)), 4)


frames = st.lists(st.sampled_from("abh_|?"), min_size=1, max_size=60).map("".join)


@given(frames, st.data())
def test_a_fit_changes_nothing_but_confidence(frames: str, data: st.DataObject) -> None:
    probabilities = data.draw(
        st.lists(st.floats(1e-9, 1), min_size=len(frames), max_size=len(frames))
    )
    raw = decoded(frames, probabilities, Confidence())
    fitted = decoded(frames, probabilities, Confidence(fit=FIT))
    assert [replace(word, confidence=0) for word in fitted] == [
        replace(word, confidence=0) for word in raw
    ]
    assert all(0 <= word.confidence <= 1 for word in fitted)


def test_a_measured_words_features_stay_out_of_a_segment_that_is_read_back() -> None:
    words = decoded("a", [0.5], Confidence(fit=FIT))
    (word,) = words
    data = {"start": 0, "end": 1, "channel": None, "text": "a", "confidence": 1}
    assert Segment.from_json({**data, "words": [vars(word)]}).words == (word,)


def test_a_fit_reads_back_as_it_was_written(tmp_path: Path) -> None:
    (tmp_path / CONFIDENCE_NAME).write_text(FIT.to_json(), "utf-8")
    assert ConfidenceFit.read(tmp_path) == FIT
    assert confidence_in(tmp_path, SETTINGS).fit == FIT


def test_settings_without_a_fit_have_the_geometric_mean_whatever_lies_there(tmp_path: Path) -> None:
    (tmp_path / CONFIDENCE_NAME).write_text(FIT.to_json(), "utf-8")
    assert confidence_in(tmp_path, DecodeSettings()).fit is None


def test_another_fit_than_that_of_the_card_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is not there; make the bundle anew"):
        confidence_in(tmp_path, SETTINGS)
    other = replace(FIT, coefficients={**(FIT.coefficients or {}), "intercept": 0.6})
    for fit in (other, replace(FIT, coefficients=None, problem="too few")):
        (tmp_path / CONFIDENCE_NAME).write_text(fit.to_json(), "utf-8")
        with pytest.raises(InputError, match="is not there; make the bundle anew"):
            confidence_in(tmp_path, SETTINGS)


@pytest.mark.parametrize(
    "change",
    [{"coefficients": {"intercept": 1.0}}, {"coefficients": 5}, {"words": None, "more": 1}],
)
def test_a_file_of_another_kind_is_refused(tmp_path: Path, change: dict[str, object]) -> None:
    text = json.dumps({**json.loads(FIT.to_json()), **change})
    (tmp_path / CONFIDENCE_NAME).write_text(text, "utf-8")
    with pytest.raises(InputError, match=r"confidence\.json: not a confidence fit"):
        ConfidenceFit.read(tmp_path)


def slowly(
    ids: np.ndarray, scores: np.ndarray, alphabet: Alphabet, spf: float, first: int
) -> list[Word]:
    """The rule of ``decode_words``, letter by letter."""
    letter_frames, word_frames = max(1, int(2.0 / spf)), max(2, int(10.0 / spf))
    cell, gap = max(1, word_frames - letter_frames), max(1, round(1.0 / spf))
    runs: list[list[tuple[str, int, int, float]]] = [[]]
    for start, stop in zip(
        *map(np.ndarray.tolist, collapse(ids, blank=alphabet.blank)), strict=True
    ):
        end = min(stop, start + letter_frames)
        token = int(ids[start])
        text = "" if token == alphabet.delimiter else alphabet.text_of(token)
        if token == alphabet.delimiter or text.startswith("▁"):
            runs.append([])
        if text := text.removeprefix("▁"):
            if runs[-1] and first + start - runs[-1][-1][2] >= gap:
                runs.append([])
            best = float(scores[start:end].max())
            runs[-1].append((text, first + start, first + end, best))
    pieces = []
    for run in filter(None, runs):
        if run[-1][2] - run[0][1] <= word_frames:
            pieces.append(run)
            continue
        cells = [letter[1] // cell for letter in run]
        pieces += [
            [one for one, at in zip(run, cells, strict=True) if at == number]
            for number in dict.fromkeys(cells)
        ]
    return [
        Word(
            text="".join(letter[0] for letter in piece),
            start=round(piece[0][1] * spf, 3),
            end=round(piece[-1][2] * spf, 3),
            confidence=round(
                float(np.exp(min(0.0, sum(letter[3] for letter in piece) / len(piece)))), 4
            ),
        )
        for piece in pieces
    ]


PIECEWISE = Alphabet.from_vocabulary(PIECES, blank=0, delimiter=None)


@given(
    st.lists(
        st.tuples(st.integers(-1, 8), st.sampled_from([1, 1, 2, 3, 40, 60, 120, 700])), max_size=40
    ),
    st.sampled_from([ALPHABET, BARE, PIECEWISE]),
    st.sampled_from([0.02, 0.0133125, 0.08]),
    st.integers(0, 10**6),
    st.integers(0, 2**32 - 1),
)
def test_words_are_those_of_a_plain_loop_over_letters(
    runs: list[tuple[int, int]], alphabet: Alphabet, spf: float, first: int, seed: int
) -> None:
    ids = np.concatenate([[0], *(np.full(size, token) for token, size in runs)]).astype(np.int32)
    scores = -np.random.default_rng(seed).exponential(1.0, len(ids)).astype(np.float32)
    found = decode_words(ids, scores, alphabet, seconds_per_frame=spf, first_frame=first)
    assert found == slowly(ids, scores, alphabet, spf, first)
