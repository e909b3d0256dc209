"""Tables beside the recordings: ``recording TAB text``, or a header with more columns.

Also audiofolder, the layout of Hugging Face ``datasets``: a ``metadata.csv`` or
``metadata.jsonl`` in each folder of recordings.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import replace

from manifests.errors import InputError
from manifests.label_forms.manifest import is_manifest
from manifests.label_forms.place import LabelForm, Place, extension, split_named
from manifests.label_forms.rows import (
    LANGUAGE_COLUMNS,
    SPEAKER_COLUMNS,
    LabelRow,
    label_rows,
)
from manifests.labels import LabelledUtterance
from manifests.tables import RECORDING_COLUMNS, TEXT_COLUMNS

_METADATA = ("metadata.csv", "metadata.jsonl", "metadata.tsv")
_USUAL_NAMES = ("transcripts", "labels", "references")


def _table_fits(place: Place) -> bool:
    return bool(_tables(place))


def _tables(place: Place) -> list[str]:
    """Tables in the place itself, not below; transcripts.tsv and the like before others."""
    found = place.named(lambda key: "/" not in key and _is_table(place, key))
    usual = [key for key in found if key.partition(".")[0].lower() in _USUAL_NAMES]
    return usual or found


def _is_table(place: Place, key: str) -> bool:
    kind = extension(key)
    if posixpath.basename(key).lower() in _METADATA or kind not in ("tsv", "csv", "jsonl", "json"):
        return False
    if kind in ("jsonl", "json"):
        row = place.first_object(key)
        return (
            not is_manifest(place, key) and _has(row, RECORDING_COLUMNS) and _has(row, TEXT_COLUMNS)
        )
    cells = [cell.strip().lower() for cell in _cells(place.first_line(key), kind)]
    # Common Voice's tables look in clips/, which is a form of its own.
    if "client_id" in cells and "sentence" in cells:
        return False
    # A table that was named is one, well made or not: reading it says what is wrong with it.
    if key == place.file:
        return True
    return len(cells) == 2 or (_has(cells, RECORDING_COLUMNS) and _has(cells, TEXT_COLUMNS))


def _cells(line: str, kind: str) -> list[str]:
    return line.split("\t" if kind == "tsv" else ",")


def _has(row: object, columns: tuple[str, ...]) -> bool:
    return any(column in row for column in columns)  # type: ignore[operator]


def _read_tables(place: Place) -> list[LabelledUtterance]:
    keys = [place.file] if place.file else _tables(place)
    if len(keys) != 1:
        raise InputError(
            f"labels: {place.location}: {len(keys)} tables found ({', '.join(keys) or 'none'}); "
            "expected one .tsv, .csv or .jsonl file: name it"
        )
    return place.with_sound([_utterance(place, row) for row in label_rows(place, keys[0])])


def _utterance(place: Place, row: LabelRow, *, folder: str = "") -> LabelledUtterance:
    offset, duration = row.span()
    name = row.required(RECORDING_COLUMNS)
    if folder and not name.startswith("/") and "://" not in name:
        name = f"{folder}/{name}"
    return LabelledUtterance(
        audio=place.sound(name, where=row.where),
        text=row.text(),
        duration=duration,
        offset=offset,
        channel=row.channel(),
        speaker=row.name(SPEAKER_COLUMNS),
        language=row.name(LANGUAGE_COLUMNS),
        split=row.name(("split",)),
        source=row.where,
    )


TABLE = LabelForm(
    name="table",
    looks_like="a .tsv or .csv of recording and text beside the recordings",
    fits=_table_fits,
    read=_read_tables,
)


def _is_metadata(key: str) -> bool:
    return posixpath.basename(key).lower() in _METADATA


def _audiofolder_fits(place: Place) -> bool:
    return bool(place.named(_is_metadata))


def _read_audiofolder(place: Place) -> list[LabelledUtterance]:
    keys = [place.file] if place.file else place.named(_is_metadata)
    if not keys:
        raise InputError(
            f"labels: {place.location}: no {' or '.join(_METADATA)} found in it or below"
        )
    return place.with_sound([one for key in keys for one in _metadata(place, key)])


def _metadata(place: Place, key: str) -> Iterator[LabelledUtterance]:
    folder = posixpath.dirname(key)
    split = split_named(folder.partition("/")[0])
    for row in label_rows(place, key):
        found = _utterance(place, row, folder=folder)
        yield replace(found, split=found.split or split)


AUDIOFOLDER = LabelForm(
    name="audiofolder",
    looks_like="metadata.csv or metadata.jsonl with file_name and transcription, text or sentence",
    fits=_audiofolder_fits,
    read=_read_audiofolder,
)
