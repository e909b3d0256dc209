"""Loud and quiet speakers of one window, brought nearer to one another; and unit variance.

A model hears a window at one scale: where speakers are 20 dB apart, the quiet one is lost below
it. The gain here is constant within a phrase and changes in pauses only, so that speech is not
distorted; and where all speak about as loud, nothing is changed at all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from transform_handler.audio.gate import Region, runs
from transform_handler.audio.spectrum import SAMPLE_RATE, Floats
from transform_handler.engine.frames import Samples

_FRAME = SAMPLE_RATE // 50
_QUIETEST_DB = -120.0
# A phrase ends where the sound stays this far below the loudest of the second around it.
_PAUSE_BELOW_DB = 20.0
_PAUSE_FRAMES = 6
_AROUND_FRAMES = 25
# A phrase within this of the loud ones is left alone: the words of one speaker differ by as much.
_LEFT_ALONE_DB = 8.0
# Others come this near to them. Nearer would raise breath and noise for nothing.
_BELOW_LOUD_DB = 5.0
MOST_GAIN_DB = 30.0
# What is not this far out of the noise is no phrase: breath, a chair.
_ABOVE_NOISE_DB = 12.0
# RMS below which sound is not brought to full level: what is so quiet is noise.
_LEAST_RMS = 10 ** (-60 / 20)
# As transformers' Wav2Vec2FeatureExtractor has it.
_EPSILON = 1e-7


@dataclass(frozen=True, kw_only=True)
class _Phrase:
    """Frames without a pause among them, and the level of the loud ones in dBFS."""

    first: int
    last: int
    level: float


def levelled(samples: Samples, regions: list[Region]) -> Samples:
    """The window with its quiet phrases raised towards the loud ones; shape and dtype as given.

    ``regions`` are where somebody may speak; outside of them nothing is raised. A phrase that is
    over 8 dB below the loud ones comes to 5 dB below them, by 30 dB at most. Where there is none,
    the samples themselves are returned.
    """
    level, inside = _levels(samples, regions)
    phrases = _phrases(level, inside) if inside.any() else []
    if not phrases:
        return samples
    gains = _gains(phrases, noise=float(np.percentile(level[inside], 5)))
    if not gains.any():
        return samples
    curve = np.where(inside, _faded(phrases, gains, len(level)), 0.0)
    centres = (np.arange(len(level)) + 0.5) * _FRAME
    decibels = np.interp(np.arange(len(samples)), centres, curve)
    raised: Samples = (samples * 10 ** (decibels / 20)).astype(np.float32)
    return raised


def normalised(samples: Samples, regions: list[Region]) -> Samples:
    """The window with zero mean and unit variance over its regions; shape (n_samples,).

    Where the regions are the whole window this is what transformers' Wav2Vec2FeatureExtractor does
    (``do_normalize``), but for sound under -60 dBFS RMS, which does not come to full level. A
    window without regions is normalised over all of it.
    """
    if not len(samples):
        return samples
    inside = [samples[start:end] for start, end in regions if start < end]
    speech = np.concatenate(inside) if inside else samples
    mean, variance = speech.mean(dtype=np.float64), speech.var(dtype=np.float64)
    scale = 1 / np.sqrt(max(variance, _LEAST_RMS**2) + _EPSILON)
    scaled: Samples = ((samples - mean) * scale).astype(np.float32)
    return scaled


def _levels(samples: Samples, regions: list[Region]) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """The level of each whole frame of 20 ms in dBFS, and whether it lies in a region."""
    frames = samples[: len(samples) // _FRAME * _FRAME].reshape(-1, _FRAME)
    power = np.einsum("ij,ij->i", frames, frames, dtype=np.float64) / _FRAME
    inside = np.zeros(len(frames), dtype=bool)
    for start, end in regions:
        inside[-(-start // _FRAME) : end // _FRAME] = True
    return 10 * np.log10(power + 10 ** (_QUIETEST_DB / 10)), inside


def _phrases(level: Floats, inside: npt.NDArray[np.bool_]) -> list[_Phrase]:
    """The phrases in order: what is loud for its surroundings, short pauses bridged."""
    heard = np.where(inside, level, _QUIETEST_DB)
    padded = np.pad(heard, _AROUND_FRAMES, constant_values=_QUIETEST_DB)
    around = np.lib.stride_tricks.sliding_window_view(padded, 2 * _AROUND_FRAMES + 1)
    spans: list[tuple[int, int]] = []
    for first, last in zip(*runs(inside & (heard > around.max(1) - _PAUSE_BELOW_DB)), strict=True):
        bridged = bool(spans) and first - spans[-1][1] < _PAUSE_FRAMES
        spans.append((spans.pop()[0] if bridged else int(first), int(last)))
    return [
        _Phrase(first=first, last=last, level=float(np.percentile(level[first:last], 85)))
        for first, last in spans
    ]


def _gains(phrases: list[_Phrase], *, noise: float) -> Floats:
    """By how many dB each phrase is raised; shape (n_phrases,)."""
    levels = np.array([phrase.level for phrase in phrases])
    lengths = [phrase.last - phrase.first for phrase in phrases]
    loud = np.percentile(np.repeat(levels, lengths), 90)
    raised = (loud - levels > _LEFT_ALONE_DB) & (levels > noise + _ABOVE_NOISE_DB)
    gains: Floats = np.where(raised, np.minimum(loud - levels - _BELOW_LOUD_DB, MOST_GAIN_DB), 0.0)
    return gains


def _faded(phrases: list[_Phrase], gains: Floats, count: int) -> Floats:
    """The gain of each frame in dB: its phrase's, and in a pause on the way to the next one's."""
    edges = np.array([(phrase.first - 0.5, phrase.last - 0.5) for phrase in phrases])
    return np.interp(np.arange(count), edges.ravel(), np.repeat(gains, 2))
