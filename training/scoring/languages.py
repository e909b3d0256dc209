"""Languages by how they are scored: which are English, and which put no spaces between words."""

from __future__ import annotations

from typing import Literal

Unit = Literal["word", "character"]

# Chinese in its forms, Japanese, Thai, Lao, Khmer, Burmese, Shan, Mon, Tibetan, Dzongkha. Unicode
# line breaking (UAX 14, class SA) asks for a dictionary in the South-East Asian ones, and puts a
# break between any two ideographs. Korean writes spaces, and is scored by word.
_TAGS = "zh cmn yue wuu nan hak gan hsn lzh ja th lo km my shn mnw bo dz"
UNSPACED = frozenset(_TAGS.split())


def primary_subtag(language: str | None) -> str:
    """The language proper of a BCP 47 tag: ``en`` of ``en-GB``; empty for None."""
    return (language or "").replace("_", "-").split("-")[0].lower()


def unit_for(language: str | None) -> Unit:
    """What the headline rate of a language counts: words, or characters where words have no ends.

    Where a text is not cut into words, a word error rate says where a writer put spaces.
    """
    return "character" if primary_subtag(language) in UNSPACED else "word"
