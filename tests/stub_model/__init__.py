"""A model without torch: a bundle that the real platform unpacks and serves, quick to start.

It answers each pointer by the contract. What it "hears" follows from the sound's bytes and the
model's name alone, so any two runs of it agree. Sound is WAV of 16 bits; other files are error
rows. It misbehaves when the environment says so, each time by a part of the recording's URI:

    STUB_SECONDS   seconds of work for each recording
    STUB_FAILS_ON  the request is answered with an error
    STUB_DIES_ON   the worker dies
    STUB_HANGS_ON  the worker never answers
"""

from __future__ import annotations

import wave
from pathlib import Path

import manifests
import transform_handler
from manifests.hashing import sha256_of
from manifests.tarball import pack, package_files
from transform_handler.identity import CARD_NAME, BundleCard, DecodeSettings

_ENTRY = Path(__file__).with_name("inference.py")


def stub_bundle(folder: Path, *, name: str = "stub") -> Path:
    """Write the bundle of a stub; another ``name`` is another model, which says other words."""
    card = BundleCard.of(
        name=name, model_digest=sha256_of(name.encode())[:12], decode=DecodeSettings()
    )
    files: dict[str, Path | bytes] = {
        CARD_NAME: card.to_json().encode(),
        "config.json": b"{}",
        "code/inference.py": _ENTRY,
    }
    for package in (transform_handler, manifests):
        assert package.__file__ is not None
        files |= package_files(Path(package.__file__).parent, prefix="code")
    folder.mkdir(parents=True, exist_ok=True)
    tarball = folder / f"{name}.tar.gz"
    pack(tarball, files)
    return tarball


def write_wav(path: Path, *, seed: int, seconds: float = 0.1, channels: int = 1) -> Path:
    """A tiny WAV of 16 kHz whose bytes follow from ``seed``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    frames = round(seconds * 16_000) * channels
    noise = sha256_of(str(seed).encode()).encode()
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes((noise * (2 * frames // len(noise) + 1))[: 2 * frames])
    return path
