"""Text normalisation for scoring: which spellings count as the same word.

A rate means something only beside the name of the rule that made it, so each normaliser carries
its name and version, and reports print it.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cached_property, lru_cache
from importlib.metadata import version
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

# Characters without width that copy-and-paste leaves in references: soft hyphen, joiners,
# direction marks, word joiner, byte order mark. The combining grapheme joiner (034F) is one too.
_ZERO_WIDTH = re.compile("[\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]")
_APOSTROPHES = re.compile("['\u2019\u02bc\uff07]")
_ELLIPSIS = re.compile(r"\u2026|\.{2,}")
# Texts above this many characters are normalised afresh: keeping them would hold whole meetings.
_CACHED_CHARACTERS = 500
_CACHED_TEXTS = 20_000


class Normalizer(Protocol):
    """A rule that maps a text to the form in which it is scored."""

    @property
    def name(self) -> str:
        """The rule with its version, as printed beside every rate made with it."""
        ...

    def __call__(self, text: str) -> str:
        """The text in its scored form: words with one space between."""
        ...


def clean(text: str) -> str:
    """The text in NFC, without zero-width characters, with one space between words."""
    # A zero-width character between a letter and its accent would keep NFC from joining the two.
    return " ".join(unicodedata.normalize("NFC", _ZERO_WIDTH.sub("", text)).split())


def raw_tokens(text: str) -> tuple[str, ...]:
    """The words of a text as written; no-break space, tab and newline separate words too.

    jiwer splits on the plain space only, so one no-break space in a reference makes two words
    wrong that are right.
    """
    return tuple(clean(text).split())


class _CachedRule:
    """A normaliser that remembers short texts: the rule, not the alignment, is the slow part."""

    def __call__(self, text: str) -> str:
        if len(text) > _CACHED_CHARACTERS:
            return self._normalize(text)
        return self._cached(text)

    @cached_property
    def _cached(self) -> Callable[[str], str]:
        return lru_cache(maxsize=_CACHED_TEXTS)(self._normalize)

    def _normalize(self, text: str) -> str:
        raise NotImplementedError


class WhisperEnglish(_CachedRule):
    """OpenAI's English rules, as packaged by whisper-normalizer.

    Source: Radford et al. 2022, "Robust Speech Recognition via Large-Scale Weak Supervision",
    appendix C. Known for its edges: "O'Brien" becomes "0 brien", ok and okay stay two words. Two
    rules are added, and named: a typographic apostrophe is an apostrophe (OpenAI's rules expand
    "don't" and tear "don’t" in two), and an ellipsis is a space (they leave a word "." behind).
    """

    @property
    def name(self) -> str:
        return f"whisper-english {version('whisper-normalizer')}, ’ as ', … as space"

    @cached_property
    def _rules(self) -> Callable[[str], str]:
        # Imported here: it reads a spelling list, and most imports of this package never score.
        from whisper_normalizer.english import EnglishTextNormalizer  # noqa: PLC0415

        rules: Callable[[str], str] = EnglishTextNormalizer()
        return rules

    def _normalize(self, text: str) -> str:
        try:
            plain = _ELLIPSIS.sub(" ", _APOSTROPHES.sub("'", clean(text)))
            return clean(self._rules(plain))
        except (AssertionError, ValueError):
            # The number rules give up on thousands of digits in a row, which a model caught in a
            # loop does write. Only the words in question go without a rule, not the recording.
            words = raw_tokens(text)
            if len(words) < 2:
                return clean(text.lower())
            half = len(words) // 2
            return clean(f"{self(' '.join(words[:half]))} {self(' '.join(words[half:]))}")


class UnicodeText(_CachedRule):
    """A rule for any script: compatibility caseless text without punctuation and symbols.

    Caseless matching is the Unicode Standard's (section 3.13, D146). Combining marks stay, so
    that Hindi, Malayalam and Thai words do not fall to pieces as they do under Whisper's
    BasicTextNormalizer, and so does an apostrophe between two letters (п'ять, l'heure).
    """

    @property
    def name(self) -> str:
        return f"nightscribe-unicode 1, Unicode {unicodedata.unidata_version}"

    def _normalize(self, text: str) -> str:
        # Twice, because the first pass can uncover letters in capitals (㎖, ℡, ᾳ).
        folded = unicodedata.normalize("NFD", _ZERO_WIDTH.sub("", text)).casefold()
        folded = unicodedata.normalize("NFKD", folded).casefold()
        plain = _APOSTROPHES.sub("'", unicodedata.normalize("NFKC", folded))
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


def normalizer_for(language: str | None) -> Normalizer:
    """The rule for a language (BCP 47, ``en-GB`` is English); for None, the one for any script."""
    primary = (language or "").replace("_", "-").split("-")[0].lower()
    return WhisperEnglish() if primary == "en" else UnicodeText()


def normalizer_named(name: str) -> Normalizer:
    """The rule with exactly this name and version, as written beside earlier scores.

    Raises:
        ValueError: this installation has no such rule, so it cannot draw what was scored with it.
    """
    rules = (WhisperEnglish(), UnicodeText())
    for rule in rules:
        if rule.name == name:
            return rule
    known = " and ".join(f'"{rule.name}"' for rule in rules)
    raise ValueError(
        f'no normaliser "{name}" here: this installation has {known}. '
        "Score the run again to use one of these."
    )
