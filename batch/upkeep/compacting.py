"""Many small files into few: of one partition, of history, of the ledger.

The merged file is there, whole, before its sources go, and names them: our own readers count no row
twice, others may see one in both places for that moment. Nobody misses one.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from batch.dataset_files import SOURCES, DataFile, data_files, opened, remove_hidden, tables_of
from batch.datasets import newest
from batch.layout import HISTORY, LEDGER, MERGED, last_run
from batch.parquet import ParquetSink
from batch.runs import unfinished
from batch.schema import LEDGER as LEDGER_SCHEMA
from batch.schema import SCHEMAS
from batch.upkeep.moved_lines import lines_beside, lines_of_moves
from manifests.scratch import scratch_folder
from manifests.storage import Store

TARGET_BYTES = 128 << 20
MANY = 32
"""Files that lie together before a run merges them by itself."""
_ROWS = 16 * 1024


@dataclass(frozen=True, kw_only=True)
class Merger:
    """Files of one folder that become one."""

    folder: str
    files: tuple[DataFile, ...]

    @property
    def size(self) -> int:
        """Bytes of the files."""
        return sum(file.size for file in self.files)

    def line(self) -> str:
        """For a terminal."""
        return f"{self.folder}: {len(self.files)} files, {self.size / (1 << 20):.1f} MB"


def mergers(output: Store, *, least: int = 2) -> list[Merger]:
    """What would be merged, where at least ``least`` files lie together; nothing is written.

    The files of a run that is not finished are left to it.
    """
    busy = unfinished(output)
    found: list[Merger] = []
    for name in SCHEMAS:
        files = data_files(output, f"{name}/")
        found += _grouped(files, busy, together=_folder, least=least)
        history = data_files(output, f"{HISTORY}/{name}/")
        found += _grouped(history, busy, together=_month, least=least)
    found += _grouped(data_files(output, LEDGER), busy, together=_folder, least=least)
    return found


def compact(output: Store, *, least: int = 2) -> list[Merger]:
    """Merge what lies together; under the claim only. Safe to repeat after a crash."""
    for folder in (*(f"{name}/" for name in SCHEMAS), f"{HISTORY}/"):
        remove_hidden(output, folder)
    done = mergers(output, least=least)
    for merger in done:
        _merge(output, merger)
    return done


def _grouped(
    files: Sequence[DataFile],
    busy: Collection[str],
    *,
    together: Callable[[DataFile], str],
    least: int,
) -> Iterator[Merger]:
    groups: dict[str, list[DataFile]] = defaultdict(list)
    for file in files:
        # Half of the target is large enough: merged again, it would be copied every night.
        if file.size < TARGET_BYTES / 2 and not _is_busy(file, busy):
            groups[together(file)].append(file)
    for group in groups.values():
        for part in _parts(group):
            if len(part) >= max(2, least):
                yield Merger(folder=_folder(part[0]), files=tuple(part))


def _parts(files: Sequence[DataFile]) -> Iterator[list[DataFile]]:
    part: list[DataFile] = []
    for file in files:
        part.append(file)
        if sum(one.size for one in part) >= TARGET_BYTES:
            yield part
            part = []
    yield part


def _is_busy(file: DataFile, busy: Collection[str]) -> bool:
    return any(last_run(file.key).startswith(run_id) for run_id in busy)


def _folder(file: DataFile) -> str:
    return f"{file.key.rpartition('/')[0]}/"


def _month(file: DataFile) -> str:
    """History is merged by the month in which it became history, so that it can expire."""
    return last_run(file.key)[: len("2026-11")]


def _merge(output: Store, merger: Merger) -> None:
    keys = sorted(file.key for file in merger.files)
    sources = sorted({*keys, *(key for file in merger.files for key in file.sources)})
    digest = hashlib.sha256("\n".join(sources).encode()).hexdigest()[:12]
    newest = max(last_run(key) for key in keys)
    with scratch_folder("merged") as scratch:
        path = scratch / "rows.parquet"
        if merger.folder == LEDGER:
            _write_ledger(output, merger, path)
        else:
            _write_rows(output, merger, path, sources)
        output.put(f"{merger.folder}{newest}{MERGED}{digest}.parquet", path)
    for key in keys:
        output.delete(key)


def _write_rows(output: Store, merger: Merger, path: Path, sources: list[str]) -> None:
    """A row group holds the rows of many small files, or opening the file would take its time."""
    schema = SCHEMAS[merger.folder.removeprefix(f"{HISTORY}/").split("/")[0]]
    with path.open("wb") as target:
        sink = ParquetSink(target, schema)
        waiting: list[pa.Table] = []
        for table in _tables(output, merger, schema):
            waiting.append(table)
            if sum(map(len, waiting)) >= _ROWS:
                sink.write(pa.concat_tables(waiting))
                waiting = []
        if waiting:
            sink.write(pa.concat_tables(waiting))
        sink.close({SOURCES: json.dumps(sources).encode()})


def _write_ledger(output: Store, merger: Merger, path: Path) -> None:
    """The newest line of each recording; it names no sources, because the newest wins anyway.

    Lines that tell of moves stay beside newer ones: who reads as it was must not find a recording
    under both paths, and who forgets it must find both.
    """
    tables = list(_tables(output, merger, LEDGER_SCHEMA))
    latest = newest(tables)
    older = lines_beside(lines_of_moves(pa.concat_tables(tables)), latest)
    lines = pa.concat_tables([latest, older]).sort_by("id")
    with path.open("wb") as target:
        sink = ParquetSink(target, LEDGER_SCHEMA)
        for start in range(0, len(lines), _ROWS):
            sink.write(lines.slice(start, _ROWS))
        sink.close()


def _tables(output: Store, merger: Merger, schema: pa.Schema) -> Iterator[pa.Table]:
    """Tables with all columns of today's schema; what an older version did not write is null."""
    for file in merger.files:
        with opened(output, file) as parquet:
            for table in tables_of(parquet):
                whole = pa.concat_tables([schema.empty_table(), table], promote_options="default")
                yield whole.select(schema.names).cast(schema)
