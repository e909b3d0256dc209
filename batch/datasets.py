"""The Parquet datasets: written whole by run, superseded rows moved to ``history/`` afterwards.

The order is what keeps a reader from missing a recording: the new file appears first, then the
old rows are copied to ``history/``, and only then taken out of the old file.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from batch.layout import HISTORY, SEGMENTS, TRANSCRIPTS, RunKeys
from batch.parquet import parquet_bytes, read_parquet
from batch.schema import SEGMENTS as SEGMENTS_SCHEMA
from batch.schema import TRANSCRIPTS as TRANSCRIPTS_SCHEMA
from manifests.storage import Store

SCHEMAS = {TRANSCRIPTS: TRANSCRIPTS_SCHEMA, SEGMENTS: SEGMENTS_SCHEMA}
_BATCH_ROWS = 1000


class RowWriter:
    """Writes one Parquet file in bounded memory."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self._path = path
        self._schema = schema
        self._writer = pq.ParquetWriter(path, schema, compression="zstd")
        self._rows: list[dict[str, Any]] = []

    def add(self, rows: Iterable[dict[str, Any]]) -> None:
        """Append rows."""
        self._rows += rows
        if len(self._rows) >= _BATCH_ROWS:
            self._flush()

    def close(self) -> Path:
        """Write what is left and the footer; returns the file."""
        self._flush()
        self._writer.close()
        return self._path

    def _flush(self) -> None:
        if self._rows:
            self._writer.write_table(pa.Table.from_pylist(self._rows, self._schema))
            self._rows = []


@contextmanager
def row_writer(schema: pa.Schema) -> Iterator[RowWriter]:
    """A writer whose file is there until the context ends."""
    with tempfile.TemporaryDirectory(prefix="nightscribe-rows-") as scratch:
        yield RowWriter(Path(scratch) / "rows.parquet", schema)


@contextmanager
def writing(output: Store, keys: RunKeys) -> Iterator[dict[str, RowWriter]]:
    """Writers for a run's files, by dataset; the files appear, whole, when all rows are in."""
    with tempfile.TemporaryDirectory(prefix="nightscribe-rows-") as scratch:
        paths = {name: Path(scratch) / f"{name}.parquet" for name in SCHEMAS}
        writers = {name: RowWriter(paths[name], SCHEMAS[name]) for name in SCHEMAS}
        yield writers
        for writer in writers.values():
            writer.close()
        # Segments first: a transcript row whose segments are not there yet would look wrong.
        for name in (SEGMENTS, TRANSCRIPTS):
            output.put(keys.rows(name), paths[name])


def supersede(output: Store, keys: RunKeys, replaced: Mapping[str, set[str]]) -> int:
    """Move rows that this run replaces (ids by earlier run) to history; returns how many."""
    moved = 0
    for run_id, ids in sorted(replaced.items()):
        wanted = pa.array(sorted(ids), pa.string())
        for name in SCHEMAS:
            count = _move(output, keys, name, run_id, wanted)
            moved += count if name == TRANSCRIPTS else 0
    return moved


def _move(output: Store, keys: RunKeys, name: str, run_id: str, wanted: pa.Array) -> int:
    key = RunKeys(run_id=run_id).rows(name)
    if output.stat(key) is None:
        return 0
    table = _read(output, key)
    chosen = pc.is_in(table["id"], wanted)
    old, rest = table.filter(chosen), table.filter(pc.invert(chosen))
    if not len(old):
        return 0
    # Written once: after a crash the old file may have lost these rows already.
    output.put_if_absent(keys.history(name, run_id), parquet_bytes(old))
    if len(rest):
        output.put(key, parquet_bytes(rest))
    else:
        output.delete(key)
    return len(old)


def drop_run(output: Store, run_id: str) -> None:
    """Take the rows of a run that was given up, and never collected whole, away."""
    for name in SCHEMAS:
        output.delete(RunKeys(run_id=run_id).rows(name))


def read_rows(
    output: Store,
    name: str,
    *,
    until: str | None = None,
    ids: set[str] | None = None,
    columns: Sequence[str] | None = None,
) -> pa.Table:
    """Rows of a dataset: the current ones, or those that were current after run ``until``."""
    if ids is not None and not ids:
        return _empty(name, columns)
    current = _read_all(output, f"{name}/", name, columns, ids)
    if until is None:
        return current
    history = _read_all(output, f"{HISTORY}/{name}/", name, columns, ids)
    # After a crash a row may stand in both places.
    there = set(_owners(current))
    history = history.filter(pa.array([one not in there for one in _owners(history)], pa.bool_()))
    return _newest(_joined([current, history]), until)


def _read_all(
    output: Store,
    folder: str,
    name: str,
    columns: Sequence[str] | None,
    ids: set[str] | None,
) -> pa.Table:
    tables = [_read(output, entry.key, columns=columns, ids=ids) for entry in output.list(folder)]
    return _joined([_empty(name, columns), *tables])


def _joined(tables: Sequence[pa.Table]) -> pa.Table:
    """Tables in one; columns that an older version did not write are null."""
    return pa.concat_tables(tables, promote_options="default")


def _empty(name: str, columns: Sequence[str] | None) -> pa.Table:
    empty = SCHEMAS[name].empty_table()
    return empty.select(columns) if columns else empty


def _owners(table: pa.Table) -> Iterator[tuple[str, str]]:
    return zip(table["id"].to_pylist(), table["run_id"].to_pylist(), strict=True)


def _newest(table: pa.Table, until: str) -> pa.Table:
    table = table.filter(pc.less_equal(table["run_id"], until))
    newest: dict[str, str] = {}
    for one, run_id in _owners(table):
        newest[one] = max(run_id, newest.get(one, ""))
    keep = [newest[one] == run_id for one, run_id in _owners(table)]
    return table.filter(pa.array(keep, pa.bool_()))


def _read(
    output: Store,
    key: str,
    *,
    columns: Sequence[str] | None = None,
    ids: set[str] | None = None,
) -> pa.Table:
    table = read_parquet(output.read(key), columns=columns)
    if ids is None:
        return table
    return table.filter(pc.is_in(table["id"], pa.array(sorted(ids), pa.string())))
