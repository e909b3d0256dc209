"""What can be said of a channel's sound in numbers: level, clipping, bandwidth, noise."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from transform_handler.audio.gate import Region
from transform_handler.audio.lobes import lobes
from transform_handler.audio.sound_facts import SoundFacts, decibels_of, power_of, rounded
from transform_handler.audio.spectrum import BIN_HERTZ, FRAME, SAMPLE_RATE, Floats, power_spectrum
from transform_handler.engine.frames import Samples

# Frames of 20 ms, and levels in steps of half a dB from -120 dBFS to +12.
_FRAME = SAMPLE_RATE // 50
_LOWEST_DBFS, _STEP_DB = -120.0, 0.5
_STEPS = 264
# Frames this far below the loud ones are pauses between words, not speech.
_SPEECH_RANGE_DB = 20.0
_LOUD_SHARE, _NOISE_SHARE = 0.95, 0.10
_MOST_SNR_DB = 60.0
# Flat tops within 2 dB of the highest one are at the rail; resampling spreads them by that much.
_RAIL_STEPS = 4
# Of the half-waves that high, flat ones are under 7 % in speech that is not clipped.
_FLAT_SHARE = 0.07
# Speech is taken to reach as high as its spectrum is this near to its strongest bin, ...
_BAND_BELOW_PEAK_DB = 60.0
# ... and stands this far out of the spectrum of the pauses.
_BAND_ABOVE_NOISE_DB = 3.0


def _zeros(size: int) -> Callable[[], Floats]:
    return partial(np.zeros, size)


@dataclass(kw_only=True)
class SoundMeter:
    """Adds up stretches of one channel, in any number of pieces; its memory does not grow."""

    _samples: int = 0
    _peak: float = 0.0
    _speech_samples: int = 0
    _levels: Floats = field(default_factory=_zeros(_STEPS))
    _lobes: Floats = field(default_factory=_zeros(_STEPS))
    _flat: Floats = field(default_factory=_zeros(_STEPS))
    _flat_samples: Floats = field(default_factory=_zeros(_STEPS))
    _speech_spectrum: Floats = field(default_factory=_zeros(FRAME // 2 + 1))
    _pause_spectrum: Floats = field(default_factory=_zeros(FRAME // 2 + 1))
    _spectra: Floats = field(default_factory=_zeros(2))

    def add(self, samples: Samples, regions: Sequence[Region]) -> None:
        """Add a stretch, shape (n_samples,), 16 kHz, and where in it somebody may speak.

        Stretches do not overlap: of windows that do, the caller gives what each one keeps.
        """
        self._samples += len(samples)
        if len(samples):
            self._peak = max(self._peak, float(np.abs(samples).max()))
        for start, end in regions:
            if start < end:
                self._speech_samples += end - start
                self._add_region(samples[start:end])

    def _add_region(self, samples: Samples) -> None:
        found = lobes(samples)
        steps = _steps(20 * np.log10(found.peaks + 1e-6))
        self._lobes += np.bincount(steps, minlength=_STEPS)
        self._flat += np.bincount(steps[found.flat], minlength=_STEPS)
        tops = found.tops[found.flat]
        self._flat_samples += np.bincount(steps[found.flat], weights=tops, minlength=_STEPS)
        whole = samples[: len(samples) // _FRAME * _FRAME].reshape(-1, _FRAME)
        if not len(whole):
            return
        level = 10 * np.log10(np.einsum("ij,ij->i", whole, whole) / _FRAME + 1e-12)
        self._levels += np.bincount(_steps(level), minlength=_STEPS)
        self._add_spectra(power_spectrum(samples))

    def _add_spectra(self, power: Floats) -> None:
        """The frames of speech and those of the pauses, told apart by their level."""
        level = 10 * np.log10(power.sum(axis=1) + 1e-12)
        speech = level > np.percentile(level, 100 * _LOUD_SHARE) - _SPEECH_RANGE_DB
        pause = level <= np.percentile(level, 100 * _NOISE_SHARE)
        self._speech_spectrum += power[speech].sum(axis=0)
        self._pause_spectrum += power[pause & ~speech].sum(axis=0)
        self._spectra += (speech.sum(), (pause & ~speech).sum())

    def facts(self) -> SoundFacts:
        """What was added so far."""
        speech = _speech_power(self._levels)
        noise = power_of(_quantile(self._levels, _NOISE_SHARE))
        clipped = self._samples_at_the_rail() / self._samples if self._samples else 0.0
        return SoundFacts(
            speech_seconds=round(self._speech_samples / SAMPLE_RATE, 1),
            peak_dbfs=rounded(decibels_of(self._peak**2)) if self._peak else None,
            clipped_share=round(clipped, 6),
            level_dbfs=None if speech is None else rounded(decibels_of(speech)),
            bandwidth_hertz=self._bandwidth(),
            snr_db=None if speech is None or noise is None else _snr(speech, noise),
        )

    def _samples_at_the_rail(self) -> float:
        """Samples in flat tops about as high as the highest, if enough that high are flat."""
        if not self._flat.any():
            return 0.0
        rail = slice(max(0, int(np.flatnonzero(self._flat).max()) - _RAIL_STEPS), None)
        clipped = self._flat[rail].sum() >= _FLAT_SHARE * self._lobes[rail].sum()
        return float(self._flat_samples[rail].sum()) if clipped else 0.0

    def _bandwidth(self) -> int | None:
        """The highest frequency at which speech stands out, to a tenth of a kHz."""
        count, pauses = self._spectra
        if not count:
            return None
        speech = _spectrum_level(self._speech_spectrum / count)
        outstanding = speech > speech[2:].max() - _BAND_BELOW_PEAK_DB
        if pauses:
            noise = _spectrum_level(self._pause_spectrum / pauses)
            outstanding &= speech > noise + _BAND_ABOVE_NOISE_DB
        # Three bins in a row: one is a whistle, or chance.
        wide = np.convolve(outstanding, np.ones(3), mode="valid") == 3
        highest = float(np.flatnonzero(wide).max(initial=0) + 3) * BIN_HERTZ
        return int(min(SAMPLE_RATE / 2, round(highest, -2)))


def _steps(decibels: Floats) -> Any:
    steps = np.round((decibels - _LOWEST_DBFS) / _STEP_DB).astype(int)
    return np.clip(steps, 0, _STEPS - 1)


def _level_of(step: Any) -> Any:
    return _LOWEST_DBFS + step * _STEP_DB


def _quantile(histogram: Floats, share: float) -> float | None:
    """The level below which ``share`` of the frames lie."""
    total = histogram.sum()
    if not total:
        return None
    return float(_level_of(np.searchsorted(np.cumsum(histogram), share * total)))


def _speech_power(levels: Floats) -> float | None:
    """Mean power of the frames that are not far below the loud ones."""
    loud = _quantile(levels, _LOUD_SHARE)
    if loud is None:
        return None
    steps = np.arange(_STEPS)
    counts = np.where(_level_of(steps) > loud - _SPEECH_RANGE_DB, levels, 0)
    return float(counts @ 10 ** (_level_of(steps) / 10) / counts.sum())


def _snr(speech: float, noise: float) -> float:
    """Speech frames hold speech and noise; what is left is 0 dB at the least to tell."""
    ratio = max(speech - noise, 1e-3 * noise) / noise
    return rounded(min(_MOST_SNR_DB, 10 * math.log10(ratio)))


def _spectrum_level(power: Floats) -> Floats:
    levels: Floats = 10 * np.log10(power + 1e-15)
    return levels
