"""What a result's text depends on besides the recording: the model, and how it is decoded.

Both are digests that stand in the bundle (``nightscribe.json``), in each record and each row.
A run transcribes what has no result under them yet.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Self

from manifests.errors import InputError
from manifests.hashing import sha256_of
from manifests.json_files import parsed_json
from transform_handler.audio.layout import WindowLayout
from transform_handler.audio.reading import RESAMPLER
from transform_handler.conversion import Conversion
from transform_handler.decoding.segments import MAX_SECONDS, PAUSE_SECONDS
from transform_handler.engine.converted import FOLDER as CONVERTED_FOLDER

ENGINE_VERSION = 2
"""Raised when the handler's text can change, and only then."""

WHOLE_WINDOWS_GATE = "energy, silero, whole windows"
"""The gate of models that hear all of a window in which anybody speaks."""

CARD_NAME = "nightscribe.json"
DECODE_FOLDER = "decode"
"""The folder of a bundle that holds what its decoder reads."""
CONFIDENCE_NAME = "confidence.json"
"""The fit that gives words their confidence; what counts of it stands in the decode digest."""
# Files of a model folder that cannot change a transcript.
_SILENT_SUFFIXES = frozenset({".md", ".png", ".parquet"})
_SILENT_NAMES = frozenset({CARD_NAME, "metrics.json", "LICENSE", "LICENSE.txt"})


@dataclass(frozen=True, kw_only=True)
class BeamSettings:
    """What a beam search adds to the sound; files of the bundle stand by their SHA-256.

    ``lm_weight`` multiplies the language model's natural logarithms, ``word_bonus`` is one for each
    word, ``hot_word_boost`` for each letter of a hot word. What has no effect is zero.
    """

    beam_width: int
    language_model: str | None = None
    lm_weight: float = 0.0
    word_bonus: float = 0.0
    hot_words: str | None = None
    hot_word_boost: float = 0.0


@dataclass(frozen=True, kw_only=True)
class DecodeSettings:
    """Every setting of the handler that can change a transcript."""

    method: str = "greedy"
    step_seconds: float = 18.0
    context_seconds: float = 2.0
    reach_seconds: float = 1.5
    pause_seconds: float = PAUSE_SECONDS
    segment_seconds: float = MAX_SECONDS
    gate: str = "energy, silero"
    silence_dbfs: float = -60.0
    resampler: str = RESAMPLER
    precision: str = "exact"
    calibrated: bool = False
    confidence: str | None = None
    """The digest of the fit in ``confidence.json``, set where ``calibrated``."""
    beam: BeamSettings | None = None
    """Set where ``method`` is ``beam``."""

    @classmethod
    def of(cls, layout: WindowLayout, *, method: str, beam: BeamSettings | None) -> Self:
        """The settings for a model whose windows lie by ``layout``."""
        return cls(
            method=method,
            beam=beam,
            step_seconds=layout.step_seconds,
            context_seconds=layout.context_seconds,
            reach_seconds=layout.reach_seconds,
            gate=WHOLE_WINDOWS_GATE if layout.whole else cls.gate,
        )

    @property
    def digest(self) -> str:
        """Twelve hexadecimal digits that name these settings and the engine's version."""
        settings = asdict(self)
        for name in ("beam", "confidence"):
            # Results of versions that knew neither are of these settings too.
            if settings[name] is None:
                del settings[name]
        return digest_of({**settings, "engine_version": ENGINE_VERSION})


