"""What a model writes over and over is cut to once, and flagged; what people say is left alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transform_handler.decoding.repetition import without_loops
from transform_handler.decoding.segments import segments_of
from transform_handler.records import Word


def words_of(text: str) -> list[Word]:
    return [
        Word(text=one, start=float(at), end=at + 0.9, confidence=0.5)
        for at, one in enumerate(text.split())
    ]


def cut(text: str, *, unfinished: bool = False) -> tuple[str, list[tuple[str, ...]]]:
    kept = without_loops(words_of(text), unfinished=unfinished)
    return " ".join(word.text for word in kept), [word.flags for word in kept if word.flags]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no no no no no",
        "thank you thank you thank you thank you",
        "we shall fight on we shall fight on we shall fight on",
        "1000000000000 is a number of thirteen digits",
        "a very long sentence that is said once more a very long sentence that is said once more",
    ],
)
def test_what_people_say_is_left_alone(text: str) -> None:
    assert cut(text) == (text, [])


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("no " * 6 + "more", "no more"),
        ("so " + "thank you. " * 5 + "bye", "so thank you. bye"),
        ("I am here, " * 4 + "and you", "I am here, and you"),
        ("You know. you know, You Know YOU KNOW you know", "You know."),
        (
            "one two three four five six seven eight nine ten " * 3,
            "one two three four five six seven eight nine ten",
        ),
        ("well " + "ha" * 40, "well ha"),
        ("你好" * 30, "你好"),
    ],
)
def test_a_loop_is_cut_to_its_first_turn(text: str, left: str) -> None:
    assert cut(text) == (left, [("repetition",)])


def test_a_loop_that_ran_out_of_tokens_ends_with_its_first_turn() -> None:
    text = "then " + "we went home again " * 5 + "we went"
    assert cut(text, unfinished=True) == (
        "then we went home again",
        [("repetition", "token_limit")],
    )
    assert cut(text)[0] == "then we went home again we went"


def test_running_out_of_tokens_is_said_where_no_loop_is_found() -> None:
    assert cut("a b c", unfinished=True) == ("a b c", [("token_limit",)])


def test_two_loops_in_a_window_are_both_cut() -> None:
    text, flags = cut("x " * 9 + "y z " * 7)
    assert text == "x y z"
    assert len(flags) == 2


@given(st.lists(st.sampled_from("abc"), max_size=40), st.booleans())
def test_words_are_only_taken_away_and_keep_their_times(letters: list[str], end: bool) -> None:
    before = words_of(" ".join(letters))
    kept = without_loops(before, unfinished=end)
    starts = [word.start for word in kept]
    assert starts == sorted(set(starts))
    assert all(before[int(word.start)].text == word.text for word in kept)
    if before:
        assert kept[0].start == 0
    assert len(kept) == len(before) or any("repetition" in word.flags for word in kept)


def test_a_segment_has_the_flags_of_its_words() -> None:
    kept = without_loops(words_of("no " * 6 + "more"), unfinished=True)
    (first, second) = segments_of([kept[0], kept[1]], channel=None)
    assert (first.flags, second.flags) == (("repetition",), ("token_limit",))
