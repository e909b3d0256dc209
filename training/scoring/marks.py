"""What a reference says about its own words: these may be missing, either of these, none of these.

``(word)`` may be left unsaid and ``{ a / b / @ }`` is any of its alternatives, ``@`` none of them,
as in NIST's references (SCTK, doc/infmts.htm and sclite's option -D). ``(( guess ))`` is a region
that nobody could make out (LDC's transcription guidelines): what is heard there is not scored.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

_OPTIONAL = re.compile(r"\(([^()]+)\)[.,;:!?]*")
_REGION_END = re.compile(r"\)\)[.,;:!?]*$")
_ALTERNATION_END = re.compile(r"^\}[.,;:!?]+$")

Kind = Literal["plain", "optional", "either", "unscored"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """Words of a reference, the first of which is word number ``first`` as written."""

    first: int
    words: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Stretch:
    """A part of a reference: ``either`` has two choices or more, every other kind has one."""

    kind: Kind
    choices: tuple[Choice, ...]


def may_mark(words: Sequence[str]) -> bool:
    """Whether a reference has anything that a mark begins with; ``stretches_of`` takes longer."""
    return any("(" in word or "{" in word for word in words)


def stretches_of(words: Sequence[str]) -> tuple[Stretch, ...] | None:
    """A reference in stretches, None where it marks nothing.

    A mark that is not closed, and an alternation within another, are words like any other.
    """
    found: list[Stretch] = []
    plain = place = 0
    while place < len(words):
        if words[place][0] not in "({":
            place += 1
            continue
        stretch, after = _marked(words, place)
        if stretch is None:
            place += 1
            continue
        found += [*_plain(words, plain, place), stretch]
        plain = place = after
    return (*found, *_plain(words, plain, len(words))) if found else None


def _plain(words: Sequence[str], start: int, end: int) -> list[Stretch]:
    return [_stretch("plain", start, words[start:end])] if start < end else []


def _stretch(kind: Kind, first: int, words: Sequence[str]) -> Stretch:
    return Stretch(kind=kind, choices=(Choice(first=first, words=tuple(words)),))


def _marked(words: Sequence[str], place: int) -> tuple[Stretch | None, int]:
    """The mark that begins at a word, and where the words after it begin."""
    word = words[place]
    if word.startswith("(("):
        return _region(words, place)
    if optional := _OPTIONAL.fullmatch(word):
        return _stretch("optional", place, [optional[1]]), place + 1
    return _alternation(words, place) if word == "{" else (None, place)


def _region(words: Sequence[str], place: int) -> tuple[Stretch | None, int]:
    for end in range(place, len(words)):
        if _REGION_END.search(words[end]):
            inner = [word.strip("()") for word in words[place : end + 1]]
            return _stretch("unscored", place, inner), end + 1
        if end > place and words[end].startswith("(("):
            break
    return None, place


def _alternation(words: Sequence[str], place: int) -> tuple[Stretch | None, int]:
    signs = ["{"]
    for at in range(place + 1, len(words)):
        signs.append(_ALTERNATION_END.sub("}", words[at]))
        if signs[-1] in ("{", "}"):
            break
    end = len(signs) - 1
    if signs[end] != "}" or "/" not in signs:
        return None, place
    choices, first = [], 1
    for at in range(1, end + 1):
        if signs[at] in ("/", "}"):
            said = tuple(word for word in signs[first:at] if word != "@")
            choices.append(Choice(first=place + first, words=said))
            first = at + 1
    return Stretch(kind="either", choices=tuple(choices)), place + end + 1
