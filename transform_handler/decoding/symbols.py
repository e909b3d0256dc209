"""What a beam search sees of a model's output: one blank, and the symbols that write text."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from transform_handler.decoding.greedy import WORD_START, Alphabet

BLANK = 0
"""The symbol for every output that writes nothing."""


@dataclass(frozen=True, kw_only=True)
class Symbols:
    """Symbols in place of output ids: 0 is the blank, the others are ``ids[1:]``.

    ``texts`` says what each writes; a space is the border of a word, wherever it stands.
    """

    ids: tuple[int, ...]
    texts: tuple[str, ...]
    delimiter: int | None

    @classmethod
    def of(cls, alphabet: Alphabet) -> Symbols:
        """The symbols of an alphabet: every id that writes a letter or parts words."""
        ids = [alphabet.blank]
        texts = [""]
        for token in range(len(alphabet.tokens)):
            text = " " if token == alphabet.delimiter else _text(alphabet.text_of(token))
            if text:
                ids.append(token)
                texts.append(text)
        delimiter = None if alphabet.delimiter is None else ids.index(alphabet.delimiter)
        return cls(ids=tuple(ids), texts=tuple(texts), delimiter=delimiter)

    @property
    def part_words(self) -> bool:
        """Whether text has word borders at all."""
        return any(text.startswith(" ") for text in self.texts)

    @cached_property
    def letters(self) -> frozenset[str]:
        """Every character that some symbol writes, but the space."""
        return frozenset("".join(self.texts)) - {" "}

    def beginning_with(self, openings: frozenset[str]) -> frozenset[int]:
        """Symbols whose text begins with one of these: a letter, or a space and a letter."""
        return frozenset(
            symbol for opening in openings for symbol in self._by_opening.get(opening, ())
        )

    @cached_property
    def _by_opening(self) -> dict[str, tuple[int, ...]]:
        found: dict[str, tuple[int, ...]] = {}
        for symbol, text in enumerate(self.texts[1:], start=1):
            opening = text[:2] if text.startswith(" ") else text[0]
            found[opening] = (*found.get(opening, ()), symbol)
        return found

    def fold(self, distribution: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """Log-probabilities of symbols, shape (n_frames, n_symbols), from those of all ids.

        What writes nothing (padding, unknown letters) parts repeats as the blank does, so the
        blank stands for all of it.
        """
        ids = np.asarray(self.ids)
        silent = np.setdiff1d(np.arange(distribution.shape[1]), ids[1:])
        with np.errstate(divide="ignore"):
            blank = np.log(np.exp(distribution[:, silent].astype(np.float64)).sum(axis=1))
        folded = distribution[:, ids].astype(np.float64)
        folded[:, BLANK] = blank
        return folded

    def text_of(self, sequence: tuple[int, ...]) -> str:
        """Words of a sequence of symbols, parted by single spaces."""
        return " ".join("".join(self.texts[symbol] for symbol in sequence).split())

    def normal(self, path: npt.NDArray[np.intp]) -> tuple[int, ...]:
        """A symbol for each frame, shape (n_frames,), as a sequence: repeats and blanks dropped.

        Delimiters stand once between words, and not at the ends.
        """
        changed = np.append(True, path[1:] != path[:-1]) if len(path) else np.zeros(0, dtype=bool)
        sequence: list[int] = []
        for symbol in path[changed & (path != BLANK)].tolist():
            last = sequence[-1] if sequence else self.delimiter
            if symbol != self.delimiter or last != self.delimiter:
                sequence.append(symbol)
        if sequence and sequence[-1] == self.delimiter:
            sequence.pop()
        return tuple(sequence)


def _text(token: str) -> str:
    """SentencePiece's mark of a word's beginning as a space."""
    return " " + token.removeprefix(WORD_START) if token.startswith(WORD_START) else token
