"""The project's own manifest, which is NeMo's form: ``manifests.labels`` reads it."""

from __future__ import annotations

from manifests.errors import InputError
from manifests.label_forms.place import LabelForm, Place, extension
from manifests.labels import MANIFEST, LabelledUtterance, read_labels

_KEYS = {"audio_filepath", "audio_filename"}


def is_manifest(place: Place, key: str) -> bool:
    """Whether a file's first line is of the project's own form."""
    return extension(key) in ("jsonl", "json") and bool(place.first_object(key).keys() & _KEYS)


def _manifests(place: Place) -> list[str]:
    """Manifests in the place itself; ``manifest.jsonl`` goes before others."""
    if place.file is None and MANIFEST in place.keys:
        return [MANIFEST]
    return place.named(lambda key: "/" not in key and is_manifest(place, key))


def _fits(place: Place) -> bool:
    return bool(_manifests(place))


def _read(place: Place) -> list[LabelledUtterance]:
    if place.file is not None:
        return read_labels(place.location)
    keys = _manifests(place)
    if len(keys) != 1:
        raise InputError(
            f"labels: {place.location}: {len(keys)} manifests found ({', '.join(keys) or 'none'}); "
            f"{MANIFEST} or one other is expected: name it"
        )
    return read_labels(place.shown(keys[0]))


OWN_MANIFEST = LabelForm(
    name="manifest",
    looks_like="JSON lines of audio_filepath, text and maybe duration (NeMo's manifest)",
    fits=_fits,
    read=_read,
)
