"""English as it is said, where the way it is written hides that: times, streets, acronyms, signs.

Most of these rules read capitals and punctuation, so they come before everything that takes them
away; ``spelled`` comes last.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import groupby

_TIME = re.compile(r"(?<![\d:])([01]?\d|2[0-3]):([0-5]\d)(?![\d:])(\s*[ap]\.?m\b)?", re.IGNORECASE)
_ACRONYM = re.compile(r"(?<![\w.'])(?:(?:[A-Za-z]\.){2,}(?!\w)|(?:[A-Za-z]\.)+[A-Za-z](?![\w.']))")
_AND = re.compile(r"\s*&\s*")
_ATT = re.compile(r"\ba ?t and t\b", re.IGNORECASE)
_PER_CENT = re.compile(r"(?<=\d)\s+%")
_ST = re.compile(r"\bst\b\.?", re.IGNORECASE)
# What begins a sentence after "Main St.", and is no saint.
_OPENING_WORDS = (
    "the a an and but or so we he she it they you i this that these those there in on at for to "
    "my our your his her its if when what who where how why is are was do does did can then"
)
_OPENERS = frozenset(_OPENING_WORDS.split())

# No word is written without a vowel (y is one, in "my"), but for these sounds and "nth".
_CONSONANTS = frozenset("bcdfghjklmnpqrstvwxz")
_SOUNDS = frozenset(["brr", "hm", "mm", "nth", "pfft", "psst", "pst", "sh", "shh", "tsk", "zzz"])


def is_capitals_only(text: str) -> bool:
    """Whether there are capitals and no small letters: then case says nothing."""
    return text.upper() == text and text.lower() != text


def as_said(text: str) -> str:
    """The text with times, streets, acronyms, ``&`` and ``%`` as a person says them."""
    if ":" in text:
        text = _TIME.sub(_time, text)
    if "." in text:
        text = _ACRONYM.sub(lambda found: found.group().replace(".", ""), text)
    if "&" in text:
        text = _AND.sub(" and ", text)
    if "t and t" in text or "T and T" in text:
        text = _ATT.sub("att", text)
    if "%" in text:
        text = _PER_CENT.sub("%", text)
    return _ST.sub(_street, text) if " st" in text.lower() else text


def _time(found: re.Match[str]) -> str:
    hour, minutes, half = int(found[1]), found[2], found[3] or ""
    if minutes != "00":
        return f"{hour}{minutes}{half}"
    return f"{hour}{half}" if half else f"{hour} o'clock"


def _street(found: re.Match[str]) -> str:
    """A street for "Main St.", and what was written for "St. John"."""
    text, start, end = found.string, found.start(), found.end()
    before, after = text[:start].split()[-1:], text[end:].split()[:1]
    if not before:
        return found.group()
    if text.lower() == text:
        return found.group() if after else "street"
    named = before[0][0].isupper() or before[0][0].isdigit()
    follows = bool(after) and after[0][0].isupper() and after[0].lower() not in _OPENERS
    return "street" if named and not follows else found.group()


def spelled(tokens: Sequence[str]) -> Sequence[str]:
    """Scored tokens with ``bbc`` for ``b b c``: what nobody can say but letter by letter.

    Letters with a vowel among them stay apart: ``i t`` is not ``it``, nor ``c a t`` a cat.
    """
    if _CONSONANTS.isdisjoint(tokens):
        return tokens
    found: list[str] = []
    for letters, group in groupby(tokens, key=_CONSONANTS.__contains__):
        run = list(group)
        word = "".join(run)
        found += [word] if letters and word not in _SOUNDS else run
    return found
