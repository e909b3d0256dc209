"""The symbols that a CTC model writes: one character each, and a blank."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Literal

from transform_handler.decoding.greedy import Alphabet

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from training.labels.text import TextRules

BLANK = "[PAD]"
UNKNOWN = "[UNK]"
DELIMITER = "|"
SYMBOLS_FILE = "symbols.json"
"""Beside the labels of a training set: the vocabulary that a data check chose for them."""
Mode = Literal["auto", "base", "labels"]
MODES: tuple[Mode, ...] = ("auto", "base", "labels")
# A base that cannot write more of the labels than this does not fit them.
_STRANGE_SHARE = 0.02
# The rarest characters of the labels, in no more than this share of them together, are no symbols:
# a model that hears a character in one utterance of thousands does not learn it.
_RARE_SHARE = 0.001


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

    def frames_needed(self, text: str) -> int:
        """Frames that CTC needs for `text`: one a symbol, and a blank between two equal ones."""
        labels = self.encode(text)
        return max(1, len(labels) + sum(a == b for a, b in pairwise(labels)))

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


def choose_vocabulary(
    base: Vocabulary | None, texts: Iterable[str], *, mode: Mode = "auto"
) -> Vocabulary:
    """The vocabulary for labels as ``TextRules.clean`` leaves them, without its leftovers.

    ``base`` is the base model's own, ``labels`` the characters of the labels but for the rarest
    (together in at most 0.1 % of them). ``auto`` takes the base's where it writes 98 % of the
    labels, so that its head is kept; what it cannot write, the data check quarantines.

    Raises:
        VocabularyError: there is no base to take it from, or no character in the labels.
    """
    if mode not in MODES:
        raise VocabularyError(f"vocabulary is {mode!r}; expected {', '.join(MODES)}")
    if mode == "base" and base is None:
        raise VocabularyError(
            "vocabulary is 'base', and there is no base model with one; use 'auto' or 'labels'"
        )
    labels = [text for text in texts if text.strip()]
    if base is not None and mode != "labels":
        strange = sum(bool(base.missing(text)) for text in labels)
        if mode == "base" or strange <= _STRANGE_SHARE * len(labels):
            return base
    if not labels:
        raise VocabularyError("the labels are all empty; expected texts to take a vocabulary from")
    return build_vocabulary("".join(_frequent(labels)))


def fit_text(
    base: Vocabulary | None, texts: Sequence[str], *, rules: TextRules, mode: Mode = "auto"
) -> tuple[Vocabulary, TextRules]:
    """The vocabulary for labels as they were written, and the rules in its case.

    Labels with leftovers (digits, symbols) have no say: the data check quarantines them.

    Raises:
        VocabularyError: as ``choose_vocabulary``.
    """
    cleaned = (rules.clean(text) for text in texts)
    vocabulary = choose_vocabulary(
        base, [text for text in cleaned if not rules.leftovers(text)], mode=mode
    )
    return vocabulary, rules.fitted(vocabulary)


def _frequent(labels: Sequence[str]) -> set[str]:
    """The characters of `labels` without the rarest; which of equals goes is fixed by its code."""
    counts = Counter(character for text in labels for character in set(text))
    spare = _RARE_SHARE * len(labels)
    kept = set(counts)
    for character, count in sorted(counts.items(), key=lambda item: (item[1], item[0])):
        spare -= count
        if spare < 0:
            break
        kept.discard(character)
    return kept


def tokenizer_for(vocabulary: Vocabulary) -> Any:
    """A `Wav2Vec2CTCTokenizer` that writes `vocabulary`, and no symbol more."""
    from transformers import Wav2Vec2CTCTokenizer  # noqa: PLC0415

    with TemporaryDirectory() as scratch:
        path = Path(scratch) / "vocab.json"
        write_vocabulary(vocabulary, path)
        return Wav2Vec2CTCTokenizer(
            str(path),
            pad_token=vocabulary.blank,
            unk_token=vocabulary.unknown,
            word_delimiter_token=vocabulary.delimiter,
            bos_token=None,
            eos_token=None,
        )


def vocabulary_of(tokenizer: Any) -> Vocabulary:
    """The vocabulary of a `Wav2Vec2CTCTokenizer`, as it is."""
    return Vocabulary(
        ids=dict(sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])),
        blank=tokenizer.pad_token,
        unknown=tokenizer.unk_token,
        delimiter=tokenizer.word_delimiter_token,
    )


def read_vocabulary(path: Path) -> Vocabulary:
    """What `write_vocabulary` wrote."""
    return Vocabulary(ids=json.loads(path.read_text("utf-8")))


def write_vocabulary(vocabulary: Vocabulary, path: Path) -> None:
    """Write the `vocab.json` that a `Wav2Vec2CTCTokenizer` reads."""
    path.write_text(json.dumps(dict(vocabulary.ids), ensure_ascii=False, indent=1) + "\n", "utf-8")
