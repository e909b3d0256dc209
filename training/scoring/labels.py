"""Which errors as written are formatting, and which are recognition: told error by error."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from training.scoring.align import UNIT, Aligner
from training.scoring.languages import Unit
from training.scoring.provenance import TracedAlignment, TracedToken, align_traced
from training.scoring.text import clean

if TYPE_CHECKING:
    from training.scoring.normalize import Normalizer

Label = Literal["formatting", "recognition"]


@dataclass(frozen=True, kw_only=True, slots=True)
class WrittenError:
    """An error between the texts as written, by numbers of words or characters, and what it is."""

    op: Literal["sub", "del", "ins"]
    ref_index: int | None
    hyp_index: int | None
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
    if normalizer.unit == "character" and not any("(" in word or "{" in word for word in reference):
        reference, hypothesis = "".join(reference), "".join(hypothesis)
        normalized = align_traced(reference, hypothesis, normalizer, aligner)
    raw = align_traced(reference, hypothesis, AsWritten(unit=normalizer.unit), aligner)
    wrong = [step for step in normalized.ops if step.op != "hit"]
    wrong_said = _words(normalized.reference, [step.ref_index for step in wrong])
    wrong_heard = _words(normalized.hypothesis, [step.hyp_index for step in wrong])
    return tuple(_labelled(raw, wrong_said, wrong_heard))


def _words(tokens: Sequence[TracedToken], indexes: Sequence[int | None]) -> set[int]:
    """The written words of some tokens."""
    return {
        word
        for index in indexes
        if index is not None
        for word in range(tokens[index].first, tokens[index].last + 1)
    }


def _labelled(raw: TracedAlignment, said: set[int], heard: set[int]) -> Iterator[WrittenError]:
    for step in raw.ops:
        if step.op == "hit":
            continue
        ref = None if step.ref_index is None else raw.reference[step.ref_index].first
        hyp = None if step.hyp_index is None else raw.hypothesis[step.hyp_index].first
        wrong = ref in said or hyp in heard
        yield WrittenError(
            op=step.op,
            ref_index=ref,
            hyp_index=hyp,
            label="recognition" if wrong else "formatting",
        )
