"""Which Parquet files make up a dataset, and how one of them is read.

A merged file names its sources in its footer. While one of them is still there, after a crash or
for a moment, it is not read: a row that stands in both would count twice.
"""

from __future__ import annotations

import io
import json
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import BinaryIO, TypeVar

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from batch.layout import MERGED
from batch.parquet import reading
from manifests.errors import ObjectChangedError, ObjectNotFoundError
from manifests.storage import Store, StoredObject

T = TypeVar("T")

SOURCES = b"nightscribe.sources"
# A smaller file is fetched in one request, a larger one only where it is needed.
_WHOLE_BYTES = 4 << 20
_TRIES = 5


@dataclass(frozen=True, kw_only=True)
class DataFile:
    """One Parquet file of a dataset; ``sources`` are the keys that were merged into it."""

    key: str
    size: int
    etag: str
    sources: frozenset[str] = frozenset()

    @property
    def is_merged(self) -> bool:
        """Whether it holds the rows of other files."""
        return MERGED in self.key

    def may_hold(self, run_id: str) -> bool:
        """Whether rows that a run wrote can be in it."""
        return any(writer_of(key) == run_id for key in (self.key, *self.sources))


def writer_of(key: str) -> str:
    """The run that wrote the rows of a file, by its name; of a merged file, no run's name."""
    return key.rpartition("/")[2].removesuffix(".parquet").partition("-by-")[0]


def data_files(output: Store, folder: str) -> list[DataFile]:
    """The files below a folder that count, sorted by key."""
    return _split(output, output.list(folder))[0]


def merged_keys(files: Iterable[DataFile]) -> frozenset[str]:
    """The keys of all files whose rows stand in a merged one."""
    return frozenset[str]().union(*(file.sources for file in files))


def remove_hidden(output: Store, folder: str, *, but: str = "") -> list[DataFile]:
    """Finish mergers that were cut short: what was merged goes. Returns the files that count.

    Without this a file would come back when the last row of its merged file goes. ``but`` is left
    alone: it has just been written, and counts once it is taken out of the merged file.
    """
    counting, hidden = _split(output, output.list(folder))
    for key in hidden:
        if key != but:
            output.delete(key)
    return counting


def steadily(output: Store, folders: Sequence[str], read: Callable[[list[list[DataFile]]], T]) -> T:
    """Read folders as they stand together: again, where files came or went meanwhile.

    A row moves from one file to another while it is superseded or merged; who lists the one before
    and reads the other after would miss it. ``read`` gets the files of each folder.
    """
    for left in reversed(range(_TRIES)):
        before = [list(output.list(folder)) for folder in folders]
        try:
            found = read([_split(output, entries)[0] for entries in before])
        except (ObjectNotFoundError, ObjectChangedError):
            if not left:
                raise
            continue
        if not left or before == [list(output.list(folder)) for folder in folders]:
            return found
    raise AssertionError


@dataclass(frozen=True, kw_only=True)
class OpenedFile:
    """A Parquet file that is named where it turns out to be damaged."""

    uri: str
    parquet: pq.ParquetFile

    @classmethod
    def of(cls, source: BinaryIO, uri: str) -> OpenedFile:
        """A file's footer is read here, its rows when they are asked for."""
        with reading(uri):
            # Parsing on this thread alone: see read_parquet.
            return cls(uri=uri, parquet=pq.ParquetFile(source, pre_buffer=False))

    @property
    def schema_arrow(self) -> pa.Schema:
        """The columns."""
        with reading(self.uri):
            return self.parquet.schema_arrow

    @property
    def metadata(self) -> pq.FileMetaData:
        """The footer."""
        return self.parquet.metadata

    def group(self, number: int, columns: Sequence[str] | None) -> pa.Table:
        """One row group, or some columns of it."""
        with reading(self.uri):
            return self.parquet.read_row_group(number, columns=columns, use_threads=False)

    def can_hold(self, number: int, ids: list[str]) -> bool:
        """Whether a row group can, by its smallest and largest id, where the footer has them."""
        place = self.schema_arrow.names.index("id")
        with reading(self.uri):
            statistics = self.metadata.row_group(number).column(place).statistics
            if statistics is None or not statistics.has_min_max:
                return True
            first = bisect_left(ids, statistics.min)
            return first < len(ids) and bool(ids[first] <= statistics.max)


@contextmanager
def opened(output: Store, file: DataFile) -> Iterator[OpenedFile]:
    """A file as it was listed.

    Raises:
        ObjectChangedError: it was written anew since.
        StoreError: it is not Parquet.
    """
    with output.open(file.key, etag=file.etag) as stream:
        source: BinaryIO = io.BytesIO(stream.read()) if file.size <= _WHOLE_BYTES else stream
        yield OpenedFile.of(source, output.uri_of(file.key))


def tables_of(
    parquet: OpenedFile,
    *,
    columns: Sequence[str] | None = None,
    ids: Collection[str] | None = None,
) -> Iterator[pa.Table]:
    """A file's row groups, or only the rows of some ``ids``; what cannot hold them is not read.

    Columns that the file does not have are left out.

    Raises:
        StoreError: the file is damaged.
    """
    known = parquet.schema_arrow.names
    wanted = None if columns is None else [name for name in columns if name in known]
    groups = range(parquet.metadata.num_row_groups)
    if ids is None:
        for group in groups:
            yield parquet.group(group, wanted)
        return
    values = sorted(ids)
    chosen = pa.array(values, pa.string())
    for group in groups:
        if parquet.can_hold(group, values):
            there = pc.is_in(parquet.group(group, ["id"])["id"], chosen)
            if pc.any(there).as_py():
                yield parquet.group(group, wanted).filter(there)


def read_files(
    output: Store,
    files: Iterable[DataFile],
    schema: pa.Schema,
    *,
    columns: Sequence[str] | None = None,
    ids: Collection[str] | None = None,
) -> pa.Table:
    """Files in one table, or some columns or the rows of some ``ids``.

    Columns that an older version did not write are null.
    """
    names = schema.names if columns is None else columns
    tables = [pa.schema([schema.field(name) for name in names]).empty_table()]
    for file in files:
        with opened(output, file) as parquet:
            tables += tables_of(parquet, columns=columns, ids=ids)
    return pa.concat_tables(tables, promote_options="default")


def _split(output: Store, entries: Iterable[StoredObject]) -> tuple[list[DataFile], list[str]]:
    """The files that count, and the keys of those that were merged into one of them."""
    files = [_data_file(output, entry) for entry in entries if entry.key.endswith(".parquet")]
    hidden = merged_keys(files)
    counting = [file for file in files if file.key not in hidden]
    return counting, [file.key for file in files if file.key in hidden]


def _data_file(output: Store, entry: StoredObject) -> DataFile:
    file = DataFile(key=entry.key, size=entry.size, etag=entry.etag)
    if not file.is_merged:
        return file
    uri = output.uri_of(file.key)
    with output.open(file.key, etag=file.etag) as stream:
        metadata = OpenedFile.of(stream, uri).metadata.metadata or {}
    with reading(uri):
        sources = frozenset(json.loads(metadata.get(SOURCES, b"[]")))
    return replace(file, sources=sources)
