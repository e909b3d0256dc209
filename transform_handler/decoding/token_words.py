"""Tokens of a speech-to-text model into words: which tokens make up each word of the text."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

# What a decoder writes for bytes that are no whole character yet.
_UNFINISHED = "\ufffd"


@dataclass(frozen=True, kw_only=True)
class Spelled:
    """A word and its tokens ``[first, last)``."""

    text: str
    first: int
    last: int


def spelled(tokens: Sequence[int], decode: Callable[[Sequence[int]], str]) -> list[Spelled]:
    """The words of what ``decode`` makes of the tokens: what whitespace parts, as it stands.

    Their texts with single spaces between them are the model's text, but for its whitespace. A word
    has the tokens that any of its characters come from, those that only begin a character as well.
    """
    text = decode(tokens)
    ends = _ends(tokens, decode, len(text))
    reaches = _reaches(ends)
    found = []
    first = last = 0
    for match in re.finditer(r"\S+", text):
        while first < len(ends) - 1 and reaches[first] <= match.start():
            first += 1
        last = max(first, last)
        while last < len(ends) - 1 and ends[last] < match.end():
            last += 1
        found.append(Spelled(text=match.group(), first=first, last=last + 1))
    return found


def _reaches(ends: Sequence[int]) -> list[int]:
    """As ``ends``; a token that completes nothing reaches as far as the next one that does."""
    reaches = list(ends)
    for at in range(len(ends) - 2, -1, -1):
        if ends[at] == (ends[at - 1] if at else 0):
            reaches[at] = reaches[at + 1]
    return reaches


def _ends(tokens: Sequence[int], decode: Callable[[Sequence[int]], str], length: int) -> list[int]:
    """How much of the text each token completes; the text of some tokens begins that of more."""
    ends: list[int] = []
    for count in range(1, len(tokens) + 1):
        end = len(decode(tokens[:count]).rstrip(_UNFINISHED))
        ends.append(min(length, max(end, ends[-1] if ends else 0)))
    if ends:
        ends[-1] = length
    return ends
