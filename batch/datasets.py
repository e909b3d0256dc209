"""The Parquet datasets: a run's file written whole, and rows read back as they are or were.

Who reads finds the current row of every recording at any moment: a new file appears before the
rows that it replaces go (``batch/superseding.py``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from batch.dataset_files import DataFile, opened, read_files, steadily, tables_of
from batch.layout import HISTORY, LEDGER, SEGMENTS, TRANSCRIPTS, RunKeys
from batch.ledger import MOVED
from batch.parquet import ParquetSink
from batch.schema import SCHEMAS
from batch.superseding import take_out
from manifests.scratch import scratch_folder
from manifests.storage import Store

_BATCH_ROWS = 1000


class RowWriter:
    """Writes one Parquet file in bounded memory."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self._path = path
        self._schema = schema
        self._file = path.open("wb")
        self._sink = ParquetSink(self._file, schema)
        self._rows: list[dict[str, Any]] = []

    def add(self, rows: Iterable[dict[str, Any]]) -> None:
        """Append rows."""
        self._rows += rows
        if len(self._rows) >= _BATCH_ROWS:
            self._flush()

    def close(self) -> Path:
        """Write what is left and the footer; returns the file."""
        self._flush()
        self._sink.close()
        self._file.close()
        return self._path

    def _flush(self) -> None:
        if self._rows:
            self._sink.write(pa.Table.from_pylist(self._rows, self._schema))
            self._rows = []


@contextmanager
def row_writer(schema: pa.Schema) -> Iterator[RowWriter]:
    """A writer whose file is there until the context ends."""
    with scratch_folder("rows") as scratch:
        yield RowWriter(scratch / "rows.parquet", schema)


@contextmanager
def writing(output: Store, keys: RunKeys) -> Iterator[dict[str, RowWriter]]:
    """Writers for a run's files, by dataset; the files appear, whole, when all rows are in."""
    before = {name: output.stat(keys.rows(name)) for name in SCHEMAS}
    with scratch_folder("rows") as scratch:
        paths = {name: scratch / f"{name}.parquet" for name in SCHEMAS}
        writers = {name: RowWriter(paths[name], SCHEMAS[name]) for name in SCHEMAS}
        yield writers
        for writer in writers.values():
            writer.close()
        # Segments first: a transcript row whose segments are not there yet would look wrong.
        for name in (SEGMENTS, TRANSCRIPTS):
            known = before[name]
            etag = None if known is None else known.etag
            output.replace(keys.rows(name), paths[name], etag=etag)
            take_out(output, name, keys.run_id)


def read_rows(
    output: Store,
    name: str,
    *,
    until: str | None = None,
    ids: set[str] | None = None,
    columns: Sequence[str] | None = None,
    run_id: str | None = None,
) -> pa.Table:
    """Rows of a dataset: the current ones, or those that were current after run ``until``.

    Columns that an older version did not write are null. ``run_id``: only current ones that a run
    wrote, from the files that can hold them.
    """
    if ids is not None and not ids:
        return read_files(output, [], SCHEMAS[name], columns=columns)
    if run_id is not None:
        return _of_run(output, name, run_id, ids, columns)
    folders = [f"{name}/"] if until is None else [f"{name}/", f"{HISTORY}/{name}/", LEDGER]

    def read(files: list[list[DataFile]]) -> pa.Table:
        current = read_files(output, files[0], SCHEMAS[name], columns=columns, ids=ids)
        if until is None:
            return current
        history = [
            read_files(output, [file], SCHEMAS[name], columns=columns, ids=ids) for file in files[1]
        ]
        rows = newest_until([current, *history], until)
        return _without_moved(rows, _moved_away(output, files[2], until))

    return steadily(output, folders, read)


def _of_run(
    output: Store,
    name: str,
    run_id: str,
    ids: set[str] | None,
    columns: Sequence[str] | None,
) -> pa.Table:
    wanted = None if columns is None else list(dict.fromkeys([*columns, "run_id"]))

    def read(files: list[list[DataFile]]) -> pa.Table:
        holding = [file for file in files[0] if file.may_hold(run_id)]
        table = read_files(output, holding, SCHEMAS[name], columns=wanted, ids=ids)
        table = table.filter(pc.equal(table["run_id"], run_id))
        return table if columns is None else table.select(columns)

    return steadily(output, [RunKeys(run_id=run_id).partition(name)], read)


def newest_until(tables: Sequence[pa.Table], until: str) -> pa.Table:
    """Of each id, the rows of its newest run up to ``until``, as ``newest`` has them."""
    return newest([table.filter(pc.less_equal(table["run_id"], until)) for table in tables])


def newest(tables: Sequence[pa.Table]) -> pa.Table:
    """Of each id, the rows of its newest run; ``tables`` hold id and run_id.

    After a crash a row may stand in several tables: the first of them counts.
    """
    places = [pa.repeat(number, len(table)) for number, table in enumerate(tables)]
    joined = pa.concat_tables(tables, promote_options="default")
    if not len(joined):
        return joined
    place = pa.chunked_array(places)
    run = _numbered(joined["run_id"])
    is_last = pc.equal(run, _of_group(joined["id"], run, "max"))
    joined, place = joined.filter(is_last), place.filter(is_last)
    return joined.filter(pc.equal(place, _of_group(joined["id"], place, "min")))


def _moved_away(output: Store, ledger: Sequence[DataFile], until: str) -> dict[str, str]:
    """Ids under which a recording is no more, and the run that found it elsewhere."""
    found: dict[str, str] = {}
    for file in ledger:
        with opened(output, file) as parquet:
            for table in tables_of(parquet, columns=["id", "status", "run_id"]):
                lines = table.filter(pc.equal(table["status"], MOVED))
                for line in lines.filter(pc.less_equal(lines["run_id"], until)).to_pylist():
                    found[line["id"]] = max(line["run_id"], found.get(line["id"], ""))
    return found


def _without_moved(rows: pa.Table, moved: dict[str, str]) -> pa.Table:
    """Without what was moved since: the new path has it."""
    if not moved or not len(rows):
        return rows
    owners = zip(rows["id"].to_pylist(), rows["run_id"].to_pylist(), strict=True)
    return rows.filter(
        pa.array([run_id > moved.get(one, "") for one, run_id in owners], pa.bool_())
    )


def _numbered(values: pa.ChunkedArray) -> pa.Array:
    """Numbers in the order of the values."""
    known = pa.array(sorted(pc.unique(values).to_pylist()), values.type)
    return pc.index_in(values, known).combine_chunks()


def _of_group(keys: pa.ChunkedArray, numbers: pa.Array, what: str) -> pa.Array:
    """For each row the least or the greatest number among those with its key."""
    table = pa.table({"key": keys, "number": numbers})
    grouped = table.group_by("key", use_threads=False).aggregate([("number", what)])
    return grouped[f"number_{what}"].take(pc.index_in(keys, grouped["key"].combine_chunks()))
