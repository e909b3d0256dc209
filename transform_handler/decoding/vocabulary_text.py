"""Text of SentencePiece tokens from their vocabulary alone.

Reading a model's tokens needs no SentencePiece: a text is its pieces in a row, in which ``▁`` is a
space. Only to cut text into pieces would its model be needed, and nobody does that here.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from manifests.errors import InputError

_SPACE = "▁"
_VOCABULARY, _SENTENCEPIECE, _FAST = "vocab.json", "sentencepiece.bpe.model", "tokenizer.json"
_SPECIALS = frozenset({"<s>", "</s>", "<pad>", "<unk>"})


@dataclass(frozen=True, kw_only=True)
class VocabularyText:
    """Makes text of token ids; ``pieces`` are the vocabulary's, by id."""

    pieces: dict[int, str]

    @classmethod
    def read(cls, folder: Path) -> Self | None:
        """That of a model folder; None where it has another kind of tokenizer.

        Raises:
            InputError: its vocabulary cannot be read.
        """
        path = folder / _VOCABULARY
        if not (folder / _SENTENCEPIECE).is_file() or (folder / _FAST).is_file():
            return None
        try:
            vocabulary = json.loads(path.read_text("utf-8"))
            return cls(pieces={int(number): str(piece) for piece, number in vocabulary.items()})
        except (OSError, ValueError, AttributeError, TypeError) as error:
            raise InputError(f"{path}: the vocabulary cannot be read: {error}") from error

    def __call__(self, tokens: Sequence[int]) -> str:
        """The text of tokens, without special ones and those that name a language."""
        pieces = [self.pieces.get(token, "") for token in tokens]
        spoken = [one for one in pieces if one not in _SPECIALS and not one.startswith("<lang:")]
        return "".join(spoken).replace(_SPACE, " ").strip()
