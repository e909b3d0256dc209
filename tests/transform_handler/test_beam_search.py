"""The search finds the text that is likeliest over all alignments, with what the text is worth."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.transform_handler.distributions import (
    letters,
    masses,
    normalised,
    peaky,
    pieces,
    says,
    written,
)
from transform_handler.decoding.alignment import align
from transform_handler.decoding.beam import BeamSearch
from transform_handler.decoding.hot_words import HotWords
from transform_handler.decoding.symbols import Symbols
from transform_handler.decoding.text_scores import TextScores

TINY = {
    "letters": Symbols.of(letters("ab")),
    "no delimiter": Symbols.of(letters("abc", delimiter=None)),
    "pieces": Symbols.of(pieces("▁a", "▁", "a", "ab")),
}


def exhaustive(symbols: Symbols, scores: TextScores | None = None) -> BeamSearch:
    return BeamSearch(
        symbols=symbols,
        scores=scores or TextScores(),
        width=100_000,
        floor=0.0,
        hot_floor=0.0,
        margin=0.0,
    )


def random_scores(symbols: Symbols, frames: int, seed: int, sharpness: float) -> np.ndarray:
    weights = np.random.default_rng(seed).random((frames, len(symbols.texts))) + 1e-3
    return normalised(weights**sharpness).astype(np.float64)


@settings(max_examples=40, deadline=None)
@given(
    kind=st.sampled_from(sorted(TINY)),
    frames=st.integers(1, 5),
    seed=st.integers(0, 10_000),
    sharpness=st.sampled_from([0.5, 1.0, 3.0]),
)
def test_the_best_text_is_that_of_a_sum_over_every_path(
    kind: str, frames: int, seed: int, sharpness: float
) -> None:
    symbols = TINY[kind]
    log_probabilities = random_scores(symbols, frames, seed, sharpness)
    expected = masses(log_probabilities, symbols)
    found = symbols.text_of(exhaustive(symbols).best(log_probabilities))
    assert expected[found] == pytest.approx(max(expected.values()))


@settings(max_examples=40, deadline=None)
@given(
    kind=st.sampled_from(["letters", "pieces"]),
    frames=st.integers(1, 5),
    seed=st.integers(0, 10_000),
    boost=st.floats(0.1, 3),
    bonus=st.floats(-2, 2),
)
def test_hot_words_and_the_word_bonus_weigh_each_text_as_a_whole(
    kind: str, frames: int, seed: int, boost: float, bonus: float
) -> None:
    symbols = TINY[kind]
    log_probabilities = random_scores(symbols, frames, seed, 1.0)

    def worth(text: str) -> float:
        words = text.split()
        hot = sum(len(word) for word in words if word in ("a", "aab"))
        return boost * hot + bonus * len(words)

    expected = {
        text: mass * np.exp(worth(text))
        for text, mass in masses(log_probabilities, symbols).items()
    }
    scores = TextScores(hot_words=HotWords(("a", "aab"), boost=boost), word_bonus=bonus)
    found = symbols.text_of(exhaustive(symbols, scores).best(log_probabilities))
    assert expected[found] == pytest.approx(max(expected.values()))


@settings(max_examples=60, deadline=None)
@given(ids=st.lists(st.integers(0, 28), min_size=1, max_size=80), seed=st.integers(0, 99))
def test_a_beam_of_one_on_peaky_scores_is_greedy(ids: list[int], seed: int) -> None:
    alphabet = letters()
    symbols = Symbols.of(alphabet)
    folded = symbols.fold(peaky(np.asarray(ids), len(alphabet.tokens)))
    search = BeamSearch(symbols=symbols, scores=TextScores(), width=1)
    assert search.best(folded) == symbols.normal(folded.argmax(axis=1))


def test_a_hot_word_is_written_where_greedy_hears_another() -> None:
    alphabet = letters()
    symbols = Symbols.of(alphabet)
    heard = np.exp(says("call agetha now", alphabet))
    heard[14, alphabet.tokens.index("e")] = 0.9
    heard[14, alphabet.tokens.index("a")] = 0.05
    folded = symbols.fold(normalised(heard))

    def text(*hot: str) -> str:
        scores = TextScores(hot_words=HotWords(hot, boost=2.0) if hot else None)
        search = BeamSearch(symbols=symbols, scores=scores, width=16)
        return symbols.text_of(search.best(folded))

    assert text() == "call agetha now"
    assert text("agatha") == "call agatha now"
    assert text("agatha now") == "call agatha now"
    assert text("agathanow", "agatha then") == "call agetha now"


def test_what_a_hot_word_was_given_is_taken_back_where_it_fails() -> None:
    hot = TextScores(hot_words=HotWords(("agatha", "data lake", "lake view"), boost=1.5))

    def worth(text: str) -> float:
        context, gain = hot.extended(hot.start, text)
        return gain + hot.ended(context)

    assert worth("agath") == pytest.approx(0)
    assert worth("agathas") == pytest.approx(0)
    assert worth("sagatha") == pytest.approx(0)
    assert worth("data") == pytest.approx(0)
    assert worth("data lakes") == pytest.approx(0)
    assert worth("agatha agatha") == pytest.approx(1.5 * 12)
    assert worth("data lake") == pytest.approx(1.5 * 8)
    assert worth("lake view") == pytest.approx(1.5 * 8)
    # The letters of "lake" count once.
    assert worth("data lake view") == pytest.approx(1.5 * 12)
    assert hot.extended(hot.start, "agat")[1] == pytest.approx(1.5 * 4)


@settings(max_examples=60, deadline=None)
@given(
    kind=st.sampled_from(sorted(TINY)),
    sequence=st.lists(st.integers(1, 3), max_size=3),
    frames=st.integers(1, 6),
    seed=st.integers(0, 999),
)
def test_the_alignment_is_the_best_path_that_writes_the_sequence(
    kind: str, sequence: list[int], frames: int, seed: int
) -> None:
    from itertools import product

    symbols = TINY[kind]
    wanted = symbols.normal(np.asarray([s for one in sequence for s in (one, 0)], dtype=np.intp))
    scores = random_scores(symbols, frames, seed, 2.0)
    paths = [
        path
        for path in product(range(len(symbols.texts)), repeat=frames)
        if symbols.normal(np.asarray(path)) == wanted
    ]
    if not paths:
        with pytest.raises(ValueError, match="frames cannot hold"):
            align(scores, wanted, delimiter=symbols.delimiter)
        return
    best = max(paths, key=lambda path: sum(scores[np.arange(frames), path]))
    found = align(scores, wanted, delimiter=symbols.delimiter)
    assert scores[np.arange(frames), found].sum() == pytest.approx(
        scores[np.arange(frames), best].sum()
    )
    assert symbols.normal(found) == wanted
    assert written(found.tolist(), symbols) == symbols.text_of(wanted)
