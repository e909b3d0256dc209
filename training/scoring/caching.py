"""Rules that remember what they have seen: a language has few words, and says them often."""

from __future__ import annotations

from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

# Texts above this many characters are normalised afresh: keeping them would hold whole meetings.
_CACHED_CHARACTERS = 500
_CACHED_TEXTS = 20_000
_CACHED_WORDS = 65_536
_LONGEST_WORD = 40

Made = TypeVar("Made")


class WordCache(dict[str, Made], Generic[Made]):
    """What a function makes of each word, remembered: a look-up costs no call of Python's.

    Words of more than 40 characters are made afresh, and a full cache begins anew, so that no
    text makes it large.
    """

    def __init__(self, make: Callable[[str], Made]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, word: str) -> Made:
        made = self._make(word)
        if len(word) <= _LONGEST_WORD:
            if len(self) >= _CACHED_WORDS:
                self.clear()
            self[word] = made
        return made


class CachedRule:
    """A normaliser that remembers short texts: the rule, not the alignment, is the slow part."""

    @cached_property
    def alone(self) -> Mapping[str, tuple[str, ...]]:
        """What becomes of a word that stands alone."""
        return WordCache(lambda word: tuple(self._normalize(word).split()))

    def __call__(self, text: str) -> str:
        if len(text) > _CACHED_CHARACTERS:
            return self._normalize(text)
        return self._cached(text)

    @cached_property
    def _cached(self) -> Callable[[str], str]:
        return lru_cache(maxsize=_CACHED_TEXTS)(self._normalize)

    def _normalize(self, text: str) -> str:
        raise NotImplementedError
