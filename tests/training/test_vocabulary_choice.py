"""Which symbols a fine-tuned model writes: the base's where they fit, else those of the labels."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.labels.text import TextRules
from training.labels.vocabulary import (
    Vocabulary,
    VocabularyError,
    build_vocabulary,
    choose_vocabulary,
    fit_text,
    tokenizer_for,
    vocabulary_of,
)

BASE = build_vocabulary(["abcdefghijklmnopqrstuvwxyz'"])


def test_the_base_is_taken_where_it_writes_nearly_all_labels():
    assert choose_vocabulary(BASE, ["hello"] * 98 + ["é"] * 2) is BASE
    assert "é" in choose_vocabulary(BASE, ["hello"] * 97 + ["é"] * 3).ids


def test_labels_in_another_case_fit_the_base():
    upper = build_vocabulary(["ABCDEFGHIJKLMNOPQRSTUVWXYZ"])
    assert choose_vocabulary(upper, ["hello"]) is upper


def test_the_mode_can_be_forced():
    assert choose_vocabulary(BASE, ["ééé"], mode="base") is BASE
    assert choose_vocabulary(BASE, ["ab"], mode="labels") == build_vocabulary(["ab"])


def test_without_a_base_the_labels_decide():
    assert choose_vocabulary(None, ["ab"]) == build_vocabulary(["ab"])


def test_the_rarest_characters_of_many_labels_are_no_symbols():
    texts = ["hello"] * 1_999 + ["hellø"]
    assert "ø" not in choose_vocabulary(None, texts).ids
    assert "ø" in choose_vocabulary(None, texts[1_500:]).ids


@given(st.lists(st.text("abcdé ", min_size=1), min_size=1), st.randoms(use_true_random=False))
def test_the_order_of_the_labels_does_not_matter(texts, random):
    if not any(text.strip() for text in texts):
        return
    shuffled = random.sample(texts, len(texts))
    one, other = choose_vocabulary(None, texts), choose_vocabulary(None, shuffled)
    assert list(one.ids.items()) == list(other.ids.items())
    letters = list(one.ids)[3:]
    assert letters == sorted(letters)
    assert one.blank_id == 0


@pytest.mark.parametrize(
    ("base", "texts", "mode", "said"),
    [
        (None, ["a"], "base", "there is no base model"),
        (None, ["", " "], "auto", "labels are all empty"),
        (BASE, ["a"], "own", "'own'; expected auto, base, labels"),
    ],
)
def test_what_cannot_be_chosen_is_an_error(base, texts, mode, said):
    with pytest.raises(VocabularyError, match=said):
        choose_vocabulary(base, texts, mode=mode)


def test_digits_that_the_check_quarantines_are_no_symbols():
    vocabulary, rules = fit_text(None, ["Hello, all!", "room 101"], rules=TextRules())
    assert set(vocabulary.ids) == {"[PAD]", "[UNK]", "|", *"helloa"}
    assert rules.case == "lower"


def test_the_rules_take_the_case_of_the_base():
    upper = build_vocabulary(["HELO, A"])
    vocabulary, rules = fit_text(upper, ["Hello, all!"], rules=TextRules())
    assert vocabulary is upper
    assert rules.clean("Hello, all!") == "HELLO ALL"


def test_a_base_of_both_cases_keeps_the_labels_case():
    both = build_vocabulary(["Hh elo a"])
    _, rules = fit_text(both, ["Hello, all!"], rules=TextRules())
    assert rules.clean("Hello, all!") == "Hello all"


def test_a_tokenizer_writes_the_vocabulary_and_nothing_more():
    other = Vocabulary(ids={"<b>": 0, "<u>": 1, "|": 2, "a": 3}, blank="<b>", unknown="<u>")
    for vocabulary in (BASE, other):
        assert vocabulary_of(tokenizer_for(vocabulary)) == vocabulary
