"""Which errors as written are formatting, and which are recognition: told error by error."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from training.scoring.align import UNIT, AlignedPair, Aligner, align
from training.scoring.languages import Unit
from training.scoring.marks import may_mark
from training.scoring.provenance import TracedAlignment, TracedToken, align_traced
from training.scoring.text import clean

if TYPE_CHECKING:
    from training.scoring.normalize import Normalizer

Label = Literal["formatting", "recognition"]


@dataclass(frozen=True, kw_only=True, slots=True)
class WrittenError:
    """An error between the texts as written and what it is.

    The indexes of its step are those of written words, or of characters (``written_errors``).
    """

    step: AlignedPair
    label: Label


@dataclass(frozen=True, kw_only=True, slots=True)
class AsWritten:
    """The rule that changes nothing."""

    unit: Unit = "word"

    @property
    def name(self) -> str:
        return "as written"

    def __call__(self, text: str) -> str:
        words = clean(text)
        return words if self.unit == "word" else " ".join(words.replace(" ", ""))


def written_errors(
    reference: Sequence[str],
    hypothesis: Sequence[str],
    normalized: TracedAlignment,
    normalizer: Normalizer,
    aligner: Aligner = UNIT,
) -> tuple[WrittenError, ...]:
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
    if marked:
        raw = list(_marked_errors(reference, hypothesis, normalizer.unit, aligner))
    else:
        raw = [one for one in align(reference, hypothesis, aligner).ops if one.op != "hit"]
    wrong = [step for step in normalized.ops if step.op != "hit"]
    wrong_said = _words(normalized.reference, [step.ref_index for step in wrong])
    wrong_heard = _words(normalized.hypothesis, [step.hyp_index for step in wrong])
    return tuple(
        WrittenError(
            step=step,
            label="recognition"
            if step.ref_index in wrong_said or step.hyp_index in wrong_heard
            else "formatting",
        )
        for step in raw
    )


def _marked_errors(
    reference: Sequence[str], hypothesis: Sequence[str], unit: Unit, aligner: Aligner
) -> Iterator[AlignedPair]:
    """The errors beside a reference with marks, by numbers of written words."""
    raw = align_traced(reference, hypothesis, AsWritten(unit=unit), aligner)
    for step in raw.ops:
        if step.op != "hit":
            ref, hyp = step.ref_index, step.hyp_index
            yield AlignedPair(
                op=step.op,
                ref_index=None if ref is None else raw.reference[ref].first,
                hyp_index=None if hyp is None else raw.hypothesis[hyp].first,
            )


def _words(tokens: Sequence[TracedToken], indexes: Sequence[int | None]) -> set[int]:
    """The written words of some tokens."""
    return {
        word
        for index in indexes
        if index is not None
        for word in range(tokens[index].first, tokens[index].last + 1)
    }
