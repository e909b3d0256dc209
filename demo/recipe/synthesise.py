"""Sentences to sound: flite's voices, with a seeded change of pitch, speed and speaker size.

flite (https://github.com/festvox/flite) is a program, not a package: it is needed to re-create the
demo's sound and for nothing else.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path
from shutil import which
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np
import soundfile
import soxr

from demo.recipe.timing import Word, parse_phones, words_of

if TYPE_CHECKING:
    from random import Random

    import numpy.typing as npt

    Sound = npt.NDArray[np.float32]

SAMPLE_RATE = 16_000
_PITCH_HZ = {"slt": 170.0, "rms": 100.0, "kal16": 105.0, "awb": 120.0}
VOICES = tuple(_PITCH_HZ)
_TRIM_MARGIN_SECONDS = 0.05
_TRIM_FLOOR = 0.004


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """One way of saying a sentence."""

    voice: str
    pitch_hz: float
    stretch: float = 1.0
    """Duration against the voice's own; 1.1 is a tenth slower."""
    size: float = 1.0
    """Resampling factor: above one sounds like a smaller speaker (pitch and formants go up)."""


@dataclass(frozen=True, kw_only=True)
class Speech:
    """Sound of shape (n_samples,), 16 kHz, peak at −6 dB full scale, and its words' times."""

    sound: Sound
    words: tuple[Word, ...]


def plain(voice: str) -> Delivery:
    """The voice as its maker meant it."""
    return Delivery(voice=voice, pitch_hz=_PITCH_HZ[voice])


def varied(voice: str, rng: Random, *, size: float = 0.08, range_: float = 0.15) -> Delivery:
    """A delivery near the voice's own: pitch within ±`range_`, speed a little less, ±`size`."""
    return Delivery(
        voice=voice,
        pitch_hz=round(_PITCH_HZ[voice] * rng.uniform(1 - range_, 1 + range_), 1),
        stretch=round(rng.uniform(1 - 0.8 * range_, 1 + 0.8 * range_), 3),
        size=round(rng.uniform(1 - size, 1 + size), 3),
    )


def speak(text: str, delivery: Delivery) -> Sound:
    """The sound of `text`, trimmed at both ends.

    Raises:
        RuntimeError: flite is not installed, or it refused the sentence.
    """
    sound, _ = _trimmed(_flite(text, delivery)[0])
    return sound


def speak_timed(text: str, delivery: Delivery) -> Speech:
    """As `speak`, with the time of each word."""
    raw, printed = _flite(text, delivery)
    sound, cut = _trimmed(raw)
    words = tuple(
        Word(
            text=word.text,
            start=max(word.start / delivery.size - cut, 0.0),
            end=min(word.end / delivery.size - cut, len(sound) / SAMPLE_RATE),
        )
        for word in words_of(text, parse_phones(printed))
    )
    return Speech(sound=sound, words=words)


def _flite(text: str, delivery: Delivery) -> tuple[Sound, str]:
    program = which("flite")
    if program is None:
        raise RuntimeError("flite is not on the PATH: install Debian's package flite")
    with TemporaryDirectory() as scratch:
        path = Path(scratch) / "speech.wav"
        command = [
            program,
            *("-voice", delivery.voice, "-psdur"),
            *("--setf", f"int_f0_target_mean={delivery.pitch_hz}"),
            *("--setf", f"duration_stretch={delivery.stretch}"),
            *("-t", text, "-o", str(path)),
        ]
        done = subprocess.run(command, capture_output=True, check=False, text=True)
        if done.returncode or not path.exists():
            raise RuntimeError(f"flite refused {text!r}: {done.stderr.strip()}")
        sound, rate = soundfile.read(path, dtype="float32")
    if rate * delivery.size != SAMPLE_RATE:
        sound = soxr.resample(sound, rate * delivery.size, SAMPLE_RATE)
    return sound, done.stdout


def _trimmed(sound: Sound) -> tuple[Sound, float]:
    """The sound between its first and last loud sample, and the seconds cut in front."""
    loud = np.flatnonzero(np.abs(sound) > _TRIM_FLOOR)
    edge = round(_TRIM_MARGIN_SECONDS * SAMPLE_RATE)
    first = max(int(loud[0]) - edge, 0) if len(loud) else 0
    last = int(loud[-1]) + edge if len(loud) else len(sound)
    kept = sound[first:last]
    level = 0.5 / max(float(np.abs(kept).max()), 1e-4)
    return (kept * np.float32(level)).astype(np.float32), first / SAMPLE_RATE
