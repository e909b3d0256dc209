"""Sound that is well written and strange: numbers that are none, many channels, extreme rates."""

from __future__ import annotations

import io
from collections.abc import Iterator

import numpy as np
import soundfile

from tests.conftest import speechlike
from tests.hostile.encoded import RATE, SECONDS, speech
from tests.hostile.hostile_file import EMPTY, OK, SOUND, UNSUPPORTED, HostileFile, of_bytes

_G = "samples"


def strange_samples() -> Iterator[HostileFile]:
    """WAV files, most of them in floating point."""
    for name, samples, ends in _floats():
        for subtype in ("FLOAT", "DOUBLE"):
            data = _written(samples, subtype=subtype)
            yield of_bytes(_G, f"{name}-{subtype.lower()}.wav", data, ends)
    for subtype in ("PCM_U8", "PCM_24", "PCM_32", "ULAW", "ALAW", "IMA_ADPCM", "MS_ADPCM"):
        data = _written(speech(), subtype=subtype)
        yield of_bytes(_G, f"{subtype.lower()}.wav", data, OK)
    yield of_bytes(_G, "gsm.wav", _written(speechlike(2, rate=8_000), "GSM610", 8_000), OK)
    yield from _many_channels()
    yield from _rates()
    for count in (0, 1, 2, 399, 400, 401):
        data = _written(speech()[:count], subtype="PCM_16")
        yield of_bytes(_G, f"{count}-samples.wav", data, SOUND)


def _floats() -> Iterator[tuple[str, np.ndarray, frozenset[str]]]:
    heard = speech()
    for name, value in (
        ("nan", np.nan), ("infinite", np.inf), ("minus-infinite", -np.inf), ("huge", 3e38),
        ("denormal", 1e-42),
    ):  # fmt: skip
        broken = heard.copy()
        broken[::100] = value
        yield f"some-{name}", broken, SOUND
        yield f"only-{name}", np.full(len(heard), value, np.float32), EMPTY
    yield "scaled-like-16-bit", heard * 32_767, OK
    yield "scaled-like-32-bit", heard * np.float32(2**31), SOUND
    yield "whisper", heard * np.float32(1e-6), SOUND
    yield "full-scale", np.sign(heard), SOUND
    yield "direct-current", heard + 100, SOUND
    yield "minus-zero", np.full(len(heard), -0.0, np.float32), EMPTY


def _many_channels() -> Iterator[HostileFile]:
    many = np.zeros((RATE, 64), np.float32)
    many[:, 63] = speechlike(1, seed=2)
    yield of_bytes(_G, "64-channels.wav", _written(many, subtype="PCM_16"), SOUND)
    yield of_bytes(_G, "65-channels.wav", _written(np.zeros((9, 65)), "PCM_16"), UNSUPPORTED)
    yield of_bytes(_G, "255-channels.wav", _written(np.zeros((9, 255)), "PCM_16"), UNSUPPORTED)
    pair = np.stack([speech(), -speech()], 1)
    yield of_bytes(_G, "anti-phase.wav", _written(pair, subtype="PCM_16"), OK)


def _rates() -> Iterator[HostileFile]:
    for rate, ends in ((1, UNSUPPORTED), (999, UNSUPPORTED), (1_000, SOUND), (768_000, OK)):
        heard = speechlike(SECONDS, seed=5, rate=rate) if rate > 1 else np.zeros(10)
        yield of_bytes(_G, f"{rate}-hertz.wav", _written(heard, "PCM_16", rate), ends)
    many = np.zeros((768_000, 16), np.float32)
    yield of_bytes(
        _G, "768000-hertz-16-channels.wav", _written(many, "PCM_16", 768_000), EMPTY, large=True
    )


def _written(samples: np.ndarray, subtype: str, rate: int = RATE) -> bytes:
    stream = io.BytesIO()
    soundfile.write(stream, samples, rate, format="WAV", subtype=subtype)
    return stream.getvalue()
