"""When a word of a speech-to-text model was said, within what its alignment or its text allows."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from transform_handler.audio.gate import runs, speech_regions
from transform_handler.audio.layout import SAMPLE_RATE
from transform_handler.engine.frames import Samples

Span = tuple[float, float]
"""Start and end in seconds from the window's first sample."""

FRAME = 320
SECONDS_PER_FRAME = FRAME / SAMPLE_RATE
# Speech is what lies above this share of the way, in dB, from the window's quietest to its loudest.
_SPOKEN_SHARE = 0.35
_QUIETEST, _LOUDEST = 5, 95
_SILENCE_DB = -100.0
# Sounds that stop within a word are shorter than this, pauses between words longer.
_PAUSE_FRAMES = 8
# What is left around a word that was trimmed: consonants begin and end below the threshold.
_MARGIN_FRAMES = 5


class Trimmer:
    """Takes pauses out of the times of words: an alignment gives every moment to some token."""

    def __init__(self, samples: Samples) -> None:
        """``samples`` are the window's, shape (n_samples,)."""
        self._spoken = _spoken(samples)

    def trimmed(self, span: Span) -> Span:
        """The longest stretch of a span without a pause of 0.16 s; all of it if nothing is loud."""
        first, last = (round(second / SECONDS_PER_FRAME) for second in span)
        starts, stops = runs(self._spoken[first:last])
        if not len(starts):
            return span
        parts = [[int(starts[0]), int(stops[0])]]
        for start, stop in zip(starts[1:], stops[1:], strict=True):
            if start - parts[-1][1] < _PAUSE_FRAMES:
                parts[-1][1] = int(stop)
            else:
                parts.append([int(start), int(stop)])
        begin, end = max(parts, key=lambda part: part[1] - part[0])
        return (
            max(span[0], (first + begin - _MARGIN_FRAMES) * SECONDS_PER_FRAME),
            min(span[1], (first + end + _MARGIN_FRAMES) * SECONDS_PER_FRAME),
        )


def shared_times(texts: Sequence[str], samples: Samples) -> list[Span]:
    """The time between the first and the last speech in a window, shared out by length of words.

    For models that do not say when: each word, with the space after it, has as much of the time as
    of the characters.
    """
    regions = speech_regions(samples) or [(0, len(samples))]
    start, end = regions[0][0] / SAMPLE_RATE, regions[-1][1] / SAMPLE_RATE
    sums = np.concatenate(([0], np.cumsum([len(text) + 1 for text in texts])))
    places = start + (end - start) * sums / max(1, sums[-1])
    return [(float(a), float(b)) for a, b in pairwise(places)]


def in_order(spans: Sequence[Span], *, longest: float) -> list[Span]:
    """Spans within ``[0, longest]`` of which none begins before the one before it has ended."""
    ordered: list[Span] = []
    latest = 0.0
    for start, end in spans:
        begin = min(max(start, latest), longest)
        latest = min(max(end, begin), longest)
        ordered.append((begin, latest))
    return ordered


def _spoken(samples: Samples) -> npt.NDArray[np.bool_]:
    """Which frames of 20 ms are loud for this window; shape (n_frames,)."""
    frames = np.pad(samples, (0, -len(samples) % FRAME)).reshape(-1, FRAME)
    power = np.einsum("ij,ij->i", frames, frames, dtype=np.float64) / FRAME
    level = 10 * np.log10(power + 10 ** (_SILENCE_DB / 10))
    if not len(level):
        return np.zeros(0, dtype=np.bool_)
    quiet, loud = np.percentile(level, (_QUIETEST, _LOUDEST))
    spoken: npt.NDArray[np.bool_] = level > quiet + _SPOKEN_SHARE * (loud - quiet)
    return spoken
