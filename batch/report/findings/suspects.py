"""Reference errors suspected: where the model is sure of words that the reference does not have."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from training.scoring import align

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from batch.report.alignment import AlignedRecording
    from training.scoring import Normalizer, Steps

LEAST_ERRORS = 3
_WRONG = re.compile("[SDI]+")


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
    heard = aligned.hypothesis
    other = _Second.of(aligned, second, normalizer) if second is not None else None
    for said, written in _stretches(aligned.steps):
        if len(written) < (1 if other else LEAST_ERRORS):
            continue
        known = [aligned.confidence(at) for at in written]
        lowest = min((one for one in known if one is not None), default=None)
        if None in known or lowest is None or lowest < sure:
            continue
        tokens = heard.texts[written.start : written.stop]
        if other and not other.agrees(tokens, said.start, said.stop):
            continue
        yield Suspect(
            recording=index,
            word=written[0],
            start=heard.start(written[0]),
            reference=" ".join(map(aligned.reference.written, said)),
            hypothesis=" ".join(map(heard.written, written)),
            words=len(tokens),
            confidence=lowest,
            agreed=other is not None,
        )


def _stretches(steps: Steps) -> Iterator[tuple[range, range]]:
    """The tokens of both sides in each run of errors: an empty range, in its place, for none."""
    at = ref = hyp = 0
    for run in _WRONG.finditer(steps.letters):
        hits, letters = run.start() - at, run.group()
        ref, hyp, at = ref + hits, hyp + hits, run.end()
        said = range(ref, ref + len(letters) - letters.count("I"))
        heard = range(hyp, hyp + len(letters) - letters.count("D"))
        yield said, heard
        ref, hyp = said.stop, heard.stop


@dataclass(frozen=True, kw_only=True, slots=True)
class _Second:
    """What another run wrote, and which of its words are which words of the reference."""

    words: Sequence[str]
    hits: dict[int, int]
    reference: int

    @classmethod
    def of(cls, aligned: AlignedRecording, text: str, normalizer: Normalizer | None) -> _Second:
        words = (normalizer(text) if normalizer else text).split()
        said = aligned.reference.texts
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
