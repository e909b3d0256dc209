"""The facts of a channel's sound in plain numbers, and those of parts joined to the whole's."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class SoundFacts:
    """A channel, or a part of one, in numbers; None where too little is spoken to say.

    ``level_dbfs`` is the RMS of speech without its pauses, ``peak_dbfs`` the highest sample,
    ``clipped_share`` the share of samples in flat tops at the rail, ``bandwidth_hertz`` how high
    the speech reaches (8000 at most, since the sound is at 16 kHz here), ``snr_db`` the level of
    speech without the noise in it against the noise, 60 at most.
    """

    speech_seconds: float
    peak_dbfs: float | None = None
    clipped_share: float = 0.0
    level_dbfs: float | None = None
    bandwidth_hertz: int | None = None
    snr_db: float | None = None

    def to_json(self) -> dict[str, float | int | None]:
        """Plain numbers by name."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> SoundFacts:
        """Read back what ``to_json`` gave.

        Raises:
            TypeError: a name is missing or unknown.
        """
        return cls(**data)

    @classmethod
    def joined(cls, parts: Sequence[tuple[float, SoundFacts]]) -> SoundFacts:
        """The facts of a recording from those of its parts, each with its length in seconds.

        Levels are joined as power, SNR as dB, both by seconds of speech; the bandwidth is the one
        that half of the speech has at least.
        """
        seconds = sum(length for length, _ in parts)
        facts = [part for _, part in parts]
        clipped = sum(length * part.clipped_share for length, part in parts)
        power = _mean(facts, [power_of(part.level_dbfs) for part in facts])
        ratio = _mean(facts, [part.snr_db for part in facts])
        return cls(
            speech_seconds=round(sum(part.speech_seconds for part in facts), 1),
            peak_dbfs=max((p.peak_dbfs for p in facts if p.peak_dbfs is not None), default=None),
            clipped_share=round(clipped / seconds, 6) if seconds else 0.0,
            level_dbfs=None if power is None else rounded(decibels_of(power)),
            bandwidth_hertz=_middle_bandwidth(facts),
            snr_db=None if ratio is None else rounded(ratio),
        )


@dataclass(frozen=True, kw_only=True)
class MixSeconds:
    """How many seconds were mixed how.

    ``mean`` is the plain mean; ``polarity`` had a channel turned over and ``left_out`` one left
    out. A second may count in both of the last two.
    """

    mean: float = 0.0
    polarity: float = 0.0
    left_out: float = 0.0


def _mean(facts: Sequence[SoundFacts], values: Sequence[float | None]) -> float | None:
    """Mean by seconds of speech, of those that are known."""
    pairs = [
        (part.speech_seconds, value)
        for part, value in zip(facts, values, strict=True)
        if value is not None
    ]
    weight = sum(seconds for seconds, _ in pairs)
    return sum(seconds * value for seconds, value in pairs) / weight if weight else None


def _middle_bandwidth(facts: Sequence[SoundFacts]) -> int | None:
    known = sorted(
        (part.bandwidth_hertz, part.speech_seconds)
        for part in facts
        if part.bandwidth_hertz is not None
    )
    half, seen = sum(seconds for _, seconds in known) / 2, 0.0
    for hertz, seconds in known:
        seen += seconds
        if seen >= half:
            return hertz
    return None


def power_of(decibels: float | None) -> float | None:
    """1 for 0 dB."""
    return None if decibels is None else 10 ** (decibels / 10)


def decibels_of(power: float) -> float:
    """0 for a power of 1, -120 at the least."""
    return 10 * math.log10(max(power, 1e-12))


def rounded(decibels: float) -> float:
    """To a tenth of a dB: nothing here is known better."""
    return round(decibels, 1)
