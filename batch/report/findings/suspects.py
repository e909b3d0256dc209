"""Reference errors suspected: where the model is sure of words that the reference does not have."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from training.scoring import align

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from batch.report.alignment import AlignedRecording
    from training.scoring import AlignedPair, Normalizer

LEAST_ERRORS = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Suspect:
    """A stretch to listen to: the words of both sides as written, one of them perhaps wrong.

    ``confidence`` is the lowest of its words. ``agreed`` says that a second run wrote the same.
    ``word`` is the place of the first one among the hypothesis's tokens.
    """

    recording: int
    word: int
    start: float | None
    reference: str
    hypothesis: str
    words: int
    confidence: float
    agreed: bool


def suspects(
    index: int,
    aligned: AlignedRecording,
    *,
    sure: float,
    second: str | None = None,
    normalizer: Normalizer | None = None,
) -> Iterator[Suspect]:
    """Stretches of errors in which every written word has a confidence of at least ``sure``.

    With a second run's text those on which both runs agree, of one word or more; without one,
    those of three words or more. Words that are left out have no confidence and make no suspect.
    """
    other = _Second.of(aligned, second, normalizer) if second is not None else None
    for run in _stretches(aligned.steps):
        written = [step.hyp_index for step in run if step.hyp_index is not None]
        if len(written) < (1 if other else LEAST_ERRORS):
            continue
        tokens = [aligned.hypothesis[at] for at in written]
        known = [aligned.confidence(token) for token in tokens]
        lowest = min((one for one in known if one is not None), default=None)
        if None in known or lowest is None or lowest < sure:
            continue
        said = [step.ref_index for step in run if step.ref_index is not None]
        if other and not other.agrees([token.text for token in tokens], *_between(run, aligned)):
            continue
        yield Suspect(
            recording=index,
            word=written[0],
            start=tokens[0].start,
            reference=" ".join(aligned.reference[at].written for at in said),
            hypothesis=" ".join(token.written for token in tokens),
            words=len(tokens),
            confidence=lowest,
            agreed=other is not None,
        )


def _stretches(steps: Sequence[AlignedPair]) -> Iterator[list[AlignedPair]]:
    for right, run in groupby(steps, key=lambda step: step.op == "hit"):
        if not right:
            yield list(run)


def _between(run: Sequence[AlignedPair], aligned: AlignedRecording) -> tuple[int, int]:
    """The range of reference words that a stretch stands for; empty for insertions alone."""
    said = [step.ref_index for step in run if step.ref_index is not None]
    if said:
        return said[0], said[-1] + 1
    first = run[0].hyp_index or 0
    passed = [s for s in aligned.steps if s.op == "hit" and s.hyp_index == first - 1]
    after = (passed[0].ref_index or 0) + 1 if passed else 0
    return after, after


@dataclass(frozen=True, kw_only=True, slots=True)
class _Second:
    """What another run wrote, and which of its words are which words of the reference."""

    words: Sequence[str]
    hits: dict[int, int]
    reference: int

    @classmethod
    def of(cls, aligned: AlignedRecording, text: str, normalizer: Normalizer | None) -> _Second:
        words = (normalizer(text) if normalizer else text).split()
        said = [token.text for token in aligned.reference]
        hits = {
            step.ref_index: step.hyp_index
            for step in align(said, words).ops
            if step.op == "hit" and step.ref_index is not None and step.hyp_index is not None
        }
        return cls(words=words, hits=hits, reference=len(said))

    def agrees(self, words: Sequence[str], begin: int, end: int) -> bool:
        """Whether just these words stand between the right words before and after."""
        first = self.hits.get(begin - 1, -2) + 1 if begin else 0
        last = self.hits.get(end, -1) if end < self.reference else len(self.words)
        return first >= 0 and last >= 0 and list(self.words[first:last]) == list(words)
