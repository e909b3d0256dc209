"""The inference bundle: model files, the handler's code, and a card that names both."""

from __future__ import annotations

from pathlib import Path

import manifests
import transform_handler
from manifests.tarball import package_files
from transform_handler.identity import (
    CARD_NAME,
    BundleCard,
    DecodeSettings,
    model_digest,
    model_files,
)

ENTRY = b'''"""Entry of the Hugging Face container: it looks for these four names here."""

from transform_handler.handler import input_fn, model_fn, output_fn, predict_fn

__all__ = ["input_fn", "model_fn", "output_fn", "predict_fn"]
'''
# What the container's image lacks; torch, transformers and numpy are the image's own.
REQUIREMENTS = b"soundfile>=0.13\nsoxr>=0.5\nav>=14\nboto3>=1.35\n"


def bundle_card(folder: Path, *, name: str, decode: DecodeSettings) -> BundleCard:
    """The card of a model folder: its name, its digest and how it will be decoded."""
    return BundleCard.of(name=name, model_digest=model_digest(folder), decode=decode)


def bundle_files(folder: Path, card: BundleCard) -> dict[str, Path | bytes]:
    """Everything that goes into ``model.tar.gz``, by its name there.

    Raises:
        InputError: the folder holds no model.
    """
    files: dict[str, Path | bytes] = {
        path.relative_to(folder).as_posix(): path for path in model_files(folder)
    }
    for package in (transform_handler, manifests):
        assert package.__file__ is not None
        files |= package_files(Path(package.__file__).parent, prefix="code")
    files["code/inference.py"] = ENTRY
    files["code/requirements.txt"] = REQUIREMENTS
    files[CARD_NAME] = card.to_json().encode()
    return files
