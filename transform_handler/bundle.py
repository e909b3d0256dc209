"""The inference bundle: model files, the handler's code, and a card that names both."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import manifests
import transform_handler
from manifests.tarball import package_files
from transform_handler.decoding.confidence import ConfidenceFit
from transform_handler.engine.converted import REQUIREMENTS
from transform_handler.identity import (
    CARD_NAME,
    CONFIDENCE_NAME,
    DECODE_FOLDER,
    BundleCard,
    DecodeSettings,
    model_digest,
    model_files,
)

ENTRY = b'''"""Entry of the Hugging Face container: it looks for these four names here."""

from transform_handler.handler import input_fn, model_fn, output_fn, predict_fn

__all__ = ["input_fn", "model_fn", "output_fn", "predict_fn"]
'''
LM_REQUIREMENT = b"ufal.kenlm==26.4.1\n"
"""What only bundles with a language model install."""
# Above the pins where wheels lie beside the file; pip takes the folder as relative to the file.
FROM_WHEELS = b"--no-index\n--find-links wheels\n"


def bundle_card(folder: Path, *, name: str, decode: DecodeSettings) -> BundleCard:
    """The card of a model folder: its name, its digest and how it will be decoded."""
    return BundleCard.of(name=name, model_digest=model_digest(folder), decode=decode)


def requirements(card: BundleCard | None = None) -> bytes:
    """What the image lacks, pinned; torch, transformers and numpy are the image's own.

    Packages that only some bundles need are those of ``card``.
    """
    pins = Path(__file__).with_name("requirements.txt").read_bytes()
    if card is not None and card.decode.beam and card.decode.beam.language_model:
        pins += LM_REQUIREMENT
    if card is not None and card.conversion and card.conversion.form in ("fp32", "int8"):
        pins += REQUIREMENTS
    return pins


def bundle_files(
    folder: Path,
    card: BundleCard,
    wheels: Mapping[str, bytes] | None = None,
    *,
    decode_files: Mapping[str, Path | bytes] | None = None,
    converted: Mapping[str, Path] | None = None,
    fit: ConfidenceFit | None = None,
) -> dict[str, Path | bytes]:
    """Everything that goes into ``model.tar.gz``, by its name there.

    With ``wheels``, by their names below ``code/``, the container installs from those alone.
    ``decode_files`` are what the card's decoder reads, by their names below ``decode/``.
    ``converted`` are the files of a network that CPUs run instead of the weights. ``fit`` is that
    of the words' confidence, also where it says only why there is none.

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
    files |= converted or {}
    files |= installed_from(wheels or {}, requirements(card))
    files |= {f"{DECODE_FOLDER}/{name}": one for name, one in (decode_files or {}).items()}
    if fit is not None:
        files[CONFIDENCE_NAME] = fit.to_json().encode()
    files[CARD_NAME] = card.to_json().encode()
    return files


def installed_from(wheels: Mapping[str, bytes], wanted: bytes) -> dict[str, Path | bytes]:
    """The bundle's ``requirements.txt`` and wheels."""
    files: dict[str, Path | bytes] = {f"code/{name}": data for name, data in wheels.items()}
    files["code/requirements.txt"] = FROM_WHEELS + wanted if wheels else wanted
    return files
