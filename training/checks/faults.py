"""What can be wrong with a labelled utterance: a closed list of kinds, and where the limits are."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal


class Kind(StrEnum):
    """The kinds of faults. Every kind quarantines the utterance but for those named warnings."""

    MISSING_AUDIO = "missing_audio"
    """There is no such file or object."""
    UNREADABLE_AUDIO = "unreadable_audio"
    """The sound cannot be decoded, may not be read, or has no such channel."""
    BEYOND_THE_END = "beyond_the_end"
    """Offset and duration reach past the end of the sound."""
    SILENT_AUDIO = "silent_audio"
    """Nothing is loud enough to be speech, and the label has words."""
    CLIPPED_AUDIO = "clipped_audio"
    """Warning: the recording was too loud for its recorder."""
    TOO_SHORT_AUDIO = "too_short_audio"
    """Shorter than a word."""
    OVERLONG_AUDIO = "overlong_audio"
    """Longer than a batch should hold: attention takes memory by the square of the length."""
    EMPTY_TEXT = "empty_text"
    """The label has no words, or none but sounds such as [laughter]."""
    OVERLONG_TEXT = "overlong_text"
    """More characters than anybody says in one utterance: often a file's whole transcript."""
    DIGITS_OR_SYMBOLS = "digits_or_symbols"
    """Signs that may be said in several ways, or stand for speech that nobody wrote down."""
    UNKNOWN_CHARACTERS = "unknown_characters"
    """Letters that the model's vocabulary cannot write."""
    TOO_FAST = "too_fast"
    """More characters a second than are said, or far more than in the other labels."""
    TOO_SLOW = "too_slow"
    """Fewer characters a second of speech than are said: often a label that is cut off."""
    TOO_LONG_FOR_CTC = "too_long_for_ctc"
    """Fewer frames than labels plus adjacent repeats: CTC has no path through them."""
    DUPLICATE_AUDIO = "duplicate_audio"
    """The same sound again in one split; the first stays."""
    LEAKED_AUDIO = "leaked_audio"
    """Sound of a held-out split in a split that is trained on or chosen by."""
    LEAKED_RECORDING = "leaked_recording"
    """Another stretch of a recording of a held-out split."""
    LEAKED_SPEAKER = "leaked_speaker"
    """A speaker of a held-out split. A warning unless the limits say otherwise."""
    SAME_TEXT = "same_text"
    """Warning: the words of a held-out utterance are also trained on."""


Leakage = Literal["allow", "warn", "quarantine"]


@dataclass(frozen=True, kw_only=True)
class CheckLimits:
    """Where an utterance becomes a fault. A limit that is 0 or None as stated is not checked."""

    min_seconds: float = 0.2
    max_seconds: float = 30.0
    max_characters: int = 800
    """30 s at the fastest pace that people keep up is below it."""
    silent_dbfs: float = -60.0
    """Silent is what does not reach this for a tenth of a second; full scale is 0."""
    clipped_share: float = 0.002
    """Share of samples at full scale from which a recording counts as clipped."""
    min_characters_per_second: float = 0.5
    """Counted over the speech, not the pauses."""
    max_characters_per_second: float = 35.0
    """Counted over the whole utterance. 25 is fast speech in alphabetic scripts."""
    pace_factor: float | None = 3.0
    """How many times slower or faster than the median label is a fault (None: not checked).

    Wider where the labels themselves differ more: six robust standard deviations of the logarithm.
    """
    end_tolerance_seconds: float = 0.05
    """How far a label may reach past the end; the missing samples are silence."""
    empty_text: bool = False
    """Whether labels may be empty: noise and silence that teach a model to write nothing."""
    speakers: Leakage = "warn"
    """What a speaker on both sides means; a model for known speakers is tested on them."""
    recordings: Leakage = "quarantine"
    """What a recording on both sides means; the training side is what goes."""
    same_text_words: int = 4
    """Texts of fewer words are said by many; 0: not checked."""

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if field.name in ("speakers", "recordings"):
                if value not in ("allow", "warn", "quarantine"):
                    raise ValueError(
                        f"{field.name} is {value!r}; expected allow, warn or quarantine"
                    )
            elif field.name not in ("silent_dbfs", "pace_factor") and not value >= 0:
                raise ValueError(f"{field.name} is {value}; expected at least 0")
        if self.pace_factor is not None and not self.pace_factor > 1:
            raise ValueError(f"pace_factor is {self.pace_factor}; expected above 1, or None")
        for low, high in (
            ("min_seconds", "max_seconds"),
            ("min_characters_per_second", "max_characters_per_second"),
        ):
            if not getattr(self, low) < getattr(self, high):
                raise ValueError(
                    f"{low} is {getattr(self, low)}; expected less than {high}, "
                    f"{getattr(self, high)}"
                )


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One thing that is wrong with one utterance; never holds a transcript's words."""

    kind: Kind
    split: str
    key: str
    """The utterance's name (``LabelledUtterance.key``)."""
    source: str
    """Where its label stands: file and line."""
    found: str
    expected: str
    quarantined: bool = True
    """False for a warning: the utterance stays."""
