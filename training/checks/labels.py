"""The faults of one labelled utterance by itself: its sound, its text, and the two together."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING

from training.checks.faults import CheckLimits, Fault, Kind
from training.checks.sound import Heard, SoundFacts, Unheard
from transform_handler.audio.layout import SAMPLE_RATE

if TYPE_CHECKING:
    from manifests.labels import LabelledUtterance
    from training.labels.text import TextRules
    from training.labels.vocabulary import Vocabulary

OutputLength = Callable[[int], int]
"""Samples at 16 kHz to the model's frames."""
# Splits that a model learns from or is chosen by. What only the training cannot use stays in the
# others: a test set that loses its long and hard utterances flatters.
LEARNT = ("train", "validation")
_TRAINING_ONLY = frozenset(
    {
        Kind.OVERLONG_AUDIO,
        Kind.OVERLONG_TEXT,
        Kind.UNKNOWN_CHARACTERS,
        Kind.TOO_LONG_FOR_CTC,
    }
)
_WARNINGS = frozenset({Kind.CLIPPED_AUDIO, Kind.SAME_TEXT})
# Fewer labels than these have no median worth trusting.
_ENOUGH = 50
_ROBUST_DEVIATIONS = 6 * 1.4826


@dataclass(kw_only=True, eq=False)
class Candidate:
    """An utterance on its way through the check; faults are added as they are found."""

    split: str
    utterance: LabelledUtterance
    heard: Heard
    text: str
    """Cleaned by the rules."""
    faults: list[Fault] = field(default_factory=list)

    @property
    def good(self) -> bool:
        return not any(fault.quarantined for fault in self.faults)

    @property
    def sound(self) -> SoundFacts | None:
        return self.heard if isinstance(self.heard, SoundFacts) else None

    def blame(
        self, kind: Kind, found: str, expected: str, *, quarantined: bool | None = None
    ) -> None:
        """Add a fault; whether it quarantines is the kind's nature where it is not said."""
        if quarantined is None:
            spared = kind in _TRAINING_ONLY and self.split not in LEARNT
            quarantined = kind not in _WARNINGS and not spared
        self.faults.append(
            Fault(
                kind=kind,
                split=self.split,
                key=self.utterance.key,
                source=self.utterance.source,
                found=found,
                expected=expected,
                quarantined=quarantined,
            )
        )


@dataclass(frozen=True, kw_only=True)
class LabelCheck:
    """Finds the faults that an utterance has by itself."""

    rules: TextRules
    vocabulary: Vocabulary | None
    output_length: OutputLength | None
    limits: CheckLimits

    def __call__(self, candidate: Candidate) -> None:
        """Add the faults of sound, text and both; how labels compare comes later."""
        if isinstance(candidate.heard, Unheard):
            candidate.blame(candidate.heard.kind, candidate.heard.reason, "a readable recording")
        else:
            self._sound(candidate, candidate.heard)
        writable = self._text(candidate)
        if candidate.sound and writable:
            self._frames(candidate, candidate.sound)

    def _sound(self, candidate: Candidate, sound: SoundFacts) -> None:
        limits, utterance = self.limits, candidate.utterance
        promised = utterance.duration
        if not sound.samples or (
            promised is not None and promised - sound.seconds > limits.end_tolerance_seconds
        ):
            candidate.blame(
                Kind.BEYOND_THE_END,
                f"{sound.seconds:.2f} s of sound from {utterance.offset:.2f} s on",
                "some sound there" if promised is None else f"the label's {promised:.2f} s",
            )
            return
        length = f"{sound.seconds:.2f} s"
        if sound.seconds < limits.min_seconds:
            candidate.blame(Kind.TOO_SHORT_AUDIO, length, f"at least {limits.min_seconds} s")
        elif sound.level_dbfs < limits.silent_dbfs and candidate.text:
            level = f"{sound.level_dbfs:.0f} dBFS at the loudest"
            candidate.blame(Kind.SILENT_AUDIO, level, f"speech above {limits.silent_dbfs:.0f} dBFS")
        if sound.seconds > limits.max_seconds:
            candidate.blame(Kind.OVERLONG_AUDIO, length, f"at most {limits.max_seconds} s")
        if sound.clipped_share > limits.clipped_share:
            share = f"{sound.clipped_share:.1%} of the samples at full scale"
            candidate.blame(Kind.CLIPPED_AUDIO, share, f"at most {limits.clipped_share:.1%}")

    def _text(self, candidate: Candidate) -> bool:
        """Add the text's faults; whether the vocabulary can write it."""
        text, limits = candidate.text, self.limits
        if not text and not limits.empty_text:
            candidate.blame(Kind.EMPTY_TEXT, "no words", "what is said")
        if len(text) > limits.max_characters:
            characters = f"{len(text)} characters"
            candidate.blame(Kind.OVERLONG_TEXT, characters, f"at most {limits.max_characters}")
        left = self.rules.leftovers(text)
        if left:
            candidate.blame(Kind.DIGITS_OR_SYMBOLS, _listed(left), "what is said, in letters")
        strange = "" if self.vocabulary is None else self.vocabulary.missing(text)
        if unknown := sorted(set(strange) - set(left)):
            candidate.blame(Kind.UNKNOWN_CHARACTERS, _listed(unknown), "the model's characters")
        return not strange

    def _frames(self, candidate: Candidate, sound: SoundFacts) -> None:
        if self.vocabulary is None or self.output_length is None:
            return
        needed = self.vocabulary.frames_needed(candidate.text)
        given = self.output_length(sound.samples)
        if given < needed:
            candidate.blame(
                Kind.TOO_LONG_FOR_CTC, f"{given} frames", f"{needed} for labels and repeats"
            )


