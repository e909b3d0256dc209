"""Hot words in the letters of the model, or an error that names them."""

from __future__ import annotations

import pytest

from manifests.errors import InputError
from tests.transform_handler.distributions import LETTERS, letters, pieces
from transform_handler.decoding.hot_words import spelled
from transform_handler.decoding.symbols import Symbols

LOWER = Symbols.of(letters())
UPPER = Symbols.of(letters(LETTERS.upper()))
GERMAN = Symbols.of(letters(LETTERS + "äöüß"))
CASED = Symbols.of(letters(LETTERS + LETTERS[:26].upper()))
PIECES = Symbols.of(pieces("▁", "▁ag", "ath", "a", "▁new", "▁york"))


@pytest.mark.parametrize(
    ("symbols", "entry", "expected"),
    [
        (LOWER, "Agatha", "agatha"),
        (UPPER, "Agatha O’Neil", "AGATHA O'NEIL"),
        (CASED, "McNeil", "McNeil"),
        (LOWER, "  Zoë   Müller-Lüdenscheidt ", "zoe muller ludenscheidt"),
        (GERMAN, "Müller Groß, Zoë", "müller groß zoe"),
        (LOWER, "Groß Łódź Ærø", "gross lodz aero"),
        (UPPER, "Straße", "STRASSE"),
        (LOWER, "e\u0301clair", "eclair"),
        (LOWER, "A.I. Lab (Acme)", "ai lab acme"),
        (PIECES, "agatha", "agatha"),
        (PIECES, "new york", "new york"),
    ],
)
def test_case_and_accents_are_the_models(symbols: Symbols, entry: str, expected: str) -> None:
    assert spelled([entry], symbols) == (expected,)


@pytest.mark.parametrize(
    ("symbols", "entry"),
    [(LOWER, "GPT4"), (LOWER, "東京"), (LOWER, "100 %"), (LOWER, "..."), (PIECES, "yorkag")],
)
def test_a_word_that_the_model_cannot_write_is_named(symbols: Symbols, entry: str) -> None:
    with pytest.raises(InputError, match="write them as they are spoken") as error:
        spelled(["agatha", entry], symbols)
    assert repr(entry) in str(error.value)
    assert "'agatha'" not in str(error.value)


def test_all_words_that_cannot_be_written_are_named_at_once() -> None:
    with pytest.raises(InputError, match="hot_words: 'B2B', 'K8s' cannot be spelled"):
        spelled(["B2B", "fine", "K8s"], LOWER)


def test_entries_that_come_to_the_same_are_one() -> None:
    assert spelled(["Zoe", "zoë", "", "ZOË"], LOWER) == ("zoe",)
