"""What a text is worth beyond its sound: language model, hot words, number of words."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from transform_handler.decoding.hot_words import NO_MATCH, HotWords, Matches
from transform_handler.decoding.language_model import History, LanguageModel


class Context(NamedTuple):
    """What must be known of a text to score what follows it."""

    word: str
    history: History
    matches: Matches


@dataclass(frozen=True, kw_only=True)
class TextScores:
    """Natural logarithms, added to the sound's as a text grows letter by letter.

    Each score is a function of the text alone, so all that was ever given for a beginning that
    came to nothing is taken back.
    """

    language_model: LanguageModel | None = None
    hot_words: HotWords | None = None
    word_bonus: float = 0.0

    @cached_property
    def start(self) -> Context:
        """The context of the empty text."""
        history = self.language_model.start if self.language_model else None
        return Context(word="", history=history, matches=NO_MATCH)

    def extended(self, context: Context, text: str) -> tuple[Context, float]:
        """The context after ``text``, letters and spaces, and what it adds to the score."""
        gain = 0.0
        for letter in text:
            if letter == " ":
                context, added = self._parted(context)
            else:
                context, added = self._spelled(context, letter)
            gain += added
        return context, gain

    def ended(self, context: Context) -> float:
        """What the end of the text adds: its last word is then whole."""
        context, gain = self._parted(context)
        return gain + (self.hot_words.given_up(context.matches) if self.hot_words else 0.0)

    def needed(self, context: Context) -> frozenset[str]:
        """What a hot word would go on with: letters, or spaces with the letter after them."""
        if self.hot_words is None:
            return frozenset()
        return self.hot_words.openings(context.matches, begins=not context.word)

    def _spelled(self, context: Context, letter: str) -> tuple[Context, float]:
        word = context.word + letter
        if self.hot_words is None:
            return context._replace(word=word), 0.0
        matches = self.hot_words.spelled(context.matches, letter, begins=not context.word)
        gain = self.hot_words.worth(matches) - self.hot_words.worth(context.matches)
        return context._replace(word=word, matches=matches), gain

    def _parted(self, context: Context) -> tuple[Context, float]:
        if not context.word:
            return context, 0.0
        history, matches, gain = context.history, context.matches, self.word_bonus
        if self.language_model is not None:
            history, added = self.language_model.scored(history, context.word)
            gain += added
        if self.hot_words is not None:
            matches = self.hot_words.parted(matches)
            gain += self.hot_words.worth(matches) - self.hot_words.worth(context.matches)
        return Context(word="", history=history, matches=matches), gain