def _listed(characters: Sequence[str]) -> str:
    shown = ", ".join(map(repr, characters[:8]))
    return f"{shown}, …" if len(characters) > 8 else shown


def check_pace(candidates: Sequence[Candidate], limits: CheckLimits) -> None:
    """Add the faults of labels that are too fast or too slow to be what is said.

    Fast is counted over the whole sound, slow over its speech, so that a "yes" between two pauses
    is no fault. The typical pace is the median of the labels without other faults.
    """
    good = [c for c in candidates if c.good and c.text and c.sound and c.sound.samples]
    for kind, pace in ((Kind.TOO_FAST, _over_all), (Kind.TOO_SLOW, _over_speech)):
        paces = [pace(candidate) for candidate in good]
        low, high = _typical(paces, limits)
        for candidate, value in zip(good, paces, strict=True):
            if kind is Kind.TOO_FAST and value > high:
                _blame_pace(candidate, kind, value, f"at most {high:.1f}")
            elif kind is Kind.TOO_SLOW and value < low:
                _blame_pace(candidate, kind, value, f"at least {low:.1f}")


def _over_all(candidate: Candidate) -> float:
    assert candidate.sound
    return len(candidate.text) / candidate.sound.seconds


def _over_speech(candidate: Candidate) -> float:
    assert candidate.sound
    return len(candidate.text) / max(candidate.sound.speech_seconds, 1 / SAMPLE_RATE)


def _typical(paces: Sequence[float], limits: CheckLimits) -> tuple[float, float]:
    """The slowest and the fastest pace that pass, in characters a second."""
    slowest, fastest = limits.min_characters_per_second, limits.max_characters_per_second
    if limits.pace_factor is None or len(paces) < _ENOUGH:
        return slowest, fastest
    logs = [math.log(pace) for pace in paces]
    middle = median(logs)
    spread = _ROBUST_DEVIATIONS * median(abs(value - middle) for value in logs)
    width = max(math.log(limits.pace_factor), spread)
    return max(slowest, math.exp(middle - width)), min(fastest, math.exp(middle + width))


def _blame_pace(candidate: Candidate, kind: Kind, value: float, expected: str) -> None:
    assert candidate.sound
    over = candidate.sound.seconds if kind is Kind.TOO_FAST else candidate.sound.speech_seconds
    candidate.blame(kind, f"{value:.1f} characters a second in {over:.1f} s", expected)


def by_split(candidates: Sequence[Candidate]) -> Iterator[tuple[str, list[Candidate]]]:
    """The candidates of each split, in the order in which splits and candidates came."""
    for split in dict.fromkeys(candidate.split for candidate in candidates):
        yield split, [c for c in candidates if c.split == split]
