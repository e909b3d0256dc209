"""Words that are expected: attendees, products, places; each letter of one is made likelier."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from typing import NamedTuple

from manifests.errors import InputError
from transform_handler.decoding.symbols import Symbols

# Letters that no decomposition turns into others.
_PLAIN = str.maketrans(
    {"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i"}
)
_QUOTES = str.maketrans("’‘ʼ", "'''")
_DROPPED = frozenset('.,!?"“”„()')
_PARTING = frozenset("-‐‑–/_&+")


class _Match(NamedTuple):
    """A hot word on its way: its node in the tree, its letters so far, those paid already."""

    node: int
    letters: int
    paid: int


class Matches(NamedTuple):
    """What of a text is hot: letters of whole hot words, and those that may become one."""

    paid: int
    running: tuple[_Match, ...]


NO_MATCH = Matches(paid=0, running=())


class HotWords:
    """A tree of hot words and short phrases, entered where a word begins.

    A text is worth ``boost`` (a natural logarithm) for each letter of the whole hot words in it,
    and for each letter of the one that it may be in the middle of.
    """

    def __init__(self, entries: Iterable[str], *, boost: float) -> None:
        self._boost = boost
        self._children: list[dict[str, int]] = [{}]
        self._whole: set[int] = set()
        for entry in entries:
            node = 0
            for letter in entry:
                node = self._child(node, letter)
            self._whole.add(node)

    def _child(self, node: int, letter: str) -> int:
        if letter not in self._children[node]:
            self._children[node][letter] = len(self._children)
            self._children.append({})
        return self._children[node][letter]

    def worth(self, matches: Matches) -> float:
        """What a text with these matches is worth."""
        ahead = max((one.letters - one.paid for one in matches.running), default=0)
        return self._boost * (matches.paid + ahead)

    def spelled(self, matches: Matches, letter: str, *, begins: bool) -> Matches:
        """The matches after one more letter, which may begin a word."""
        running = (*matches.running, _Match(0, 0, 0)) if begins else matches.running
        return Matches(matches.paid, self._followed(running, letter, 1))

    def parted(self, matches: Matches) -> Matches:
        """The matches after the end of a word: whole ones are paid, each letter once."""
        whole = [one for one in matches.running if one.node in self._whole]
        if not whole:
            return Matches(matches.paid, self._followed(matches.running, " ", 0))
        longest = max(whole, key=lambda one: one.letters)
        running = tuple(
            one._replace(paid=max(one.paid, min(one.letters, longest.letters)))
            for one in matches.running
        )
        paid = matches.paid + longest.letters - longest.paid
        return Matches(paid, self._followed(running, " ", 0))

    def openings(self, matches: Matches, *, begins: bool) -> frozenset[str]:
        """What text may come next in a hot word: a letter, or a space and the letter after it."""
        first = self._children[0]
        found = {f" {letter}" for letter in first} | (set(first) if begins else set())
        for one in matches.running:
            for letter in self._children[one.node]:
                found.add(letter)
            if one.node in self._whole:
                found.add(" ")
        return frozenset(found)

    def given_up(self, matches: Matches) -> float:
        """What is lost where the text ends: all that is not whole."""
        return self.worth(matches._replace(running=())) - self.worth(matches)

    def _followed(self, running: tuple[_Match, ...], letter: str, added: int) -> tuple[_Match, ...]:
        return tuple(
            _Match(node, one.letters + added, one.paid)
            for one in running
            if (node := self._children[one.node].get(letter)) is not None
        )


def spelled(entries: Iterable[str], symbols: Symbols) -> tuple[str, ...]:
    """Hot words in the letters that the model writes: its case, its accents.

    Raises:
        InputError: naming those that it cannot write, such as digits.
    """
    found = {entry: _in_letters(entry, symbols) for entry in entries if entry.strip()}
    bad = [entry for entry, text in found.items() if not text or not _writable(text, symbols)]
    if bad:
        raise InputError(
            f"[decode] hot_words: {', '.join(map(repr, bad))} cannot be spelled with the letters "
            f"of this model ({''.join(sorted(symbols.letters))[:60]}); write them as they are "
            "spoken, digits in words"
        )
    return tuple(sorted({text for text in found.values() if text}))


def _in_letters(entry: str, symbols: Symbols) -> str:
    text = unicodedata.normalize("NFC", entry).translate(_QUOTES)
    return " ".join("".join(_letters(letter, symbols.letters) for letter in text).split())


def _letters(letter: str, known: frozenset[str]) -> str:
    """One letter as the model writes it; as it is, if it cannot."""
    for form in (letter, letter.lower(), letter.upper()):
        if len(form) == 1 and form in known:
            return form
    if letter.isspace() or letter in _PARTING:
        return " "
    if letter in _DROPPED:
        return ""
    plain = _without_marks(letter.lower().translate(_PLAIN))
    return letter if plain == letter else "".join(_letters(one, known) for one in plain)


def _without_marks(text: str) -> str:
    parts = unicodedata.normalize("NFKD", text)
    return "".join(one for one in parts if not unicodedata.combining(one))


def _writable(text: str, symbols: Symbols) -> bool:
    """Whether symbols, one after the other, write the text from the beginning of a word."""
    wanted = f" {text}"
    pieces = frozenset(symbols.texts[1:])
    longest = max(map(len, pieces), default=0)
    # A delimiter stands between words only, and may be missing before the first.
    reached = {0, 1} if symbols.delimiter is not None else {0}
    for end in range(1, len(wanted) + 1):
        starts = range(max(0, end - longest), end)
        if any(start in reached and wanted[start:end] in pieces for start in starts):
            reached.add(end)
    return len(wanted) in reached
