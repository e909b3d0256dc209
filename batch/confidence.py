"""The fit of words' confidence that goes into a bundle: made once on held-out speech, then kept.

    models/<name>/confidence/<digest of its inputs>.json

A model folder may bring a fit of its own; it is taken where it was made for this very model,
precision and decoder. Whatever was found is kept below the output, also that the labels are too
few, so that no later run transcribes them again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from batch.precision.held_out import HeldOut, candidate
from manifests.labels import LabelledUtterance
from manifests.storage import Store
from transform_handler.audio.layout import is_speech_to_text
from transform_handler.decoding.confidence import FEATURES, ConfidenceFit
from transform_handler.engine.checkpoints import model_config
from transform_handler.identity import DECODE_FOLDER, BundleCard, digest_of

RECIPE = 1
"""Raised when the same model and speech would give another fit."""
FIT_SECONDS = 3600.0
"""More speech than this is not heard for a fit: an hour is about 9,000 words."""
_USUAL_SECONDS = 10.0


@dataclass(frozen=True, kw_only=True)
class Confident:
    """A bundle's card once its words have their confidence; ``fit`` goes into the bundle.

    ``made`` is False where the fit is still to be made: the decoding then has the digest of what
    the fit will be made of.
    """

    card: BundleCard
    fit: ConfidenceFit | None = None
    made: bool = True


@dataclass(frozen=True, kw_only=True)
class Fitting:
    """How the bundles of a model folder come by a fit.

    ``decode_files`` are what the decoder reads, by their names below ``decode/``.
    """

    output: Store
    folder: Path
    decode_files: Mapping[str, Path | bytes]
    shipped: ConfidenceFit | None
    speech: tuple[LabelledUtterance, ...]
    labels: str | None

    @classmethod
    def of(
        cls,
        output: Store,
        folder: Path,
        *,
        decode_files: Mapping[str, Path | bytes],
        speech: HeldOut | None,
    ) -> Fitting:
        """``speech`` is what the model was not trained on.

        Raises:
            InputError: the folder's own fit cannot be read.
        """
        # Models that write text have no frames by which a word's letters could be judged.
        frames = not is_speech_to_text(model_config(folder))
        speech = speech if frames else None
        return cls(
            output=output,
            folder=folder,
            decode_files=decode_files,
            shipped=ConfidenceFit.read(folder) if frames else None,
            speech=_first(speech.check) if speech else (),
            labels=speech.digest if speech else None,
        )

    def known(self, card: BundleCard) -> Confident:
        """The card as far as it is known without transcribing anything."""
        if (fit := self._shipped_for(card)) is not None:
            return _with(card, fit)
        if not self.speech:
            return Confident(card=card)
        if self.output.stat(key := self._key(card)) is not None:
            return _with(card, ConfidenceFit.from_json(self.output.read(key), name=key))
        return Confident(card=_calibrated(card, self._digest(card)), made=False)

    def made(self, card: BundleCard, files: Mapping[str, Path]) -> Confident:
        """The card with its fit, for which speech is transcribed where nothing is known yet.

        ``files`` are those of a converted network, by their names in the bundle.
        """
        from training.evaluating.confidence import fitted, judged  # noqa: PLC0415

        known = self.known(card)
        if known.made:
            return known
        assert self.labels is not None
        decode = {f"{DECODE_FOLDER}/{name}": one for name, one in self.decode_files.items()}
        with candidate(self.folder, {**decode, **files}) as model:
            fit = fitted(judged(model, card, self.speech), card, labels=self.labels)
        self.output.put(self._key(card), fit.to_json().encode())
        return _with(card, fit)

    def _shipped_for(self, card: BundleCard) -> ConfidenceFit | None:
        fit = self.shipped
        ours = (card.model_digest, card.decode_digest)
        if fit is None or fit.coefficients is None:
            return None
        return fit if (fit.model_digest, fit.decode_digest) == ours else None

    def _key(self, card: BundleCard) -> str:
        return f"models/{card.name}/confidence/{self._digest(card)}.json"

    def _digest(self, card: BundleCard) -> str:
        """Twelve hexadecimal digits of all that the fit depends on."""
        inputs: dict[str, Any] = {
            "recipe": RECIPE,
            "features": FEATURES,
            "model": card.model_digest,
            "decode": card.decode_digest,
            "labels": self.labels,
        }
        return digest_of(inputs)


def _with(card: BundleCard, fit: ConfidenceFit) -> Confident:
    if fit.coefficients is None:
        return Confident(card=card, fit=fit)
    return Confident(card=_calibrated(card, fit.digest), fit=fit)


def _calibrated(card: BundleCard, digest: str) -> BundleCard:
    decode = replace(card.decode, calibrated=True, confidence=digest)
    return replace(card, decode=decode, decode_digest=decode.digest)


def _first(utterances: Sequence[LabelledUtterance]) -> tuple[LabelledUtterance, ...]:
    """Those that begin within the first hour."""
    chosen: list[LabelledUtterance] = []
    seconds = 0.0
    for one in utterances:
        if seconds >= FIT_SECONDS:
            break
        chosen.append(one)
        seconds += one.duration or _USUAL_SECONDS
    return tuple(chosen)
