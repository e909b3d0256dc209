"""A language model prefers likely words, and makes no word impossible."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from manifests.errors import InputError
from tests.transform_handler.distributions import letters, normalised, says
from transform_handler.decoding.beam import BeamSearch
from transform_handler.decoding.hot_words import HotWords
from transform_handler.decoding.language_model import LanguageModel
from transform_handler.decoding.symbols import Symbols
from transform_handler.decoding.text_scores import TextScores

ARPA = """\\data\\
ngram 1=6
ngram 2=2

\\1-grams:
-4.0\t<unk>
-99\t<s>\t-0.3
-1.0\t</s>
-1.0\tred\t-0.3
-1.5\twine\t-0.3
-1.5\twhine\t-0.3

\\2-grams:
-0.2\tred wine
-0.5\twine </s>

\\end\\
"""


@pytest.fixture
def arpa(tmp_path: Path) -> Path:
    path = tmp_path / "words.arpa"
    path.write_text(ARPA)
    return path


def total(model: LanguageModel, *words: str) -> float:
    """log10 of the probability of words, of which the first follows nothing."""
    history, found = model.start, 0.0
    for word in words:
        history, score = model.scored(history, word)
        found += score / math.log(10) / model.weight
    return found


@pytest.mark.parametrize("weight", [0.5, 2.0])
def test_words_are_scored_by_those_before(arpa: Path, weight: float) -> None:
    model = LanguageModel.read(arpa, weight=weight)
    assert total(model, "red") == pytest.approx(-1.0)
    assert total(model, "red", "wine") == pytest.approx(-1.2)
    assert total(model, "red", "whine") == pytest.approx(-1.0 - 0.3 - 1.5)
    assert total(model, "RED", "Wine") == pytest.approx(-1.2)


def test_an_unknown_word_is_unlikely_and_an_expected_one_less_so(arpa: Path) -> None:
    model = LanguageModel.read(arpa, weight=1.0, expected=frozenset({"agatha"}))
    assert total(model, "bernard") == pytest.approx(-4.0)
    assert total(model, "agatha") == pytest.approx(-3.0)


def test_a_model_without_unknown_words_makes_none_impossible(arpa: Path) -> None:
    arpa.write_text(ARPA.replace("-4.0\t<unk>\n", "").replace("1=6", "1=5"))
    assert total(LanguageModel.read(arpa, weight=1.0), "bernard") == pytest.approx(-7.0)


def test_the_likelier_word_is_written_where_the_sound_is_doubtful(arpa: Path) -> None:
    alphabet = letters()
    symbols = Symbols.of(alphabet)
    heard = np.exp(says("red whine", alphabet))
    doubtful = 2 * "red whine".index("h")
    heard[doubtful, alphabet.tokens.index("h")] = 0.6
    heard[doubtful, alphabet.blank] = 0.4
    folded = symbols.fold(normalised(heard))

    def text(weight: float, *hot: str) -> str:
        scores = TextScores(
            language_model=LanguageModel.read(arpa, weight=weight) if weight else None,
            hot_words=HotWords(hot, boost=3.0) if hot else None,
        )
        search = BeamSearch(symbols=symbols, scores=scores, width=16)
        return symbols.text_of(search.best(folded))

    assert text(0.0) == "red whine"
    assert text(1.0) == "red wine"
    assert text(1.0, "whine") == "red whine"


@pytest.mark.parametrize("content", [b"", b"not a model"])
def test_a_file_that_is_no_model_is_one_sentence(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "words.arpa"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"words\.arpa: KenLM cannot read it") as error:
        LanguageModel.read(path, weight=1.0)
    assert "\n" not in str(error.value)
