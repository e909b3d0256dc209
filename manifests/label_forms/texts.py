"""Text files beside the recordings: ``talk.txt`` says what is said in ``talk.wav``."""

from __future__ import annotations

from manifests.errors import InputError
from manifests.label_forms.librispeech import LIBRISPEECH
from manifests.label_forms.place import LabelForm, Place, extension
from manifests.labels import LabelledUtterance
from manifests.matching import without_extension


def _texts(place: Place) -> list[str]:
    """Text files of which there is a recording; a README.txt is not one."""
    if place.file is not None or LIBRISPEECH.fits(place):
        return []
    sounds = set(place.sounds) | {without_extension(key) for key in place.sounds}
    return place.named(lambda key: extension(key) == "txt" and key[: -len(".txt")] in sounds)


def _fits(place: Place) -> bool:
    return bool(_texts(place))


def _read(place: Place) -> list[LabelledUtterance]:
    keys = _texts(place)
    if not keys:
        raise InputError(
            f"labels: {place.location}: no .txt with a recording of the same name found; "
            "name the folder that holds both"
        )
    return [
        LabelledUtterance(
            audio=place.sound(key[: -len(".txt")], where=place.shown(key)),
            text=" ".join(place.text(key).split()),
            source=place.shown(key),
        )
        for key in keys
    ]


TEXTS = LabelForm(name="texts", looks_like="a .txt beside each recording", fits=_fits, read=_read)
