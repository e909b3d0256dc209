"""Labelled speech from Hugging Face ``datasets``: ``dataset:NAME[/CONFIG]#SPLIT``.

The package is optional (``pip install 'nightscribe[datasets]'``). Sound is not decoded: its
bytes are written once, by their hash, into a cache folder, and read there like any other.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from manifests.errors import InputError
from manifests.hashing import sha256_of
from manifests.label_forms.place import SOUND_EXTENSIONS, extension
from manifests.label_forms.rows import LANGUAGE_COLUMNS, SPEAKER_COLUMNS, LabelRow
from manifests.labels import LabelledUtterance
from manifests.local_store import LocalStore
from manifests.storage import Store

CACHE_VARIABLE = "NIGHTSCRIBE_CACHE"
_USUAL_CACHE = "~/.cache/nightscribe"
_EXPECTED = "expected dataset:NAME[/CONFIG]#SPLIT, as in dataset:openslr/librispeech_asr/clean#test"
_RECORDING_COLUMNS = ("recording", "recording_id", "chapter_id", "book_id", "meeting_id")


@dataclass(frozen=True, kw_only=True)
class DatasetName:
    """A dataset of the hub or of a folder, its configuration, and the split."""

    path: str
    config: str | None
    split: str

    @staticmethod
    def parse(written: str) -> DatasetName:
        """From ``OWNER/NAME``, ``OWNER/NAME/CONFIG`` or a folder's path, ``#`` and a split.

        Raises:
            InputError: a part is missing.
        """
        path, mark, split = written.partition("#")
        if not path or not mark or not split:
            raise InputError(f"labels: 'dataset:{written}' found; {_EXPECTED}")
        parts = path.split("/")
        if Path(path).exists() or path.startswith((".", "/")) or len(parts) < 3:
            return DatasetName(path=path, config=None, split=split)
        return DatasetName(path="/".join(parts[:2]), config="/".join(parts[2:]), split=split)


def read_dataset(written: str) -> list[LabelledUtterance]:
    """The utterances of ``NAME[/CONFIG]#SPLIT``, with their sound in the cache folder.

    Raises:
        InputError: ``datasets`` is not installed, there is no such dataset, or it has no sound
            or no text.
    """
    name = DatasetName.parse(written)
    table = _loaded(name)
    column = _audio_column(table, written)
    table = _undecoded(table, column)
    sounds = LocalStore(cache_folder())
    return [
        _utterance(
            LabelRow(cells=_lower(row), where=f"dataset:{written}, row {number}"),
            column.lower(),
            sounds,
        )
        for number, row in enumerate(_rows(table))
    ]


def cache_folder() -> Path:
    """Where sound of datasets is kept: ``$NIGHTSCRIBE_CACHE`` or ``~/.cache/nightscribe``."""
    return Path(os.environ.get(CACHE_VARIABLE) or _USUAL_CACHE).expanduser() / "datasets"


def _loaded(name: DatasetName) -> Any:
    datasets = _package()
    try:
        table = _table(datasets, name)
    # The hub, the cache and a dataset's files fail with errors of a dozen packages.
    except Exception as error:
        raise InputError(
            f"labels: dataset {name.path!r}, configuration {name.config!r}, split {name.split!r}: "
            f"{type(error).__name__}: {error}; {_EXPECTED}"
        ) from error
    # load_dataset gives what was asked for; a folder gives what it holds.
    if _holds_one_split(name) and str(table.split) not in (name.split, "None"):
        raise InputError(
            f"labels: dataset {name.path!r} holds the split {table.split}; {name.split!r} found"
        )
    return table


def _table(datasets: Any, name: DatasetName) -> Any:
    """The split, from a folder that ``save_to_disk`` wrote or by ``load_dataset``."""
    if _holds_one_split(name):
        return datasets.load_from_disk(name.path)
    if (Path(name.path) / "dataset_dict.json").exists():
        return datasets.load_from_disk(name.path)[name.split]
    return datasets.load_dataset(name.path, name.config, split=name.split)


def _holds_one_split(name: DatasetName) -> bool:
    return (Path(name.path) / "state.json").exists()


def _package() -> Any:
    try:
        import datasets  # noqa: PLC0415
    except ImportError as error:
        raise InputError(
            "labels of the form dataset:… need the package datasets; "
            "install it with: pip install 'nightscribe[datasets]'"
        ) from error
    return datasets


def _audio_column(table: Any, written: str) -> str:
    audio = _package().Audio
    found = [name for name, feature in table.features.items() if isinstance(feature, audio)]
    if len(found) != 1:
        raise InputError(
            f"labels: dataset:{written}: {len(found)} columns of sound found among "
            f"{', '.join(table.features)}; one is expected"
        )
    return str(found[0])


def _undecoded(table: Any, column: str) -> Any:
    return table.cast_column(column, _package().Audio(decode=False))


def _rows(table: Any) -> Iterator[Mapping[str, Any]]:
    yield from table


def _lower(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name.lower(): value for name, value in row.items()}


def _utterance(row: LabelRow, column: str, sounds: Store) -> LabelledUtterance:
    speaker = row.name(SPEAKER_COLUMNS)
    recording = row.name(_RECORDING_COLUMNS)
    # LibriSpeech numbers chapters within a speaker's books: one chapter has several readers.
    both = f"{speaker}-{recording}" if speaker and recording else recording
    return LabelledUtterance(
        audio=_kept(row, column, sounds),
        text=row.text(),
        speaker=speaker,
        recording=both,
        language=row.name(LANGUAGE_COLUMNS),
        source=row.where,
    )


def _kept(row: LabelRow, column: str, sounds: Store) -> str:
    """The URI of the row's sound in the cache, written there unless it is already."""
    sound = row.cells[column] or {}
    path, data = sound.get("path"), sound.get("bytes")
    if data is None and path:
        try:
            data = Path(path).read_bytes()
        except OSError as error:
            raise InputError(f"{row.where}: {path}: {error.strerror}") from error
    if not data:
        raise InputError(f"{row.where}: no sound in column {column!r}; {_EXPECTED}")
    kind = extension(path or "")
    name = sha256_of(data)
    key = f"{name[:2]}/{name}.{kind if kind in SOUND_EXTENSIONS else 'sound'}"
    if sounds.stat(key) is None:
        sounds.put(key, data)
    return sounds.uri_of(key)
