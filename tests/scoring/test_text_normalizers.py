"""Which spellings are one word: the rules, their names and the characters that lie in wait."""

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.scoring import normalizer_for, normalizer_named, raw_tokens


@pytest.mark.parametrize("space", [" ", "\u00a0", "\t", "\n", "\r\n", "\u2009", "\u3000", "\u2028"])
def test_every_kind_of_space_separates_words(space):
    assert raw_tokens(f"two{space}words") == ("two", "words")


@pytest.mark.parametrize("mark", ["\u200b", "\ufeff", "\u00ad", "\u200d", "\u200e", "\u2060"])
def test_zero_width_characters_do_not_make_a_different_word(mark):
    assert raw_tokens(f"{mark}mee{mark}ting{mark}") == ("meeting",)
    assert raw_tokens(f"e{mark}\u0301tude") == ("\u00e9tude",)


def test_composed_and_decomposed_letters_are_one_word():
    assert raw_tokens("re\u0301union") == raw_tokens("r\u00e9union")


@given(st.text())
def test_raw_tokens_are_words_in_nfc(text):
    tokens = raw_tokens(text)
    assert raw_tokens(" ".join(tokens)) == tokens
    assert all(token and not re.search(r"\s", token) for token in tokens)
    assert all(unicodedata.is_normalized("NFC", token) for token in tokens)


@pytest.mark.parametrize(
    ("written", "scored"),
    [
        ("We won't — pay twenty-five dollars!", "we will not pay $25"),
        ("We won\u2019t pay", "we will not pay"),
        ("Um, colour [laughs]", "color"),
        ("Well... yes\u2026 it's 3.5", "well yes it is 3.5"),
        ("", ""),
        ("...", ""),
    ],
)
def test_english_is_whispers_rules(written, scored):
    assert normalizer_for("en")(written) == scored


def test_english_survives_a_model_caught_in_a_loop():
    # Thousands of digits in a row stop the number rules with an AssertionError.
    scored = normalizer_for("en")("It's " + "9" * 5000 + " twenty five")
    assert scored == "it is " + "9" * 5000 + " 25"


@pytest.mark.parametrize(
    ("written", "scored"),
    [
        ("Straße, Ähre!", "strasse ähre"),
        ("हिन्दी में किताब।", "हिन्दी में किताब"),
        ("ภาษาไทยที่นี่", "ภาษาไทยที\u0e48นี\u0e48"),
        ("കേരളം", "കേരളം"),
        ("L\u2019heure d'été", "l'heure d'été"),
        ("'quoted' rock 'n' roll", "quoted rock n roll"),
        ("ﬁn Ⅷ ½", "fin viii 1⁄2".replace("⁄", " ")),
        ("5\u00a0% snake_case", "5 snake case"),
        ("\u200bzero\u200b width", "zero width"),
    ],
)
def test_other_languages_lose_case_and_punctuation_and_keep_their_marks(written, scored):
    assert normalizer_for("hi")(written) == unicodedata.normalize("NFKC", scored)


@given(st.text())
def test_the_unicode_rule_is_stable_and_leaves_single_spaces(text):
    rule = normalizer_for(None)
    once = rule(text)
    assert rule(once) == once
    assert once == " ".join(once.split())


@given(st.text(alphabet="abzäöéßσςжñ -"))
def test_the_unicode_rule_does_not_see_case(text):
    rule = normalizer_for(None)
    assert rule(text.upper()) == rule(text)


@given(st.text(max_size=60))
def test_the_english_rule_takes_any_text(text):
    scored = normalizer_for("en")(text)
    assert scored == " ".join(scored.split())


def test_the_language_chooses_the_rule_and_the_name_says_which():
    assert normalizer_for("en").name.startswith("whisper-english 0.1.")
    assert normalizer_for("en-GB").name == normalizer_for("EN_us").name == normalizer_for("en").name
    assert normalizer_for(None).name == normalizer_for("de").name
    assert normalizer_for("eng-x").name != normalizer_for("en").name


def test_a_name_written_beside_a_score_finds_its_rule():
    for language in ("en", "fi"):
        name = normalizer_for(language).name
        assert normalizer_named(name).name == name


def test_another_version_is_refused_with_what_is_here():
    with pytest.raises(ValueError, match=r'no normaliser "whisper-english 0\.0\.1".*Score the run'):
        normalizer_named("whisper-english 0.0.1")
