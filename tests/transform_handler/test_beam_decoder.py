"""Beam words: the same meaning, times and confidence as greedy ones, and parts equal the whole."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.transform_handler.distributions import (
    SECONDS_PER_FRAME,
    letters,
    normalised,
    peaky,
    pieces,
    says,
    scores_of,
)
from transform_handler.decoding.beam import BeamSearch
from transform_handler.decoding.beam_decoder import BeamDecoder
from transform_handler.decoding.decoder import GreedyDecoder
from transform_handler.decoding.greedy import Alphabet
from transform_handler.decoding.hot_words import HotWords
from transform_handler.decoding.stretches import CELL_SECONDS, stretches
from transform_handler.decoding.symbols import Symbols
from transform_handler.decoding.text_scores import TextScores
from transform_handler.engine.frames import FrameScores
from transform_handler.records import Word

ALPHABETS = {
    "letters": letters("abcd"),
    "no delimiter": letters("abcd", delimiter=None),
    "pieces": pieces("▁a", "▁b", "c", "d", "▁cd"),
}
OVERLAP_SECONDS = 18.0


def beam(alphabet: Alphabet, *, width: int = 4, hot: tuple[str, ...] = ()) -> BeamDecoder:
    scores = TextScores(hot_words=HotWords(hot, boost=2.0) if hot else None)
    search = BeamSearch(symbols=Symbols.of(alphabet), scores=scores, width=width)
    return BeamDecoder(alphabet=alphabet, seconds_per_frame=SECONDS_PER_FRAME, search=search)


def greedy(alphabet: Alphabet) -> GreedyDecoder:
    return GreedyDecoder(alphabet=alphabet, seconds_per_frame=SECONDS_PER_FRAME)


def random_frames(alphabet: Alphabet, seconds: float, seed: int, quiet: float) -> FrameScores:
    """Speech that no model would give: letters anywhere, now and then doubtful."""
    random = np.random.default_rng(seed)
    size = len(alphabet.tokens)
    ids = random.integers(0, size, round(seconds / SECONDS_PER_FRAME))
    ids[random.random(len(ids)) < quiet] = alphabet.blank
    weights = np.exp(peaky(ids, size)) + 0.5 * (random.random((len(ids), size)) ** 40)
    return scores_of(normalised(weights))


def cut(frames: FrameScores, start: int, stop: int) -> FrameScores:
    assert frames.distribution is not None
    return scores_of(frames.distribution[start:stop])


@pytest.mark.parametrize("kind", sorted(ALPHABETS))
def test_a_search_that_agrees_with_greedy_gives_the_greedy_words(kind: str) -> None:
    alphabet = ALPHABETS[kind]
    ids = random_frames(alphabet, 30, 1, 0.7).ids
    frames = scores_of(peaky(ids, len(alphabet.tokens), best=0.999))
    expected = greedy(alphabet).words(frames, first_frame=70)
    assert expected
    assert beam(alphabet, width=1).words(frames, first_frame=70) == expected


def test_times_and_confidence_are_those_of_the_letters_in_the_sound() -> None:
    alphabet = letters()
    heard = np.exp(says("call agetha now", alphabet))
    heard[14] = 0.02
    heard[14, alphabet.tokens.index("e")] = 0.9
    heard[14, alphabet.tokens.index("a")] = 0.1
    frames = scores_of(normalised(heard))
    (_, heard_word, _) = greedy(alphabet).words(frames, first_frame=50)
    (before, word, after) = beam(alphabet, hot=("agatha",)).words(frames, first_frame=50)
    assert (heard_word.text, word.text) == ("agetha", "agatha")
    assert (word.start, word.end) == (heard_word.start, heard_word.end) == (1.2, 1.42)
    assert word.confidence < heard_word.confidence
    assert before.confidence == pytest.approx(0.98, abs=1e-3)
    assert before.end <= word.start <= word.end <= after.start


@settings(max_examples=15, deadline=None)
@given(
    kind=st.sampled_from(sorted(ALPHABETS)),
    seconds=st.floats(40, 70),
    begin=st.floats(0, 30),
    length=st.floats(1, 30),
    quiet=st.sampled_from([0.3, 0.8, 0.95]),
    seed=st.integers(0, 999),
)
def test_a_part_that_hears_18_s_more_has_the_words_of_the_whole(
    *, kind: str, seconds: float, begin: float, length: float, quiet: float, seed: int
) -> None:
    alphabet = ALPHABETS[kind]
    hot = () if kind == "no delimiter" else ("acd", "b acd")
    decoder = beam(alphabet, hot=hot)
    frames = random_frames(alphabet, seconds, seed, quiet)
    first = max(0, int((begin - OVERLAP_SECONDS) / SECONDS_PER_FRAME))
    last = int((begin + length + OVERLAP_SECONDS) / SECONDS_PER_FRAME) + 1

    def own(words: list[Word]) -> list[Word]:
        return [word for word in words if begin <= word.start < begin + length]

    whole = decoder.words(frames, first_frame=0)
    part = decoder.words(cut(frames, first, last), first_frame=first)
    assert own(part) == own(whole)


@settings(max_examples=40, deadline=None)
@given(
    kind=st.sampled_from(sorted(ALPHABETS)),
    seconds=st.floats(0.02, 40),
    first_frame=st.integers(0, 5000),
    quiet=st.sampled_from([0.0, 0.5, 0.97, 1.0]),
    seed=st.integers(0, 999),
)
def test_stretches_lie_end_to_end_and_none_is_longer_than_two_cells(
    kind: str, seconds: float, first_frame: int, quiet: float, seed: int
) -> None:
    alphabet = ALPHABETS[kind]
    ids = random_frames(alphabet, seconds, seed, quiet).ids
    found = stretches(ids, alphabet, seconds_per_frame=SECONDS_PER_FRAME, first_frame=first_frame)
    assert [found[0][0], found[-1][1]] == [0, len(ids)]
    assert all(before[1] == after[0] for before, after in pairwise(found))
    assert max(stop - start for start, stop in found) <= 2 * CELL_SECONDS / SECONDS_PER_FRAME


def test_a_pause_between_words_is_where_a_stretch_ends() -> None:
    alphabet = letters()
    text = says("so we wait and go", alphabet)
    pause = peaky(np.full(30, alphabet.blank), len(alphabet.tokens))
    border = says(" ", alphabet)
    ids = np.concatenate([text, border, pause, text, pause, text]).argmax(axis=1)
    found = stretches(ids, alphabet, seconds_per_frame=SECONDS_PER_FRAME, first_frame=0)
    # The second pause has no delimiter, so no word need end there.
    quiet = (len(text) - 1, len(text) + len(border) + len(pause))
    assert found[0] == (0, sum(quiet) // 2)
    assert len(found) == 2


@settings(max_examples=20, deadline=None)
@given(kind=st.sampled_from(sorted(ALPHABETS)), seed=st.integers(0, 999))
def test_words_follow_each_other_in_time(kind: str, seed: int) -> None:
    alphabet = ALPHABETS[kind]
    frames = random_frames(alphabet, 15, seed, 0.6)
    words = beam(alphabet, width=8).words(frames, first_frame=0)
    assert all(word.start < word.end <= 15 and 0 < word.confidence <= 1 for word in words)
    assert all(before.end <= after.start for before, after in pairwise(words))


def test_silence_has_no_words_even_where_a_hot_word_is_wanted() -> None:
    alphabet = letters()
    size = len(alphabet.tokens)
    frames = scores_of(peaky(np.full(500, alphabet.blank), size, best=0.9999))
    unscored = np.full((500, size), -np.inf, dtype=np.float32)
    unscored[:, alphabet.delimiter] = 0
    for silent in (frames, scores_of(unscored)):
        assert beam(alphabet, hot=("a", "agatha")).words(silent, first_frame=0) == []


def test_frames_without_a_distribution_are_refused() -> None:
    alphabet = letters()
    frames = scores_of(says("hello", alphabet))
    bare = FrameScores(ids=frames.ids, log_probabilities=frames.log_probabilities)
    with pytest.raises(ValueError, match="needs the distribution"):
        beam(alphabet).words(bare, first_frame=0)
