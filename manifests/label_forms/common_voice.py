"""Common Voice's layout: ``train.tsv``, ``dev.tsv``, ``test.tsv`` and the sound in ``clips/``."""

from __future__ import annotations

from collections.abc import Iterator

from manifests.errors import InputError
from manifests.label_forms.place import LabelForm, Place, extension, split_named
from manifests.label_forms.rows import LANGUAGE_COLUMNS, LabelRow, label_rows
from manifests.labels import LabelledUtterance, located

_COLUMNS = ("client_id", "path", "sentence")
_SPLIT_FILES = ("train.tsv", "dev.tsv", "test.tsv")
_ALL_CHECKED = "validated.tsv"


def _tables(place: Place) -> list[str]:
    return place.named(lambda key: "/" not in key and _is_common_voice(place, key))


def _is_common_voice(place: Place, key: str) -> bool:
    return extension(key) == "tsv" and set(_COLUMNS) <= set(place.first_line(key).split("\t"))


def _fits(place: Place) -> bool:
    return bool(_tables(place))


def _read(place: Place) -> list[LabelledUtterance]:
    return [one for key in _chosen(place) for one in _table(place, key)]


def _chosen(place: Place) -> list[str]:
    """The named table; of a folder the official splits, or else what listeners validated."""
    if place.file:
        return [place.file]
    found = _tables(place)
    # validated.tsv holds the splits and more: both together would say most things twice.
    chosen = [key for key in _SPLIT_FILES if key in found] or [
        key for key in (_ALL_CHECKED,) if key in found
    ]
    if not chosen:
        raise InputError(
            f"labels: {place.location}: found {', '.join(found) or 'no table'}; expected "
            f"{', '.join(_SPLIT_FILES)} or {_ALL_CHECKED} with {', '.join(_COLUMNS)}: name one"
        )
    return chosen


def _table(place: Place, key: str) -> Iterator[LabelledUtterance]:
    split = split_named(key)
    for row in label_rows(place, key):
        yield LabelledUtterance(
            audio=located(_clip(row), place.store),
            text=row.text(("sentence",)),
            speaker=row.name(("client_id",)),
            language=row.name(LANGUAGE_COLUMNS),
            split=split,
            source=row.where,
        )


def _clip(row: LabelRow) -> str:
    path = row.required(("path",))
    # The first releases left the extension out.
    name = path if extension(path) else f"{path}.mp3"
    return name if "/" in name else f"clips/{name}"


COMMON_VOICE = LabelForm(
    name="commonvoice",
    looks_like="a .tsv with client_id, path and sentence, beside clips/",
    fits=_fits,
    read=_read,
)