@dataclass(frozen=True, kw_only=True)
class BundleCard:
    """What a bundle says of itself: ``nightscribe.json`` at its root.

    ``decode_digest`` is that of the code in the bundle, which another release may be reading.
    ``conversion`` is None where nobody tried to convert the network.
    """

    name: str
    model_digest: str
    decode: DecodeSettings
    decode_digest: str
    conversion: Conversion | None = None

    @classmethod
    def of(
        cls,
        *,
        name: str,
        model_digest: str,
        decode: DecodeSettings,
        conversion: Conversion | None = None,
    ) -> Self:
        """The card of a bundle that this code goes into."""
        return cls(
            name=name,
            model_digest=model_digest,
            decode=decode,
            decode_digest=decode.digest,
            conversion=conversion,
        )

    def to_json(self) -> str:
        """The card's text; the same card gives the same bytes."""
        data = {
            "name": self.name,
            "model_digest": self.model_digest,
            "decode": asdict(self.decode),
            "decode_digest": self.decode_digest,
            "engine_version": ENGINE_VERSION,
        }
        if self.conversion is not None:
            data["conversion"] = self.conversion.as_json()
        return json.dumps(data, indent=2, sort_keys=True) + "\n"

    @classmethod
    def read(cls, folder: Path) -> Self:
        """The card of an unpacked bundle, of this version or an older one.

        Raises:
            InputError: there is no card, or a newer version wrote it.
        """
        path = folder / CARD_NAME
        try:
            return cls.from_json(path.read_bytes(), name=str(path))
        except FileNotFoundError as error:
            raise InputError(
                f"{path}: not found; this is not a nightscribe bundle "
                "(make one by naming its model folder in [model] uri)"
            ) from error

    @classmethod
    def from_json(cls, text: bytes, *, name: str) -> Self:
        """Read what ``to_json`` wrote; ``name`` is for the error.

        Raises:
            InputError: not a card, or a newer version's.
        """
        try:
            data = parsed_json(text)
            return cls(
                name=data["name"],
                model_digest=data["model_digest"],
                decode=_settings(data["decode"], name),
                decode_digest=data["decode_digest"],
                conversion=_conversion(data.get("conversion")),
            )
        except (ValueError, KeyError, TypeError) as error:
            if isinstance(error, InputError):
                raise
            raise InputError(f"{name}: not a bundle card of this version ({error})") from error


def _settings(data: dict[str, Any], name: str) -> DecodeSettings:
    """Settings as a card has them; those that an older version did not know are as by default."""
    beam = data.get("beam")
    _check_known(data, DecodeSettings, name)
    if beam is not None:
        _check_known(beam, BeamSettings, name)
    return DecodeSettings(**{**data, "beam": beam and BeamSettings(**beam)})


def _check_known(data: dict[str, Any], settings: type, name: str) -> None:
    unknown = sorted(data.keys() - {one.name for one in fields(settings)})
    if unknown:
        raise InputError(
            f"{name}: not a bundle card of this version: it has the decode settings "
            f"{', '.join(unknown)}, which are not known here; a newer nightscribe made the bundle"
        )


def _conversion(data: Mapping[str, Any] | None) -> Conversion | None:
    return None if data is None else Conversion.from_json(data)


def digest_of(value: Mapping[str, Any]) -> str:
    """Twelve hexadecimal digits of a mapping's canonical JSON."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return sha256_of(text.encode())[:12]


def model_files(folder: Path) -> list[Path]:
    """The files of a model folder that belong in a bundle, sorted; ``code/`` is made anew.

    Raises:
        InputError: no model there, or one without safetensors (loading a pickle runs its code).
    """
    if not (folder / "config.json").is_file():
        raise InputError(f"{folder}: no config.json; a Hugging Face model folder is expected")
    files = sorted(path for path in folder.rglob("*") if path.is_file() and _kept(path, folder))
    if not any(path.suffix == ".safetensors" for path in files):
        raise InputError(
            f"{folder}: no *.safetensors weights; found {', '.join(p.name for p in files[:8])}. "
            "Save the model with save_pretrained (safe serialisation is its default)"
        )
    return [path for path in files if path.suffix not in {".bin", ".pt", ".pth", ".h5", ".msgpack"}]


def _kept(path: Path, folder: Path) -> bool:
    parts = path.relative_to(folder).parts
    # Downloads and clones keep their own records in hidden folders, trainers in checkpoint-500.
    hidden = any(part.startswith(".") for part in parts)
    made_anew = parts[0] in ("code", CONVERTED_FOLDER, DECODE_FOLDER, CONFIDENCE_NAME)
    return not hidden and not made_anew and not parts[0].startswith("checkpoint")


def model_digest(folder: Path) -> str:
    """Twelve hexadecimal digits over weights, processor and settings of a model folder."""
    hashes = {
        path.relative_to(folder).as_posix(): sha256_of(path)
        for path in model_files(folder)
        if path.suffix not in _SILENT_SUFFIXES and path.name not in _SILENT_NAMES
    }
    return digest_of({"files": hashes, "engine_version": ENGINE_VERSION})


def quantised_digest(source: str, files: Mapping[str, Path]) -> str:
    """Twelve hexadecimal digits over a quantised network and the model that it was made of."""
    return digest_of({"source": source, "files": {k: sha256_of(v) for k, v in files.items()}})
