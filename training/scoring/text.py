"""Text as it is read before any rule: which characters count, where words end, what is speech."""

from __future__ import annotations

import re
import unicodedata

# Characters without width that copy-and-paste leaves in references: soft hyphen, joiners,
# direction marks, word joiner, byte order mark. The combining grapheme joiner (034F) is one too.
ZERO_WIDTH = re.compile("[\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]")
_APOSTROPHES = re.compile("['\u2019\u02bc\uff07]")
_ELLIPSIS = re.compile(r"\u2026|\.{2,}")
# No space after "<": in "a < b and c > d" something is said between the two.
_NON_SPEECH = re.compile(r"\[[^\[\]]*\]|<[^\s<>][^<>]*>|\{[^{}]*\}|(?<!\S)%[^\W\d]\w*")
_OPENING = re.compile(r"[\[<{%]")


def clean(text: str) -> str:
    """The text in NFC, without zero-width characters, with one space between words."""
    if text.isascii():
        return " ".join(text.split())
    # A zero-width character between a letter and its accent would keep NFC from joining the two.
    return " ".join(unicodedata.normalize("NFC", ZERO_WIDTH.sub("", text)).split())


def raw_tokens(text: str) -> tuple[str, ...]:
    """The words of a text as written; no-break space, tab and newline separate words too.

    jiwer splits on the plain space only, so one no-break space in a reference makes two words
    wrong that are right.
    """
    return tuple(clean(text).split())


def plain_apostrophes(text: str) -> str:
    """The text with ``'`` for every form of the apostrophe."""
    return text if text.isascii() else _APOSTROPHES.sub("'", text)


def without_ellipses(text: str) -> str:
    """The text with a space for every ellipsis, which would leave a word "." behind."""
    return _ELLIPSIS.sub(" ", text) if "\u2026" in text or ".." in text else text


def without_non_speech(text: str) -> str:
    """The text without ``[noise]``, ``<tag>``, ``{laugh}`` and ``%hesitation``.

    NIST's and LDC's ways of writing what is heard and is no word (SCTK, doc/GLMRules.txt; LDC's
    ``{laugh}``, CALLHOME's ``%um``).
    """
    return _NON_SPEECH.sub(" ", text) if _OPENING.search(text) else text
