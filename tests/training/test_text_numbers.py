"""Numbers and symbols in words, where there is one way to say them, and untouched where not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.labels.spoken import FORMS, verbalise
from training.labels.text import TextRules


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("I have 5 dogs", "I have five dogs"),
        ("over 2,000 people", "over two thousand people"),
        (
            "1,234,567 of them",
            "one million two hundred and thirty four thousand five hundred and sixty seven of them",
        ),
        ("in 2000.", "in two thousand."),
        ("the 1st and the 22nd", "the first and the twenty second"),
        ("3.14 and 2.50", "three point one four and two point five zero"),
        ("(about 50%)", "(about fifty percent)"),
        ("1% or 5 %", "one percent or five percent"),
        ("$1, then $20.", "one dollar, then twenty dollars."),
        ("$5 million", "five million dollars"),
        ("$3.5 billion, he said", "three point five billion dollars, he said"),
        ("a rise of 5 °C", "a rise of five degrees celsius"),
        ("\u22125 degrees", "minus five degrees"),
        ("R&D and you & me", "R and D and you and me"),
        ("2 + 2 = 4", "two plus two equals four"),
    ],
)
def test_english_is_written_as_it_is_said(written: str, said: str):
    assert verbalise(written, "en-GB") == said


@pytest.mark.parametrize(
    "written",
    [
        "in 1984",
        "in 1500",
        "3/4 of it",
        "at 10:30",
        "pages 5-10",
        "pages 5 - 10",
        "call 555 1234",
        "10 500 people",
        "agent 007",
        "12345 votes",
        "B2B mp3 4k",
        "the 1990s",
        "the 2th",
        "-5 degrees",
        "a .5 share",
        "version 1.2.3",
        "bob@example.com",
        "1,5 litres",
        "9" * 400,
    ],
)
def test_what_can_be_said_in_several_ways_is_left(written: str):
    assert verbalise(written, "en") == written
    rules = TextRules(numbers="verbalise")
    assert rules.leftovers(rules.clean(written))


@pytest.mark.parametrize(
    ("language", "written", "said"),
    [
        (
            "de",
            "1.000 Leute, 3,5 % und 20 €",
            "eintausend Leute, drei Komma fünf Prozent und zwanzig Euro",
        ),
        ("de", "1 Hund, 21 Katzen", "1 Hund, 21 Katzen"),
        ("fr", "en 1984", "en mille neuf cent quatre vingt quatre"),
        ("fr", "2,5 % ou 3,14", "deux virgule cinq pour cent ou 3,14"),
        ("es", "20 € y 300 casas", "veinte euros y 300 casas"),
        ("it", "3,5 %", "tre virgola cinque per cento"),
        ("nl", "20 €", "twintig euro"),
        ("pt", "2 casas ou 5", "2 casas ou cinco"),
    ],
)
def test_other_languages_have_their_own_marks_and_their_own_doubts(
    language: str, written: str, said: str
):
    assert verbalise(written, language) == said


@pytest.mark.parametrize("language", FORMS)
@given(number=st.integers(0, 999))
def test_a_number_is_said_in_letters_or_left_whole(language: str, number: int):
    said = verbalise(f"{number} x", language)
    assert said == f"{number} x" or not any(c.isdigit() for c in said)
    assert said.endswith(" x")
