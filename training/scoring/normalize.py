"""Text normalisation for scoring: which spellings count as the same word.

A rate means something only beside the name of the rule that made it, so each normaliser carries
its name and version, and reports print it.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from functools import cached_property
from typing import Protocol

from training.scoring.caching import CachedRule, WordCache
from training.scoring.custom import Customised, CustomRules
from training.scoring.english import WhisperEnglish
from training.scoring.languages import Unit, primary_subtag, unit_for
from training.scoring.text import (
    ZERO_WIDTH,
    clean,
    plain_apostrophes,
    raw_tokens,
    without_non_speech,
)

__all__ = ["Normalizer", "clean", "normalizer_for", "normalizer_named", "raw_tokens"]


class Normalizer(Protocol):
    """A rule that maps a text to the form in which it is scored."""

    @property
    def name(self) -> str:
        """The rule with its version, as printed beside every rate made with it."""
        ...

    @property
    def unit(self) -> Unit:
        """What the tokens of a scored text are."""
        ...

    @property
    def alone(self) -> Mapping[str, tuple[str, ...]]:
        """The tokens of any word that stands alone, remembered."""
        ...

    def __call__(self, text: str) -> str:
        """The text in its scored form: tokens with one space between."""
        ...


class UnicodeText(CachedRule):
    """A rule for any script: compatibility caseless text without punctuation and symbols.

    Caseless matching is the Unicode Standard's (section 3.13, D146). Combining marks stay, so
    that Hindi, Malayalam and Thai words do not fall to pieces as they do under Whisper's
    BasicTextNormalizer, and so does an apostrophe between two letters (п'ять, l'heure). Marks of
    what is no speech (``[noise]``) go with what stands in them.
    """

    unit: Unit = "word"

    @property
    def name(self) -> str:
        return f"nightscribe-unicode 2, Unicode {unicodedata.unidata_version}"

    def _normalize(self, text: str) -> str:
        # No step looks beyond the spaces around a word, so a word need be looked at only once.
        plain = text if text.isascii() else ZERO_WIDTH.sub("", text)
        words = without_non_speech(plain).split()
        return " ".join(filter(None, map(self._words.__getitem__, words)))

    @cached_property
    def _words(self) -> WordCache[str]:
        return WordCache(folded)


class UnicodeCharacters(UnicodeText):
    """The same rule for languages without spaces between words: each character is a token.

    Spaces that somebody typed are no characters, so the rate is a character error rate that does
    not depend on them.
    """

    unit: Unit = "character"

    @property
    def name(self) -> str:
        return f"{super().name}, by character"

    def _normalize(self, text: str) -> str:
        return " ".join(super()._normalize(text).replace(" ", ""))


def folded(text: str) -> str:
    """Text without case and compatibility forms, with spaces for punctuation and symbols."""
    # Twice, because the first pass can uncover letters in capitals (㎖, ℡, ᾳ).
    caseless = unicodedata.normalize("NFD", text).casefold()
    caseless = unicodedata.normalize("NFKD", caseless).casefold()
    plain = plain_apostrophes(unicodedata.normalize("NFKC", caseless))
    return clean("".join(_kept(plain, index) for index in range(len(plain))))


def _kept(text: str, index: int) -> str:
    """The character at an index, or the space that stands for punctuation, symbols, controls."""
    character = text[index]
    if character == "'":
        inside = (
            0 < index < len(text) - 1 and _in_word(text[index - 1]) and _in_word(text[index + 1])
        )
        return character if inside else " "
    return " " if unicodedata.category(character)[0] in "PSZC" else character


def _in_word(character: str) -> bool:
    return unicodedata.category(character)[0] in "LM"


def normalizer_for(language: str | None, custom: CustomRules | None = None) -> Normalizer:
    """The rule for a language (BCP 47, ``en-GB`` is English); for None, the one for any script.

    ``custom`` rules come after it, and its name then says so.

    Raises:
        ValueError: a custom rule means nothing once it is normalised, or two contradict.
    """
    rule: Normalizer = UnicodeText()
    if primary_subtag(language) == "en":
        rule = WhisperEnglish()
    elif unit_for(language) == "character":
        rule = UnicodeCharacters()
    return Customised(rule, custom) if custom else rule


def normalizer_named(name: str, custom: CustomRules | None = None) -> Normalizer:
    """The rule with exactly this name and version, as written beside earlier scores.

    ``custom`` are the rules of that run, which its summary holds.

    Raises:
        ValueError: this installation has no such rule, so it cannot draw what was scored with it.
    """
    label = f", {custom.label}" if custom else ""
    known = {f"{normalizer_for(one).name}{label}": one for one in ("en", None, "ja")}
    if name in known:
        return normalizer_for(known[name], custom)
    here = ", ".join(f'"{one}"' for one in known)
    raise ValueError(
        f'no normaliser "{name}" here: this installation has {here}. '
        "Score the run again to use one of these."
    )
