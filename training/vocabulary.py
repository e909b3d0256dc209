"""The symbols that a CTC model writes: one character each, and a blank."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from transform_handler.ctc import Alphabet

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

BLANK = "[PAD]"
UNKNOWN = "[UNK]"
DELIMITER = "|"


class VocabularyError(ValueError):
    """Text that the vocabulary cannot write."""


@dataclass(frozen=True, kw_only=True)
class Vocabulary:
    """Symbols by id; `delimiter` stands for the space between words."""

    ids: Mapping[str, int]
    blank: str = BLANK
    unknown: str = UNKNOWN
    delimiter: str = DELIMITER

    @property
    def blank_id(self) -> int:
        return self.ids[self.blank]

    @cached_property
    def _symbols(self) -> dict[int, str]:
        return {index: symbol for symbol, index in self.ids.items()}

    @cached_property
    def _specials(self) -> frozenset[str]:
        return frozenset(s for s in self.ids if len(s) > 1)

    @cached_property
    def alphabet(self) -> Alphabet:
        """What the handler's decoder reads."""
        return Alphabet.from_vocabulary(
            self.ids, blank=self.blank_id, delimiter=self.delimiter, specials=self._specials
        )

    @cached_property
    def letters(self) -> frozenset[str]:
        """Single characters that text may hold, the space among them."""
        return frozenset(self.ids) - self._specials - {self.delimiter} | {" "}

    def fold(self, text: str) -> str:
        """Text with single spaces, in the case that the vocabulary writes."""
        joined = " ".join(text.split())
        if self.letters >= set(joined):
            return joined
        uppers = sum(letter.isupper() for letter in self.letters)
        lowers = sum(letter.islower() for letter in self.letters)
        if uppers and not lowers:
            return joined.upper()
        return joined.lower() if lowers and not uppers else joined

    def missing(self, text: str) -> str:
        """The characters of folded `text` that no symbol writes, sorted."""
        return "".join(sorted(set(self.fold(text)) - self.letters))

    def encode(self, text: str) -> list[int]:
        """Ids of `text`, one a character.

        Raises:
            VocabularyError: characters without a symbol, named.
        """
        if strange := self.missing(text):
            raise VocabularyError(
                f"the vocabulary has no symbol for {', '.join(map(repr, strange))} in {text!r}: "
                "clean the labels, or train a model with a vocabulary that has them"
            )
        return [self.ids[self.delimiter if c == " " else c] for c in self.fold(text)]

    def decode(self, ids: Sequence[int]) -> str:
        """Text of label ids, without a CTC collapse; special symbols are left out."""
        symbols = (self._symbols[index] for index in ids)
        text = "".join(s for s in symbols if s not in self._specials)
        return " ".join(text.replace(self.delimiter, " ").split())


def build_vocabulary(texts: Iterable[str]) -> Vocabulary:
    """The sorted characters of `texts` after blank (id 0), unknown and word delimiter.

    The blank comes first, so that a row of predictions filled with zeros is silence.
    """
    letters = sorted(set().union(*map(set, texts)) - set(" \t\n"))
    if DELIMITER in letters:
        raise VocabularyError(f"{DELIMITER!r} stands for the space and cannot be in a label")
    return Vocabulary(ids={s: i for i, s in enumerate((BLANK, UNKNOWN, DELIMITER, *letters))})


def vocabulary_of(tokenizer: Any) -> Vocabulary:
    """The vocabulary of a `Wav2Vec2CTCTokenizer`, as it is."""
    return Vocabulary(
        ids=dict(sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])),
        blank=tokenizer.pad_token,
        unknown=tokenizer.unk_token,
        delimiter=tokenizer.word_delimiter_token,
    )


def write_vocabulary(vocabulary: Vocabulary, path: Path) -> None:
    """Write the `vocab.json` that a `Wav2Vec2CTCTokenizer` reads."""
    path.write_text(json.dumps(dict(vocabulary.ids), ensure_ascii=False, indent=1) + "\n", "utf-8")
