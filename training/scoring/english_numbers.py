"""English numbers in figures, by whisper-normalizer's rules, stretch by stretch."""

from __future__ import annotations

import re
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_SYMBOLS = frozenset(".%$¢€£")
# Words that belong to a number only in company: "two hundred and five", "five and a half".
_JOINING = frozenset({"and", "a", "half"})
# "Oh" is a nought beside a figure and an exclamation elsewhere.
_NOUGHTS = frozenset({"o", "oh"})
# What the rules join to a figure before it.
_SUFFIXES = frozenset({"st", "nd", "rd", "th", "s"})
_LONGEST = 40
"""Tokens of a stretch that is remembered; longer ones are lists of figures, never seen again."""


class EnglishNumbers:
    """Figures for number words: ``twenty five dollars`` is ``$25``.

    whisper-normalizer walks through the whole text; here only stretches with a number word, a
    figure or a symbol go through its rules, which give the same (property test) and cost less.
    """

    @cached_property
    def _rules(self) -> Any:
        # Imported here: most imports of this package never score.
        from whisper_normalizer.english import EnglishNumberNormalizer  # noqa: PLC0415

        return EnglishNumberNormalizer()

    @cached_property
    def _words(self) -> frozenset[str]:
        return frozenset(self._rules.words) - _JOINING

    def concerns(self, token: str) -> bool:
        """Whether a token alone is reason enough to look for a number."""
        return token in self._words or any(
            character in _SYMBOLS or character.isdigit() for character in token
        )

    def __call__(self, tokens: Sequence[str]) -> list[str]:
        """The tokens with figures for numbers."""
        found: list[str] = []
        stretch: list[str] = []
        for token in tokens:
            suffix = bool(stretch) and token in _SUFFIXES
            if suffix or token in _JOINING or self._cached_concern(token):
                stretch.append(token)
            else:
                if stretch:
                    found += self._figures(stretch)
                    stretch = []
                found.append(token)
        return [*found, *self._figures(stretch)] if stretch else found

    def _figures(self, stretch: list[str]) -> Sequence[str]:
        if not any(token not in _JOINING and token not in _NOUGHTS for token in stretch):
            return stretch
        if len(stretch) > _LONGEST:
            return self._converted(tuple(stretch))
        return self._cached_figures(tuple(stretch))

    def _converted(self, stretch: tuple[str, ...]) -> tuple[str, ...]:
        try:
            figures = self._rules(" ".join(stretch))
        except (AssertionError, ValueError):
            # The rules give up on thousands of digits in a row, which a model caught in a loop
            # does write. Only the words in question go without a rule, not the recording.
            if len(stretch) == 1:
                return stretch
            half = len(stretch) // 2
            return self._converted(stretch[:half]) + self._converted(stretch[half:])
        return tuple(without_stray_symbols(figures).split())

    @cached_property
    def _cached_figures(self) -> Callable[[tuple[str, ...]], tuple[str, ...]]:
        return lru_cache(maxsize=20_000)(self._converted)

    @cached_property
    def _cached_concern(self) -> Callable[[str], bool]:
        return lru_cache(maxsize=50_000)(self.concerns)


def without_stray_symbols(text: str) -> str:
    """Currency signs only before a figure, per cent only after one; the rest are no words."""
    # The spaces let a symbol at either end be seen as a stray one.
    plain = re.sub(r"[.$¢€£](?![0-9])", " ", f" {text} ")
    return re.sub(r"(?<![0-9])%", " ", plain)
