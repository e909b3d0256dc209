"""Labels as a model learns them: nothing that is said is lost, and clean text stays as it is."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.labels.text import FILE, TextRules, TextRulesError
from training.labels.vocabulary import build_vocabulary

PLAIN = TextRules()
SAID = TextRules(numbers="verbalise")
RULES = [
    TextRules(numbers=numbers, case=case, punctuation=punctuation, language=language, keep=keep)
    for numbers in ("quarantine", "verbalise")
    for case in ("auto", "upper", "keep")
    for punctuation in ("remove", "keep")
    for language in ("en", "de", "es")
    for keep in ("'", "'-", "")
] + [TextRules(language="tr"), TextRules(language="tr", case="upper")]
SIGNS = "aAbBßİıI'’‘ .,-–—!?\"[]<>()0123456789$%€&@+=°C/…ﬁ½²\u0301\u200b:;"
WORDS = [
    "1984",
    "2000",
    "5",
    "%",
    "$5",
    "million",
    "1st",
    "[laughter]",
    "laughter",
    "'",
    "don't",
    "'tis",
    "3.5",
    ".",
    "-",
    "a",
    "b.",
    "(5)",
    "(",
    ")",
    "<",
    "sil",
    ">",
    "&",
    "AT&T",
    "example.com",
    "U.S.A.",
    "−5",
    "-5",
    "1,000",
    "10:30",
]
TEXTS = st.one_of(
    st.text(st.one_of(st.sampled_from(SIGNS), st.characters()), max_size=30),
    st.lists(st.sampled_from(WORDS), max_size=8).map(" ".join),
)


@given(TEXTS, st.sampled_from(RULES))
def test_cleaning_what_is_clean_changes_nothing(text: str, rules: TextRules):
    cleaned = rules.clean(text)
    assert rules.clean(cleaned) == cleaned


@given(TEXTS)
def test_digits_and_spoken_symbols_are_never_dropped(text: str):
    said = {c for c in text if c in "0123456789$%€&@+=°/½²"}
    assert said <= set(PLAIN.clean(text))
    assert said <= set(PLAIN.leftovers(PLAIN.clean(text)))


@given(TEXTS)
def test_words_are_parted_by_single_spaces(text: str):
    cleaned = SAID.clean(text)
    assert cleaned == " ".join(cleaned.split())


@pytest.mark.parametrize(
    ("written", "clean"),
    [
        ("Hello, “World”—don’t  stop…", "hello world don't stop"),
        ("He said 'all hello' to them.", "he said all hello to them"),
        ("rock'n'roll, give 'em that", "rock'n'roll give 'em that"),
        ("the U.S.A., e.g. a well-known one", "the u s a e g a well known one"),
        ("\ufb01ne\u00a0na\u0131\u0308ve caf\u0065\u0301\u200b", "fine naı\u0308ve café"),
        ("Ｆｕｌｌ width", "full width"),
        ("yes [laughter] <noise> {breath} (coughs) no", "yes no"),
        ("(he said)", "he said"),
        ("¿qué? ¡sí!", "qué sí"),
        ("", ""),
        ("...", ""),
    ],
)
def test_signs_that_nobody_says_are_taken_out(written: str, clean: str):
    assert PLAIN.clean(written) == clean
    assert PLAIN.leftovers(clean) == ""


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("fifty 50", "05"),
        ("50%", "%05"),
        ("and/or", "/"),
        ("see example.com", "."),
        ("so [inaudible] then", "[]"),
        ("it was <unk>", "<>"),
        ("x² and ½", "²½"),
        ("nice 😀", "😀"),
        ("a \x00 b", "\x00"),
    ],
)
def test_what_may_be_said_is_left_over_for_a_person(written: str, found: str):
    assert PLAIN.leftovers(PLAIN.clean(written)) == found


def test_a_word_with_a_digit_is_left_as_it_was_written():
    assert PLAIN.clean("At 10:30, about 1,5 -5.") == "at 10:30, about 1,5 -5."


def test_kept_signs_stay_inside_words_only():
    rules = TextRules(keep="'-")
    assert rules.clean("- a well-known - fact -") == "a well-known fact"


def test_without_an_apostrophe_in_keep_words_are_joined():
    assert TextRules(keep="").clean("don't") == "dont"


def test_signs_in_drop_are_taken_out():
    assert TextRules(drop="*/").clean("*wow* and/or") == "wow and or"


def test_digits_in_keep_are_letters():
    rules = TextRules(keep="'0123456789")
    assert rules.clean("Room 101.") == "room 101"
    assert rules.leftovers("room 101") == ""


def test_punctuation_can_be_kept():
    rules = TextRules(punctuation="keep", case="keep")
    assert rules.clean("Well… “Yes”, he said.") == 'Well... "Yes", he said.'
    assert rules.leftovers("Well... yes, 5") == "5"


def test_turkish_letters_keep_their_dots():
    assert TextRules(language="tr-TR").clean("ISPARTA İzmir") == "ısparta izmir"
    assert TextRules(language="tr", case="upper").clean("ılık iz") == "ILIK İZ"


@pytest.mark.parametrize(("text", "case"), [("abc", "lower"), ("ABC", "upper"), ("aB", "keep")])
def test_auto_becomes_the_case_of_the_vocabulary(text: str, case: str):
    vocabulary = build_vocabulary([text])
    assert PLAIN.fitted(vocabulary).case == case
    assert TextRules(case="upper").fitted(vocabulary).case == "upper"


def test_rules_survive_the_bundle(tmp_path: Path):
    rules = TextRules(language="de", case="upper", numbers="verbalise", keep="'-", drop="*")
    rules.write(tmp_path)
    assert TextRules.read(tmp_path) == rules
    assert TextRules.parse(rules.as_json()) == rules


def test_a_model_without_rules_has_the_defaults(tmp_path: Path):
    assert TextRules.read(tmp_path) == TextRules()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"cas": "lower"}, "unknown key 'cas'; did you mean case?"),
        ({"case": "small"}, "case is 'small'; expected auto, lower, upper, keep"),
        ({"keep": 5}, "keep is 5; expected a string"),
        ({"numbers": "verbalise", "language": "fi"}, "'fi' is not known; known: en, de"),
        ({"numbers": "verbalise", "keep": "09"}, "has digits"),
        ([], "expected a JSON object"),
    ],
)
def test_wrong_rules_are_named_with_their_file(tmp_path: Path, given: object, said: str):
    (tmp_path / FILE).write_text(json.dumps(given))
    with pytest.raises(TextRulesError, match=FILE) as caught:
        TextRules.read(tmp_path)
    assert said in str(caught.value)


def test_a_damaged_file_is_named(tmp_path: Path):
    (tmp_path / FILE).write_text("{")
    with pytest.raises(TextRulesError, match=rf"{FILE}: not JSON"):
        TextRules.read(tmp_path)
