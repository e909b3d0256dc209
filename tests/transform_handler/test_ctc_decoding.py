"""Frames to words: repeats collapse before blanks go, times and confidence come from frames."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transform_handler.decoding.greedy import (
    GAP_SECONDS,
    MAX_WORD_SECONDS,
    Alphabet,
    collapse,
    decode_text,
    decode_words,
)
from transform_handler.decoding.segments import MAX_SECONDS, segments_of

LETTERS = "abcdehlory'é"
VOCABULARY = {"[PAD]": 0, "[UNK]": 1, "|": 2} | {c: 3 + i for i, c in enumerate(LETTERS)}
ALPHABET = Alphabet.from_vocabulary(
    VOCABULARY, blank=0, delimiter="|", specials=frozenset({"[PAD]", "[UNK]"})
)


def ids_of(frames: str) -> np.ndarray:
    """``_`` is the blank, ``?`` the unknown symbol."""
    names = {"_": "[PAD]", "?": "[UNK]"}
    return np.array([VOCABULARY[names.get(c, c)] for c in frames], dtype=np.int32)


def text_of(frames: str) -> str:
    return decode_text(ids_of(frames), ALPHABET)


@pytest.mark.parametrize(
    ("frames", "text"),
    [
        ("all|hhel_lo", "al hello"),
        ("al_l|hel_lo", "all hello"),
        ("aal__lll||||he_l_l_o", "all hello"),
        ("aaa", "a"),
        ("a_a", "aa"),
        ("a|a", "a a"),
        ("|_|a|_|b||", "a b"),
        ("___", ""),
        ("", ""),
        ("||", ""),
        ("a?a", "aa"),
        ("a??", "a"),
        ("?", ""),
    ],
)
def test_repeats_collapse_before_blanks_are_dropped(frames: str, text: str) -> None:
    assert text_of(frames) == text


words = st.lists(st.text(LETTERS, min_size=1, max_size=6), max_size=6)


@given(words, st.data())
def test_any_alignment_of_a_text_decodes_to_that_text(
    spoken: list[str], data: st.DataObject
) -> None:
    frames: list[str] = []
    for symbol in "|".join(spoken):
        if frames and frames[-1] == symbol:
            frames.append("_")
        frames += [symbol] * data.draw(st.integers(1, 3))
        frames += ["_"] * data.draw(st.integers(0, 2))
    frames = ["_"] * data.draw(st.integers(0, 2)) + frames
    assert text_of("".join(frames)) == " ".join(spoken)


@given(st.lists(st.integers(0, 5), max_size=40))
def test_collapse_finds_the_runs_that_a_plain_loop_finds(ids: list[int]) -> None:
    expected = []
    for position, token in enumerate(ids):
        if position and ids[position - 1] == token:
            if token != 0:
                expected[-1][1] = position + 1
        elif token != 0:
            expected.append([position, position + 1])
    starts, ends = collapse(np.array(ids, dtype=np.int32), blank=0)
    assert [list(run) for run in zip(starts.tolist(), ends.tolist(), strict=True)] == expected


def test_times_are_the_first_and_last_frames_of_a_words_letters() -> None:
    found = decode_words(
        ids_of("__hh_e|_aa__"), np.zeros(12, np.float32), ALPHABET, seconds_per_frame=0.02
    )
    assert [(word.text, word.start, word.end) for word in found] == [
        ("he", 0.04, 0.12),
        ("a", 0.16, 0.2),
    ]


@given(st.integers(0, 10**7))
def test_times_count_from_the_absolute_frame(first: int) -> None:
    (word,) = decode_words(
        ids_of("_a_"), np.zeros(3, np.float32), ALPHABET, seconds_per_frame=0.02, first_frame=first
    )
    assert word.start == round((first + 1) * 0.02, 3)
    assert word.end == round((first + 2) * 0.02, 3)


def test_confidence_is_the_geometric_mean_of_each_letters_best_frame() -> None:
    probabilities = [0.9, 0.5, 0.8, 0.1, 0.4, 0.99, 0.3]
    found = decode_words(
        ids_of("aa_b|_a"),
        np.log(probabilities).astype(np.float32),
        ALPHABET,
        seconds_per_frame=0.02,
    )
    assert [word.confidence for word in found] == [round(math.sqrt(0.9 * 0.1), 4), 0.3]


@given(st.lists(st.sampled_from("ab_|"), min_size=1).map("".join), st.data())
def test_confidence_lies_between_zero_and_one(frames: str, data: st.DataObject) -> None:
    scores = data.draw(
        st.lists(st.floats(-10_000, 0, width=32), min_size=len(frames), max_size=len(frames))
    )
    found = decode_words(
        ids_of(frames), np.array(scores, np.float32), ALPHABET, seconds_per_frame=0.02
    )
    assert all(0 <= word.confidence <= 1 for word in found)


def test_ids_that_the_tokenizer_does_not_know_are_silent() -> None:
    # A head is often padded to a round number of outputs beyond the tokenizer's.
    ids = np.array([VOCABULARY["a"], 0, 999, VOCABULARY["b"]], dtype=np.int32)
    assert decode_text(ids, ALPHABET) == "ab"


def test_a_gap_in_the_vocabulary_is_silent() -> None:
    alphabet = Alphabet.from_vocabulary({"<pad>": 0, "|": 1, "a": 5}, blank=0, delimiter="|")
    assert decode_text(np.array([5, 1, 3, 1, 5]), alphabet) == "a a"


BARE = Alphabet.from_vocabulary({"<pad>": 0, "a": 1, "b": 2}, blank=0, delimiter=None)


def test_a_vocabulary_without_a_delimiter_parts_words_at_pauses_only() -> None:
    assert decode_text(np.array([1, 0, 2, 2]), BARE) == "ab"
    for frames, text in [(49, "ab"), (50, "a b")]:
        ids = np.array([1] + [0] * frames + [2])
        assert decode_text(ids, BARE) == text
    assert GAP_SECONDS == 50 * 0.02


PIECES = {"<pad>": 0, "▁": 1, "▁he": 2, "llo": 3, "▁you": 4, "r": 5}


@pytest.mark.parametrize("delimiter", [None, "|", "▁"])
@pytest.mark.parametrize(
    ("ids", "text"),
    [
        ([2, 3, 4, 5], "hello your"),
        ([3, 2], "llo he"),
        ([2, 0, 2, 3], "he hello"),
        ([1, 3, 1, 5, 1, 4], "llo r you"),
        ([1, 1, 0, 1], ""),
        ([2, 2, 0, 3, 3], "hello"),
    ],
)
def test_a_piece_with_a_mark_in_front_begins_a_word(
    ids: list[int], text: str, delimiter: str | None
) -> None:
    alphabet = Alphabet.from_vocabulary(PIECES, blank=0, delimiter=delimiter)
    assert decode_text(np.array(ids), alphabet) == text


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(1, 2_000)), max_size=30),
    st.sampled_from([ALPHABET, BARE]),
    st.sampled_from([0.02, 0.0133125, 0.08]),
    st.integers(0, 10**6),
)
def test_no_word_is_longer_than_ten_seconds_and_no_segment_than_fifteen(
    runs: list[tuple[int, int]], alphabet: Alphabet, seconds_per_frame: float, first: int
) -> None:
    ids = np.concatenate([[0], *(np.full(size, token) for token, size in runs)])
    ids[::3] = np.where(ids[::3] == 3, 1, ids[::3])  # letters in turn, without a pause between
    found = decode_words(
        ids,
        np.zeros(len(ids), np.float32),
        alphabet,
        seconds_per_frame=seconds_per_frame,
        first_frame=first,
    )
    assert all(word.end - word.start <= MAX_WORD_SECONDS + 0.0011 for word in found)
    assert all(one.end <= two.start + 0.0011 for one, two in itertools.pairwise(found))
    for segment in segments_of(found, channel=None):
        assert round(segment.end - segment.start, 3) <= MAX_SECONDS


def test_no_letter_is_lost_where_a_long_word_is_cut() -> None:
    ids = np.array([1, 2] * 5_000)
    assert decode_text(ids, BARE).replace(" ", "") == "ab" * 5_000


def test_a_delimiter_that_is_also_special_still_parts_words() -> None:
    alphabet = Alphabet.from_vocabulary(
        {"<pad>": 0, "|": 1, "a": 2}, blank=0, delimiter="|", specials=frozenset({"|", "<pad>"})
    )
    assert decode_text(np.array([2, 1, 2]), alphabet) == "a a"
