"""The words of a transcript with their times, in columns: a report holds millions of them."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import overload

_UNKNOWN = math.nan


@dataclass(frozen=True, kw_only=True, slots=True)
class TimedWord:
    """One written word, with seconds from the start of the recording."""

    text: str
    start: float
    end: float
    confidence: float | None = None


def numbers(values: Iterable[float | None] = ()) -> array[float]:
    """Values in eight bytes each; None is NaN."""
    return array("d", [_UNKNOWN if value is None else value for value in values])


def known(value: float) -> float | None:
    """A value of ``numbers``: None where it is not known."""
    return None if value != value else value  # noqa: PLR0124 (only NaN differs from itself)


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedWords(Sequence[TimedWord]):
    """Timed words in columns of one length; a word is made when it is asked for."""

    texts: tuple[str, ...] = ()
    starts: array[float] = field(default_factory=numbers)
    ends: array[float] = field(default_factory=numbers)
    confidences: array[float] = field(default_factory=numbers)

    @classmethod
    def of(cls, words: Iterable[TimedWord]) -> TimedWords:
        """The words in columns; what is in columns already stays as it is."""
        if isinstance(words, cls):
            return words
        every = list(words)
        return cls(
            texts=tuple(word.text for word in every),
            starts=numbers(word.start for word in every),
            ends=numbers(word.end for word in every),
            confidences=numbers(word.confidence for word in every),
        )

    def __len__(self) -> int:
        return len(self.texts)

    @overload
    def __getitem__(self, index: int) -> TimedWord: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[TimedWord]: ...
    def __getitem__(self, index: int | slice) -> TimedWord | Sequence[TimedWord]:
        if isinstance(index, slice):
            return [self[at] for at in range(*index.indices(len(self)))]
        return TimedWord(
            text=self.texts[index],
            start=self.starts[index],
            end=self.ends[index],
            confidence=known(self.confidences[index]),
        )

    def __iter__(self) -> Iterator[TimedWord]:
        return (self[at] for at in range(len(self)))
