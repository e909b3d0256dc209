"""A recording's alignment as a page shows it: scored tokens with original spelling and times."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from training.scoring import (
    UNIT,
    AlignedPair,
    Aligner,
    TracedToken,
    WrittenError,
    align,
    align_traced,
    raw_tokens,
    written_errors,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from training.scoring import Normalizer


class _Timed(Protocol):
    @property
    def text(self) -> str: ...
    @property
    def start(self) -> float: ...
    @property
    def end(self) -> float: ...
    @property
    def confidence(self) -> float | None: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class ShownToken:
    """A scored token: as scored, as written, and when it was said (None where not known).

    It was made from the written words ``first`` to ``last`` of its text, counted from 0.
    """

    text: str
    written: str
    start: float | None = None
    end: float | None = None
    first: int = 0
    last: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class AlignedRecording:
    """Both sides of one recording and the steps between them.

    ``confidences`` are those of the written words of the hypothesis, None where not known.
    """

    reference: tuple[ShownToken, ...]
    hypothesis: tuple[ShownToken, ...]
    steps: tuple[AlignedPair, ...]
    confidences: tuple[float | None, ...] = ()
    written: tuple[WrittenError, ...] = ()
    """The errors between the texts as written, each formatting or recognition."""

    def confidence(self, token: ShownToken) -> float | None:
        """The lowest confidence of the words behind a token of the hypothesis."""
        known = [c for c in self.confidences[token.first : token.last + 1] if c is not None]
        return min(known, default=None)


@dataclass(frozen=True, kw_only=True, slots=True)
class WordError:
    """One substitution, deletion or insertion, with seconds where the words have times.

    The times of a deletion are those of the gap that it left: from the end of the word before
    to the start of the word after.
    """

    kind: Literal["S", "D", "I"]
    reference_word: str | None
    hypothesis_word: str | None
    start: float | None
    end: float | None


def align_recording(
    reference: str,
    hypothesis: str,
    words: Sequence[_Timed],
    normalizer: Normalizer,
    aligner: Aligner = UNIT,
) -> AlignedRecording:
    """Align the normalised texts as the scores do, with spelling and times beside the tokens."""
    said, written = raw_tokens(reference), raw_tokens(hypothesis)
    times = timed(written, words)
    found = align_traced(said, written, normalizer, aligner)
    return AlignedRecording(
        reference=_shown(said, [None] * len(said), found.reference),
        hypothesis=_shown(written, times, found.hypothesis),
        steps=found.ops,
        confidences=tuple(word.confidence if word else None for word in times),
        written=written_errors(said, written, found, normalizer, aligner),
    )


def timed(written: Sequence[str], words: Sequence[_Timed]) -> list[_Timed | None]:
    """For each word of a text the timed word that it comes from, None where they disagree."""
    parts = [(part, word) for word in words for part in raw_tokens(word.text)]
    if [part for part, _ in parts] == list(written):
        return [word for _, word in parts]
    found: list[_Timed | None] = [None] * len(written)
    for step in align([part for part, _ in parts], written).ops:
        if step.op == "hit" and step.ref_index is not None and step.hyp_index is not None:
            found[step.hyp_index] = parts[step.ref_index][1]
    return found


def word_errors(aligned: AlignedRecording) -> Iterator[WordError]:
    """The errors of one recording, in the order of the alignment."""
    reference, hypothesis = aligned.reference, aligned.hypothesis
    spoken = 0  # hypothesis tokens passed so far
    for step in aligned.steps:
        ref = reference[step.ref_index] if step.ref_index is not None else None
        hyp = hypothesis[step.hyp_index] if step.hyp_index is not None else None
        if hyp is None:
            before = hypothesis[spoken - 1].end if spoken else None
            after = hypothesis[spoken].start if spoken < len(hypothesis) else None
            yield _error("D", ref, None, before, after)
        else:
            spoken += 1
            if step.op != "hit":
                yield _error("I" if ref is None else "S", ref, hyp, hyp.start, hyp.end)


def _error(
    kind: Literal["S", "D", "I"],
    ref: ShownToken | None,
    hyp: ShownToken | None,
    start: float | None,
    end: float | None,
) -> WordError:
    return WordError(
        kind=kind,
        reference_word=ref.text if ref else None,
        hypothesis_word=hyp.text if hyp else None,
        start=start,
        end=end,
    )


def _shown(
    written: Sequence[str], times: Sequence[_Timed | None], traced: Sequence[TracedToken]
) -> tuple[ShownToken, ...]:
    tokens = []
    for token in traced:
        first, last = times[token.first], times[token.last]
        tokens.append(
            ShownToken(
                text=token.text,
                written=" ".join(written[token.first : token.last + 1]),
                start=first.start if first else None,
                end=last.end if last else None,
                first=token.first,
                last=token.last,
            )
        )
    return tuple(tokens)
