"""What lies between microphone and file: an overdriven input, a telephone, an encoder."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
import soundfile
import soxr

from transform_handler.audio.layout import SAMPLE_RATE

if TYPE_CHECKING:
    from training.labels.data import Sound

_TELEPHONE_RATE = 8_000
_SILENCE = 0.0001  # of the loudest sample: 80 dB below it


@dataclass(frozen=True, kw_only=True)
class Codec:
    """An encoder of libsndfile; `level` is its compression, 0 (best sound) to 1 (fewest bits)."""

    container: str
    encoding: str
    rate: int = SAMPLE_RATE
    level: float | None = None


# Bit rates of speech at 16 kHz, measured: 13, 26, 28 and 7 kbit/s.
CODECS = (
    Codec(container="WAV", encoding="GSM610", rate=_TELEPHONE_RATE),
    Codec(container="MP3", encoding="MPEG_LAYER_III", level=0.99),
    Codec(container="OGG", encoding="VORBIS", level=1.0),
    Codec(container="OGG", encoding="OPUS", level=1.0),
)


def clip(sound: Sound, share: float) -> Sound:
    """Sound whose loudest `share` of samples (0–1, silence left out) is cut off at one level."""
    levels = np.abs(sound)
    sounding = levels[levels > levels.max() * _SILENCE]
    if not len(sounding):
        return sound
    ceiling = np.quantile(sounding, 1 - share)
    return np.clip(sound, -ceiling, ceiling).astype(np.float32)


def telephone(sound: Sound) -> Sound:
    """The band and the 8-bit µ-law steps of a telephone line (ITU-T G.711), back at 16 kHz."""
    narrow = np.clip(soxr.resample(sound, SAMPLE_RATE, _TELEPHONE_RATE), -1, 1)
    companded = np.sign(narrow) * np.log1p(255 * np.abs(narrow)) / np.log(256)
    steps = np.round(companded * 127) / 127
    decoded = np.sign(steps) * (np.expm1(np.abs(steps) * np.log(256)) / 255)
    return _fitted(soxr.resample(decoded, _TELEPHONE_RATE, SAMPLE_RATE), len(sound))


def coded(sound: Sound, codec: Codec) -> Sound:
    """Sound of the same length as it comes out of a lossy encoder and its decoder, in place."""
    at_rate = sound
    if codec.rate != SAMPLE_RATE:
        at_rate = soxr.resample(sound, SAMPLE_RATE, codec.rate)
    file = BytesIO()
    soundfile.write(
        file,
        np.clip(at_rate, -1, 1),
        codec.rate,
        subtype=codec.encoding,
        format=codec.container,
        compression_level=codec.level,
    )
    file.seek(0)
    decoded, _ = soundfile.read(file, dtype="float32")
    if codec.rate != SAMPLE_RATE:
        decoded = soxr.resample(decoded, codec.rate, SAMPLE_RATE)
    return _fitted(decoded, len(sound))


def _fitted(sound: Sound, length: int) -> Sound:
    """The first `length` samples; resamplers and encoders may end a little early or late."""
    out = np.zeros(length, np.float32)
    out[: min(length, len(sound))] = sound[:length]
    return out
