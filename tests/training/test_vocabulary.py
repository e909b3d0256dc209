import pytest

from training.labels.vocabulary import Vocabulary, VocabularyError, build_vocabulary


def test_the_vocabulary_is_sorted_and_the_same_for_any_order_of_texts():
    texts = ["the budget", "isn't ready", "all hello"]
    assert build_vocabulary(texts) == build_vocabulary(reversed(texts))
    assert list(build_vocabulary(texts).ids)[3:] == sorted(set("".join(texts)) - {" "})


def test_the_blank_is_id_zero_so_that_zeros_are_silence():
    vocabulary = build_vocabulary(["all year"])
    assert vocabulary.blank_id == 0
    assert vocabulary.decode([0, 0, 0]) == ""


def test_text_survives_encoding_and_decoding():
    vocabulary = build_vocabulary(["all hello there"])
    assert vocabulary.decode(vocabulary.encode("  hello   all ")) == "hello all"


def test_unknown_characters_are_an_error_that_names_them():
    vocabulary = build_vocabulary(["abc"])
    with pytest.raises(VocabularyError, match="'7', 'é' in 'a7é'"):
        vocabulary.encode("a7é")


def test_labels_take_the_case_that_the_base_model_writes():
    letters = {letter: i for i, letter in enumerate("HELO", start=4)}
    upper = Vocabulary(ids={"<pad>": 0, "<s>": 1, "<unk>": 2, "|": 3, **letters}, blank="<pad>")
    assert upper.decode(upper.encode("hello")) == "HELLO"


def test_a_vocabulary_of_both_cases_keeps_the_case_of_the_label():
    both = build_vocabulary(["Hh e"])
    assert both.decode(both.encode("He h")) == "He h"


def test_the_delimiter_cannot_be_a_label():
    with pytest.raises(VocabularyError, match="stands for the space"):
        build_vocabulary(["a|b"])
