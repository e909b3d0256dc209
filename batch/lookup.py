"""One recording found without reading everything: id → ledger → the file of its row."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow.compute as pc

from batch.dataset_files import DataFile, opened, steadily, tables_of
from batch.layout import HISTORY, LEDGER, TRANSCRIPTS, last_run
from batch.ledger import Result
from manifests.errors import InputError
from manifests.matching import Matcher, without_extension
from manifests.recordings import recording_id
from manifests.storage import Store


def line_of(output: Store, one: str) -> Result | None:
    """The newest line of the ledger of a recording.

    Files are looked at from the newest on, and no further than a newer line can be.
    """

    def read(files: list[list[DataFile]]) -> Result | None:
        newest: Result | None = None
        for file in sorted(files[0], key=lambda file: last_run(file.key), reverse=True):
            if newest is not None and last_run(file.key) < newest.run_id:
                break
            for row in _rows(output, file, one):
                if newest is None or row["run_id"] > newest.run_id:
                    newest = Result(**row)
        return newest

    return steadily(output, [LEDGER], read)


def ids_like(output: Store, name: str) -> dict[str, str]:
    """Ids by path of all recordings in the ledger that a name can mean (``manifests.matching``)."""
    written = without_extension(name.replace("\\", "/").rpartition("/")[2])
    found: dict[str, str] = {}

    def read(files: list[list[DataFile]]) -> None:
        for file in files[0]:
            with opened(output, file) as parquet:
                for table in tables_of(parquet, columns=["id", "path"]):
                    chosen = table.filter(pc.match_substring(table["path"], written))
                    paths, ids = chosen["path"].to_pylist(), chosen["id"].to_pylist()
                    found.update(zip(paths, ids, strict=True))

    steadily(output, [LEDGER], read)
    return found


def meant(output: Store, name: str) -> Result:
    """The ledger's line of the recording that a name means.

    Raises:
        InputError: no recording, or several, by that name.
    """
    exact = line_of(output, recording_id(name))
    if exact is not None:
        return exact
    like = ids_like(output, name)
    match = Matcher(like).match(name)
    found = line_of(output, like[match.path]) if match.path is not None else None
    if found is not None:
        return found
    if match.candidates:
        known = ", ".join(match.candidates[:5])
        raise InputError(f"{name!r} fits several recordings; for example: {known}")
    some = _some_paths(output)
    if not some:
        raise InputError(f"no transcripts below {output.uri} yet; 'nightscribe run' makes them")
    known = ", ".join(some)
    raise InputError(f"{name!r} is no recording with a row; for example: {known}")


def superseded_rows(output: Store, one: str, columns: list[str]) -> list[dict[str, Any]]:
    """A recording's rows in history, in no order."""

    def read(files: list[list[DataFile]]) -> list[dict[str, Any]]:
        return [row for file in files[0] for row in _rows(output, file, one, columns)]

    return steadily(output, [f"{HISTORY}/{TRANSCRIPTS}/"], read)


def _rows(
    output: Store, file: DataFile, one: str, columns: list[str] | None = None
) -> Iterator[dict[str, Any]]:
    with opened(output, file) as parquet:
        for table in tables_of(parquet, columns=columns, ids={one}):
            yield from table.to_pylist()


def _some_paths(output: Store) -> list[str]:
    for entry in output.list(LEDGER):
        file = DataFile(key=entry.key, size=entry.size, etag=entry.etag)
        with opened(output, file) as parquet:
            for table in tables_of(parquet, columns=["path"]):
                return sorted(table["path"].to_pylist())[:5]
    return []
