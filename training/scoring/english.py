"""OpenAI's English rules with their known faults mended; docs/scoring.md shows each mend."""

from __future__ import annotations

import re
from functools import cached_property
from importlib.metadata import version
from typing import Any

from training.scoring.caching import CachedRule, WordCache
from training.scoring.english_numbers import EnglishNumbers
from training.scoring.english_text import as_said, is_capitals_only, spelled
from training.scoring.languages import Unit
from training.scoring.text import clean, plain_apostrophes, without_ellipses, without_non_speech

MENDS = 2
"""Version of the mends: raised whenever a text can come out otherwise."""

# "It's" is two words. What else ends in 's is nearly always a possessive: "the dog's".
_SUBJECTS = (
    "it he she that this what who where when how why there here everything something nothing "
    "anything everybody somebody nobody anybody everyone someone anyone"
)
_IS = frozenset(_SUBJECTS.split())
_FILLERS = re.compile(r"\b(?:h+m+|m{2,}|mhm+|u+h+m*|u+m+|ehm|erm+)\b")
_PARENTHESES = re.compile(r"\(([^)]+?)\)")
_SPACED_CONTRACTION = re.compile(r"\s+'(?=(?:s|re|d|ll|t|ve|m)\b)")
_WITH_S = re.compile(r"(\w*)'s\b")
_INNER_APOSTROPHE = re.compile(r"(?<=[^\W_])'(?=[^\W\d_])")
_SPELLINGS = {
    "okay": ("ok",),
    "cannot": ("can", "not"),
    "alright": ("all", "right"),
}


class WhisperEnglish(CachedRule):
    """OpenAI's English rules, as packaged by whisper-normalizer, with mends.

    Source: Radford et al. 2022, "Robust Speech Recognition via Large-Scale Weak Supervision",
    appendix C. Its tables of contractions, titles, numbers and spellings are used as they are;
    its steps are taken word by word, so that a word is looked up once.
    """

    unit: Unit = "word"

    @property
    def name(self) -> str:
        return f"whisper-english {version('whisper-normalizer')}, mended {MENDS}"

    def _normalize(self, text: str) -> str:
        plain = without_ellipses(plain_apostrophes(clean(text)))
        plain = without_non_speech(plain)
        if is_capitals_only(plain):
            plain = plain.lower()
        plain = as_said(plain).lower()
        if "(" in plain:
            plain = _PARENTHESES.sub(" ", plain)
        if "'" in plain:
            plain = self._perfect(_SPACED_CONTRACTION.sub("'", plain))
        tokens: list[str] = []
        numeric = False
        for parts, is_numeric in map(self._words.__getitem__, plain.split()):
            tokens += parts
            numeric |= is_numeric
        return " ".join(spelled(self._numbers(tokens) if numeric else tokens))

    def _word(self, word: str) -> tuple[tuple[str, ...], bool]:
        """The tokens of one word without spaces, and whether a number may be among them."""
        plain = _FILLERS.sub("", word)
        for pattern, replacement in self._contractions:
            plain = pattern.sub(replacement, plain)
        plain = _WITH_S.sub(_is_or_possessive, plain)
        plain = re.sub(r"(\d),(\d)", r"\1\2", plain)
        plain = re.sub(r"\.([^0-9]|$)", r" \1", plain)
        plain = _INNER_APOSTROPHE.sub("", plain)
        plain = self._library.remove_symbols_and_diacritics(plain, keep=".%$¢€£")
        tokens = [part for token in plain.split() for part in _SPELLINGS.get(token, (token,))]
        tokens = [self._spellings.get(token, token) for token in tokens]
        return tuple(tokens), any(self._numbers.concerns(token) for token in tokens)

    @cached_property
    def _words(self) -> WordCache[tuple[tuple[str, ...], bool]]:
        return WordCache(self._word)

    @cached_property
    def _library(self) -> Any:
        # Imported here: it reads a spelling list, and most imports of this package never score.
        from whisper_normalizer import english  # noqa: PLC0415

        return english

    @cached_property
    def _rules(self) -> Any:
        return self._library.EnglishTextNormalizer()

    @cached_property
    def _numbers(self) -> EnglishNumbers:
        return EnglishNumbers()

    @cached_property
    def _spellings(self) -> dict[str, str]:
        return dict(self._rules.standardize_spellings.mapping)

    @cached_property
    def _contractions(self) -> list[tuple[re.Pattern[str], str]]:
        """The library's contractions and titles, in its order, but for the 's of all words."""
        return [
            (re.compile(pattern), replacement)
            for pattern, replacement in self._rules.replacers.items()
            if " " not in pattern and pattern != r"'s\b"
        ]

    def _perfect(self, text: str) -> str:
        """The text with "she had been" for "she'd been", by the library's list."""
        for pattern, replacement in self._rules.replacers.items():
            if " " in pattern:
                text = re.sub(pattern, replacement, text)
        return text


def _is_or_possessive(found: re.Match[str]) -> str:
    return f"{found[1]} is" if found[1] in _IS else f"{found[1]}s"
