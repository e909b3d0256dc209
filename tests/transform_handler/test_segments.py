"""Words into segments that a person reads."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transform_handler.decoding.segments import MAX_SECONDS, PAUSE_SECONDS, segments_of
from transform_handler.records import Word


def word(start: float, end: float, text: str = "w", confidence: float = 0.5) -> Word:
    return Word(text=text, start=round(start, 3), end=round(end, 3), confidence=confidence)


@st.composite
def spoken(draw: st.DrawFn) -> list[Word]:
    """Words in order on a grid of milliseconds, none longer than a segment."""
    now = draw(st.integers(0, 4_000_000))
    words = []
    for number, (gap, length) in enumerate(
        draw(st.lists(st.tuples(st.integers(0, 900), st.integers(0, 4_000)), max_size=60))
    ):
        start = now + gap
        now = start + length
        words.append(word(start / 1000, now / 1000, f"w{number}"))
    return words


@given(spoken(), st.none() | st.integers(0, 7))
def test_words_are_conserved_in_order(words: list[Word], channel: int | None) -> None:
    segments = segments_of(words, channel=channel)
    assert [one for segment in segments for one in segment.words] == words
    assert all(segment.channel == channel for segment in segments)


@given(spoken())
def test_no_segment_is_longer_than_fifteen_seconds(words: list[Word]) -> None:
    for segment in segments_of(words, channel=None):
        assert round(segment.end - segment.start, 3) <= MAX_SECONDS


@given(spoken())
def test_segments_break_at_every_pause_and_hold_none(words: list[Word]) -> None:
    for segment in segments_of(words, channel=None):
        for before, after in pairwise(segment.words):
            assert round(after.start - before.end, 3) < PAUSE_SECONDS


@given(spoken())
def test_a_segment_says_what_its_words_say(words: list[Word]) -> None:
    for segment in segments_of(words, channel=None):
        assert segment.text.split(" ") == [one.text for one in segment.words]
        assert (segment.start, segment.end) == (segment.words[0].start, segment.words[-1].end)


@pytest.mark.parametrize("start", [0.0, 1.0, 9.0, 10.0, 100.3, 3599.98, 7123.46])
def test_a_pause_of_exactly_six_tenths_breaks_wherever_it_stands(start: float) -> None:
    words = [word(start, start + 1), word(start + 1.6, start + 2)]
    assert len(segments_of(words, channel=None)) == 2
    words = [word(start, start + 1), word(start + 1.599, start + 2)]
    assert len(segments_of(words, channel=None)) == 1


@pytest.mark.parametrize("start", [0.0, 10.1, 100.3, 3599.98, 7123.46])
def test_a_stretch_of_exactly_fifteen_seconds_is_one_segment_wherever_it_stands(
    start: float,
) -> None:
    words = [word(start + n, start + n + 1) for n in range(15)]
    assert len(segments_of(words, channel=None)) == 1


def test_a_long_run_is_broken_at_its_longest_gap() -> None:
    words = [word(n, n + (0.5 if n == 6 else 0.9)) for n in range(20)]
    first, *_ = segments_of(words, channel=None)
    assert first.words[-1].end == 6.5


def test_confidence_is_the_mean_of_the_words() -> None:
    (segment,) = segments_of([word(0, 1, confidence=0.2), word(1, 2, confidence=0.9)], channel=0)
    assert segment.confidence == 0.55


def test_no_words_give_no_segments() -> None:
    assert segments_of([], channel=None) == ()
