"""Word times of synthesised speech, from the times at which flite says that each phone ends."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cache


@dataclass(frozen=True, kw_only=True)
class Word:
    """A spoken word; times in seconds."""

    text: str
    start: float
    end: float


@dataclass(frozen=True, kw_only=True)
class Phone:
    """A sound of speech; `pau` is a pause."""

    name: str
    start: float
    end: float


def parse_phones(printed: str) -> list[Phone]:
    """The phones of flite's `-psdur` output (`name:end name:end …`)."""
    phones: list[Phone] = []
    for entry in printed.split():
        name, _, end = entry.rpartition(":")
        phones.append(Phone(name=name, start=phones[-1].end if phones else 0.0, end=float(end)))
    return phones


def words_of(text: str, phones: list[Phone]) -> list[Word]:
    """Times of each word, from an alignment of the phones with those of the words said alone.

    A phone that changed in context ("the" before a vowel) lies between phones that did not, and
    goes to the word that it stands in; pauses belong to no word.
    """
    words = text.split()
    spoken = [phone for phone in phones if phone.name != "pau"]
    expected = [(index, name) for index, word in enumerate(words) for name in _alone(word)]
    owners = _owners([name for _, name in expected], [p.name for p in spoken], expected)
    found = []
    for index, word in enumerate(words):
        own = [phone for phone, owner in zip(spoken, owners, strict=True) if owner == index]
        if not own:
            raise RuntimeError(f"no sound was found for {word!r} in {text!r}")
        found.append(Word(text=word, start=own[0].start, end=own[-1].end))
    return found


def _owners(names: list[str], said: list[str], expected: list[tuple[int, str]]) -> list[int]:
    owners = [-1] * len(said)
    for tag, a0, a1, b0, b1 in SequenceMatcher(None, names, said, autojunk=False).get_opcodes():
        for offset in range(b1 - b0):
            if tag == "insert":
                owners[b0 + offset] = expected[max(a0 - 1, 0)][0]
            else:
                owners[b0 + offset] = expected[min(a0 + offset, a1 - 1)][0]
    return owners


@cache
def _alone(word: str) -> tuple[str, ...]:
    done = subprocess.run(
        ["flite", "-voice", "slt", "-ps", "-t", word, "-o", "none"],
        capture_output=True,
        check=True,
        text=True,
    )
    return tuple(name for name in done.stdout.split() if name != "pau")
