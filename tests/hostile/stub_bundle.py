"""A bundle of the real handler with a network that needs no torch: it starts in a second."""

from __future__ import annotations

from pathlib import Path

import manifests
import transform_handler
from manifests.tarball import pack, package_files
from tests.transform_handler import stub_engine
from transform_handler.identity import CARD_NAME, BundleCard, DecodeSettings

_INFERENCE = b"""
from pathlib import Path

from stub_engine import StubEngine
from transform_handler.allowed import AllowedPrefixes
from transform_handler.audio.decoder_pool import DecoderPool
from transform_handler.handler import Handler, input_fn, output_fn, predict_fn
from transform_handler.identity import BundleCard
from transform_handler.transcriber import Transcriber

__all__ = ["input_fn", "model_fn", "output_fn", "predict_fn"]


def model_fn(model_dir):
    card, allowed = BundleCard.read(Path(model_dir)), AllowedPrefixes.from_environment()
    return Handler(transcriber=Transcriber(StubEngine(windows=8), card, DecoderPool(1), allowed))
"""


def write_stub_bundle(path: Path) -> Path:
    """Write ``model.tar.gz``; its text depends on every sample that it hears."""
    card = BundleCard.of(name="stub", model_digest="0" * 64, decode=DecodeSettings())
    files: dict[str, Path | bytes] = {
        "config.json": b'{"model_type": "wav2vec2", "architectures": ["Wav2Vec2ForCTC"]}',
        "code/inference.py": _INFERENCE,
        "code/stub_engine.py": Path(stub_engine.__file__),
        CARD_NAME: card.to_json().encode(),
    }
    for package in (transform_handler, manifests):
        assert package.__file__ is not None
        files |= package_files(Path(package.__file__).parent, prefix="code")
    pack(path, files)
    return path
