"""Words of a model that writes text: which tokens they are, and when they were said."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from transform_handler.decoding.time_warping import _median, token_starts, warped
from transform_handler.decoding.token_words import spelled
from transform_handler.decoding.vocabulary_text import VocabularyText
from transform_handler.decoding.word_times import Trimmer, in_order, shared_times

PIECES = ["<pad>", "▁the", "▁c", "at", "s", "▁", ".", "<lang:de>"]


def cheapest(costs: np.ndarray) -> float:
    """The cost of the best path, by trying all."""
    rows, columns = costs.shape
    best = np.inf
    for steps in itertools.product(((0, 1), (1, 0), (1, 1)), repeat=rows + columns - 2):
        row = column = 0
        total = costs[0, 0]
        for down, right in steps:
            row, column = row + down, column + right
            if row >= rows or column >= columns:
                break
            total += costs[row, column]
            if (row, column) == (rows - 1, columns - 1):
                best = min(best, total)
                break
    return float(best if rows * columns > 1 else costs[0, 0])


def cost_of(starts: np.ndarray, costs: np.ndarray) -> float:
    """The cheapest path whose rows begin at ``starts``: it leaves each as the next begins."""
    total = 0.0
    for row, start in enumerate(starts):
        following = starts[row + 1] if row + 1 < len(starts) else costs.shape[1]
        last = [end for end in (following, following + 1) if start < end <= costs.shape[1]]
        total += min(costs[row, start:end].sum() for end in last)
    return float(total)


@settings(deadline=None, max_examples=40)
@given(
    arrays(
        np.float64,
        st.tuples(st.integers(1, 4), st.integers(1, 4)),
        elements=st.integers(-5, 5).map(float),
    )
)
def test_the_path_is_the_cheapest_of_all(costs: np.ndarray) -> None:
    assert cost_of(warped(costs), costs) == pytest.approx(cheapest(costs))


def test_the_median_of_seven_is_their_median() -> None:
    values = np.random.default_rng(1).standard_normal((2, 3, 200))
    padded = np.pad(values, ((0, 0), (0, 0), (3, 3)), mode="reflect")
    around = np.lib.stride_tricks.sliding_window_view(padded, 7, axis=-1)
    assert np.array_equal(_median(values), np.median(around, axis=-1))


def test_tokens_begin_where_the_heads_look() -> None:
    places = [0, 30, 60, 61, 120]
    attention = np.full((2, 7, 150), 1e-4)
    for token, (begin, end) in enumerate(itertools.pairwise([*places, 150])):
        attention[:, token + 2, begin:end] = 1.0
    found = token_starts(attention, prompt=2)
    assert np.abs(found - places).max() <= 3
    assert (np.diff(found) >= 0).all()


@pytest.mark.parametrize(
    ("tokens", "words"),
    [
        ([], []),
        ([0], []),
        ([1, 2, 3, 4], [("the", 0, 1), ("cats", 1, 4)]),
        ([0, 1, 5, 6], [("the", 0, 2), (".", 3, 4)]),
        ([7, 2, 3, 6, 1], [("cat.", 0, 4), ("the", 4, 5)]),
    ],
)
def test_words_are_what_spaces_part(tokens: list[int], words: list[tuple[str, int, int]]) -> None:
    text = VocabularyText(pieces=dict(enumerate(PIECES)))
    found = [(word.text, word.first, word.last) for word in spelled(tokens, text)]
    assert [one[0] for one in found] == [one[0] for one in words]
    assert all(a[1] <= b[1] and a[2] >= b[2] for a, b in zip(found, words, strict=True))


def test_a_character_of_several_tokens_belongs_to_them_all() -> None:
    data = [b"\xe8", b"\xb0", b"\xa2", b" ", b"x"]

    def text(tokens: list[int]) -> str:
        return b"".join(data[one] for one in tokens).decode("utf-8", "replace")

    found = [(word.text, word.first, word.last) for word in spelled(range(5), text)]
    assert found == [("谢", 0, 3), ("x", 4, 5)]


def test_a_pause_after_a_word_is_not_the_words() -> None:
    random = np.random.default_rng(0)
    sound = 0.001 * random.standard_normal(4 * 16_000)
    sound[16_000:24_000] *= 100
    trimmer = Trimmer(sound.astype(np.float32))
    assert trimmer.trimmed((0.5, 3.5)) == pytest.approx((0.9, 1.6), abs=0.03)
    assert trimmer.trimmed((2.0, 2.5)) == pytest.approx((2.0, 2.5), abs=1e-9)


def test_words_without_an_alignment_share_the_time_by_their_length() -> None:
    spans = shared_times(["a", "longer", "b"], np.zeros(16_000, np.float32))
    assert spans[0][0] == 0.0
    assert spans[-1][1] == pytest.approx(1.0)
    assert spans[1][1] - spans[1][0] == pytest.approx(7 / 11)
    assert shared_times([], np.zeros(16_000, np.float32)) == []


@given(st.lists(st.tuples(st.floats(-1, 40), st.floats(-1, 40))))
def test_times_never_run_backwards(spans: list[tuple[float, float]]) -> None:
    moments = [moment for span in in_order(spans, longest=30.0) for moment in span]
    assert moments == sorted(moments)
    assert all(0 <= moment <= 30 for moment in moments)
