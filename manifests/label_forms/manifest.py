"""The project's own manifest, which is NeMo's form: ``manifests.labels`` reads it."""

from __future__ import annotations

from manifests.label_forms.place import LabelForm, Place, extension
from manifests.labels import MANIFEST, LabelledUtterance, read_labels


def _fits(place: Place) -> bool:
    if place.file is None:
        return MANIFEST in place.keys
    keys = place.first_object(place.file).keys()
    return extension(place.file) in ("jsonl", "json") and bool(
        keys & {"audio_filepath", "audio_filename"}
    )


def _read(place: Place) -> list[LabelledUtterance]:
    return read_labels(place.location)


OWN_MANIFEST = LabelForm(
    name="manifest",
    looks_like="JSON lines of audio_filepath, text and maybe duration (NeMo's manifest)",
    fits=_fits,
    read=_read,
)
