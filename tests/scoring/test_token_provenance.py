"""A normalised token knows the written words that it was made from."""

from hypothesis import given
from hypothesis import strategies as st

from training.scoring import normalizer_for, trace

EN = normalizer_for("en")


def spelled(text: str, language: str = "en") -> list[tuple[str, str]]:
    words = text.split()
    return [
        (token.text, " ".join(words[token.first : token.last + 1]))
        for token in trace(words, normalizer_for(language))
    ]


def test_a_word_keeps_its_spelling():
    assert spelled("The cat, Sat.") == [("the", "The"), ("cat", "cat,"), ("sat", "Sat.")]


def test_one_word_can_make_two_tokens():
    assert spelled("we won't go") == [
        ("we", "we"),
        ("will", "won't"),
        ("not", "won't"),
        ("go", "go"),
    ]


def test_words_that_mean_a_number_together_share_their_range():
    assert spelled("pay twenty five dollars now") == [
        ("pay", "pay"),
        ("$25", "twenty five dollars"),
        ("now", "now"),
    ]


def test_a_dropped_filler_leaves_its_neighbours_alone():
    assert spelled("so um yes") == [("so", "so"), ("yes", "yes")]


def test_no_words_make_no_tokens():
    assert list(trace([], EN)) == []
    assert list(trace(["um", "..."], EN)) == []


any_word = st.sampled_from(
    [
        "The",
        "um",
        "twenty",
        "five",
        "hundred",
        "won't",
        "$20",
        "million",
        "O'Brien",
        "10:30",
        "(a",
        "b)",
        "x",
    ]
)


@given(st.lists(any_word, max_size=15))
def test_tokens_are_the_normalised_text_and_ranges_stay_inside_and_in_order(words):
    tokens = trace(words, EN)
    assert [token.text for token in tokens] == EN(" ".join(words)).split()
    assert all(0 <= token.first <= token.last < len(words) for token in tokens)
    firsts = [token.first for token in tokens]
    assert firsts == sorted(firsts)
