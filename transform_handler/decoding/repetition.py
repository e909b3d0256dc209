"""Loops of a speech-to-text model: what it wrote over and over is cut to once, and says so.

A model that writes text can fall into a loop: it repeats a phrase until it runs out of tokens. A
person says a word five times in a row now and then, and a long sentence hardly ever twice; so the
shorter a phrase, the more often it may stand there.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from transform_handler.records import Word

REPETITION = "repetition"
"""The flag of a word after which, or within which, repetitions were cut."""
TOKEN_LIMIT = "token_limit"  # noqa: S105 - a flag's name
"""The flag of the last word of a window in which the model ran out of tokens."""

LONGEST_PHRASE = 60
_TIMES = ((1, 6), (2, 5), (8, 4), (LONGEST_PHRASE, 3))
# Longer than any word that people write, of one piece over and over: "hahahaha", or a script
# that parts no words.
_WITHIN_A_WORD = re.compile(r"(.{1,20}?)\1{4,}")
_LONGEST_WORD = 40


def without_loops(words: Sequence[Word], *, unfinished: bool) -> list[Word]:
    """The words of a window, each loop cut to its first turn, whose last word is flagged.

    A phrase of one word is a loop from the sixth time in a row on, of two words from the fifth, of
    up to eight from the fourth, of up to sixty from the third. Case and punctuation do not count.
    ``unfinished`` means that the model ran out of tokens: the turn that it was in goes as well, and
    the last word is flagged whether a loop was found or not.
    """
    words = [_once(word) for word in words]
    folded = [_folded(word.text) for word in words]
    kept: list[Word] = []
    place = 0
    while place < len(words):
        size, times = _loop(folded, place)
        kept += words[place : place + size]
        if times > 1:
            kept[-1] = _flagged(kept[-1], REPETITION)
        phrase = folded[place : place + size]
        place += size * times
        rest = folded[place:]
        if times > 1 and unfinished and rest == phrase[: len(rest)]:
            break
    if kept and unfinished:
        kept[-1] = _flagged(kept[-1], TOKEN_LIMIT)
    return kept


def _loop(folded: Sequence[str], place: int) -> tuple[int, int]:
    """Words in the shortest phrase that is a loop from ``place`` on, and its turns; else 1, 1."""
    for size in range(1, min(LONGEST_PHRASE, (len(folded) - place) // 3) + 1):
        phrase = folded[place : place + size]
        times = 1
        while folded[place + times * size : place + (times + 1) * size] == phrase:
            times += 1
        if times >= next(least for longest, least in _TIMES if size <= longest):
            return size, times
    return 1, 1


def _once(word: Word) -> Word:
    if len(word.text) <= _LONGEST_WORD:
        return word
    text = _WITHIN_A_WORD.sub(r"\1", word.text)
    return word if text == word.text else _flagged(replace(word, text=text), REPETITION)


def _flagged(word: Word, flag: str) -> Word:
    return replace(word, flags=tuple(sorted({*word.flags, flag})))


def _folded(text: str) -> str:
    return re.sub(r"\W", "", text).casefold() or text
