"""Rows that give way: moved to ``history/``, taken back, written anew.

The order is what keeps a reader from missing a recording: the new file appears first, then the
old rows are copied to ``history/``, and only then taken out of the old file. One process at a time
does this, under the claim.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from itertools import chain, count

import pyarrow as pa
import pyarrow.compute as pc

from batch.dataset_files import (
    SOURCES,
    DataFile,
    data_files,
    merged_keys,
    opened,
    read_files,
    remove_hidden,
    tables_of,
)
from batch.layout import HISTORY, LEDGER, TRANSCRIPTS, RunKeys, last_run
from batch.parquet import ParquetSink, parquet_bytes, read_parquet, reading
from batch.schema import SCHEMAS
from manifests.scratch import scratch_folder
from manifests.storage import Store

Mask = Callable[[pa.Table], pa.Array]
"""Which rows of a table stay."""


def supersede(output: Store, keys: RunKeys, replaced: Mapping[str, set[str]]) -> int:
    """Move rows that this run replaces (ids by earlier run) to history; returns how many."""
    moved = dict.fromkeys(SCHEMAS, 0)
    for name in SCHEMAS if replaced else ():
        taken = merged_keys(data_files(output, f"{HISTORY}/{name}/"))
        for run_id, ids in sorted(replaced.items()):
            moved[name] += _move(output, keys, name, (run_id, ids), taken)
    return moved[TRANSCRIPTS]


def drop_run(output: Store, run_id: str) -> None:
    """Take the rows of a run that was given up, and never collected whole, away."""
    for name in SCHEMAS:
        output.delete(RunKeys(run_id=run_id).rows(name))
        take_out(output, name, run_id)


def take_out(output: Store, name: str, run_id: str) -> None:
    """Take a run's rows out of merged files: those of a file of its own count from now on."""
    key = RunKeys(run_id=run_id).rows(name)
    for file in remove_hidden(output, RunKeys(run_id=run_id).partition(name), but=key):
        if key in file.sources:
            rewrite(output, file, lambda table: pc.not_equal(table["run_id"], run_id), without=key)


def take_out_lines(output: Store, run_id: str) -> None:
    """Take a run's lines out of merged files of the ledger: those of its own file count."""
    for file in data_files(output, LEDGER):
        # No file holds lines of a run that is newer than its name says.
        if file.is_merged and last_run(file.key) >= run_id and _has_lines(output, file, run_id):
            rewrite(output, file, lambda table: pc.not_equal(table["run_id"], run_id))


def _has_lines(output: Store, file: DataFile, run_id: str) -> bool:
    with opened(output, file) as parquet:
        runs = (table["run_id"] for table in tables_of(parquet, columns=["run_id"]))
        return any(pc.any(pc.equal(column, run_id)).as_py() for column in runs)


def rewrite(output: Store, file: DataFile, stays: Mask, *, without: str = "") -> None:
    """Write a file anew with the rows that stay; without any, it goes.

    A merged file keeps the names of its sources but for ``without``.
    """
    sources = sorted(file.sources - {without})
    metadata = {SOURCES: json.dumps(sources).encode()} if file.is_merged else None
    with scratch_folder("rows") as scratch:
        path = scratch / "rows.parquet"
        with opened(output, file) as parquet, path.open("wb") as target:
            sink = ParquetSink(target, parquet.schema_arrow)
            left = 0
            for table in tables_of(parquet):
                rest = table.filter(stays(table))
                left += len(rest)
                if len(rest):
                    sink.write(rest)
            sink.close(metadata)
        if left:
            # Whoever slept meanwhile, and does not know it yet, must not bring rows back.
            output.replace(file.key, path, etag=file.etag)
        else:
            output.delete(file.key)


def files_of_run(output: Store, name: str, run_id: str) -> list[DataFile]:
    """The files that can hold a run's rows; mergers that were cut short are finished first."""
    files = remove_hidden(output, RunKeys(run_id=run_id).partition(name))
    return [file for file in files if file.may_hold(run_id)]


def rows_of_run(
    output: Store, name: str, file: DataFile, run_id: str, ids: Collection[str]
) -> pa.Table:
    """The rows that a run wrote for some recordings, as they stand in a file."""
    table = read_files(output, [file], SCHEMAS[name], ids=ids)
    return table.filter(pc.equal(table["run_id"], run_id))


def _move(
    output: Store, keys: RunKeys, name: str, earlier: tuple[str, set[str]], taken: Collection[str]
) -> int:
    run_id, ids = earlier
    files = files_of_run(output, name, run_id)
    tables = [rows_of_run(output, name, file, run_id, ids) for file in files]
    moved = sum(map(len, tables))
    key = keys.history(name, run_id)
    if not moved:
        return _moved_before(output, key)
    old = pa.concat_tables(tables, promote_options="default")
    # Written once: after a crash the old file may have lost these rows already.
    output.put_if_absent(_unmerged(key, taken), parquet_bytes(old))
    wanted = pa.array(sorted(ids), pa.string())
    for file, table in zip(files, tables, strict=True):
        if len(table):
            rewrite(output, file, lambda rows: pc.invert(_theirs(rows, run_id, wanted)))
    return moved


def _moved_before(output: Store, key: str) -> int:
    """Rows that this run moved before it was killed, and counts now."""
    if output.stat(key) is None:
        return 0
    with reading(output.uri_of(key)):
        return len(read_parquet(output.read(key), columns=["id"]))


def _theirs(rows: pa.Table, run_id: str, ids: pa.Array) -> pa.Array:
    return pc.and_(pc.is_in(rows["id"], ids), pc.equal(rows["run_id"], run_id))


def _unmerged(key: str, taken: Collection[str]) -> str:
    """A name that no merged file has taken: under that the rows would not be read again."""
    names = chain([key], (key.replace(".parquet", f"-{n}.parquet") for n in count(2)))
    return next(name for name in names if name not in taken)
