"""Which errors as written are formatting, and which are recognition: told error by error."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from training.scoring.align import UNIT, AlignedPair, Aligner, align
from training.scoring.caching import WordCache
from training.scoring.languages import Unit
from training.scoring.marks import may_mark
from training.scoring.provenance import TracedAlignment, TracedTokens, align_traced
from training.scoring.steps import Op
from training.scoring.text import clean

if TYPE_CHECKING:
    from training.scoring.normalize import Normalizer

Label = Literal["formatting", "recognition"]
_OPS: Mapping[str, Op] = {"S": "sub", "D": "del", "I": "ins"}


@dataclass(frozen=True, kw_only=True, slots=True)
class WrittenError:
    """An error between the texts as written and what it is.

    The indexes of its step are those of written words, or of characters (``written_errors``).
    """

    step: AlignedPair
    label: Label


@dataclass(frozen=True, kw_only=True, slots=True)
class WrittenErrors:
    """The errors of one pair: ``S``, ``D`` or ``I`` each, in small letters where it is formatting.

    ``places`` are two numbers for each: the word of the reference and that of the hypothesis, -1
    for none. Made into ``WrittenError`` only when walked: a report holds many and counts most.
    """

    letters: str = ""
    places: array[int] = field(default_factory=lambda: array("i"))

    def __len__(self) -> int:
        return len(self.letters)

    def __iter__(self) -> Iterator[WrittenError]:
        pairs = zip(self.letters, self.places[::2], self.places[1::2], strict=True)
        for letter, ref, hyp in pairs:
            yield WrittenError(
                step=AlignedPair(
                    op=_OPS[letter.upper()],
                    ref_index=None if ref < 0 else ref,
                    hyp_index=None if hyp < 0 else hyp,
                ),
                label="formatting" if letter.islower() else "recognition",
            )

    def count(self, label: Label) -> int:
        """How many errors have a label."""
        small = sum(letter.islower() for letter in self.letters)
        return small if label == "formatting" else len(self.letters) - small


@dataclass(frozen=True, kw_only=True, slots=True)
class AsWritten:
    """The rule that changes nothing."""

    unit: Unit = "word"

    @property
    def name(self) -> str:
        return "as written"

    @property
    def alone(self) -> Mapping[str, tuple[str, ...]]:
        return WordCache(lambda word: tuple(self(word).split()))

    def __call__(self, text: str) -> str:
        words = clean(text)
        return words if self.unit == "word" else " ".join(words.replace(" ", ""))


def written_errors(
    reference: Sequence[str],
    hypothesis: Sequence[str],
    normalized: TracedAlignment,
    normalizer: Normalizer,
    aligner: Aligner = UNIT,
) -> WrittenErrors:
    """The errors that ``PairScore.raw`` counts, each with its label.

    ``reference`` and ``hypothesis`` are written words, ``normalized`` is what ``align_traced``
    makes of them with the normaliser and the aligner. In languages without spaces a word can be a
    whole sentence, so characters are looked at, unless the reference has marks. An error is
    *formatting* where all that the normaliser made of its words was right, or is not scored;
    *recognition* where some of it was wrong.
    """
    marked = may_mark(reference)
    if normalizer.unit == "character" and not marked:
        reference, hypothesis = list("".join(reference)), list("".join(hypothesis))
        normalized = align_traced(reference, hypothesis, normalizer, aligner)
    raw = (
        _marked_errors(reference, hypothesis, normalizer.unit, aligner)
        if marked
        else align(reference, hypothesis, aligner).ops.errors()
    )
    wrong_said, wrong_heard = _wrong(normalized)
    letters, places = [], array("i")
    for letter, ref, hyp in raw:
        wrong = (letter != "I" and ref in wrong_said) or (letter != "D" and hyp in wrong_heard)
        letters.append(letter if wrong else letter.lower())
        places.extend((-1 if letter == "I" else ref, -1 if letter == "D" else hyp))
    return WrittenErrors(letters="".join(letters), places=places)


def _marked_errors(
    reference: Sequence[str], hypothesis: Sequence[str], unit: Unit, aligner: Aligner
) -> Iterator[tuple[str, int, int]]:
    """The errors beside a reference with marks, by numbers of written words."""
    raw = align_traced(reference, hypothesis, AsWritten(unit=unit), aligner)
    said, heard = raw.reference.first, raw.hypothesis.first
    for letter, ref, hyp in raw.ops.errors():
        yield letter, -1 if letter == "I" else said[ref], -1 if letter == "D" else heard[hyp]


def _wrong(normalized: TracedAlignment) -> tuple[set[int], set[int]]:
    """The written words of both sides behind tokens that are wrong."""
    said: set[int] = set()
    heard: set[int] = set()
    for letter, ref, hyp in normalized.ops.errors():
        if letter != "I":
            said.update(_words(normalized.reference, ref))
        if letter != "D":
            heard.update(_words(normalized.hypothesis, hyp))
    return said, heard


def _words(tokens: TracedTokens, index: int) -> Iterable[int]:
    return range(tokens.first[index], tokens.last[index] + 1)
