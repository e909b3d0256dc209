"""Parquet in and out; every file carries the checksum of its own data.

The SHA-256 of all bytes before the footer stands in the footer. So a file that is lawfully written
anew (superseded rows taken out, files merged) is right by itself, and a crash cannot part the two.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import BytesIO
from typing import TYPE_CHECKING, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from manifests.errors import NightscribeError, StoreError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

CHECKSUM = b"nightscribe.sha256"
ROW_GROUP_ROWS = 64 * 1024
_TAIL = 8  # four bytes of the footer's length, and "PAR1"
_BLOCK = 1 << 20


class ParquetSink:
    """Writes one Parquet file, a table at a time, and its checksum at the end.

    One that is left without ``close``, after an error, is no Parquet file.
    """

    def __init__(self, target: BinaryIO, schema: pa.Schema) -> None:
        self._hashing = _Hashing(target)
        self._writer = pq.ParquetWriter(self._hashing, schema, compression="zstd")

    def write(self, table: pa.Table) -> None:
        """Append rows."""
        self._writer.write_table(table, row_group_size=ROW_GROUP_ROWS)

    def close(self, metadata: Mapping[bytes, bytes] | None = None) -> None:
        """Write the footer, with ``metadata`` in it.

        Raises:
            ValueError: the target was closed before.
        """
        noted = {**(metadata or {}), CHECKSUM: self._hashing.digest.hexdigest().encode()}
        self._writer.add_key_value_metadata(noted)
        self._writer.close()
        if self._hashing.failed:
            raise ValueError("the target of a Parquet file was closed before its footer")


@contextmanager
def reading(uri: str) -> Iterator[None]:
    """Name the file that is read here, where it is damaged.

    Raises:
        StoreError: it is not readable as Parquet.
    """
    try:
        yield
    except NightscribeError:
        raise
    except (pa.ArrowException, OSError, ValueError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # of the machine, not of the file
        said = " ".join("".join(filter(str.isprintable, word)) for word in str(error).split())
        raise StoreError(
            f"{uri}: not readable as Parquet ({said}); put an earlier version of the object or a "
            "backup in its place; 'nightscribe verify RUN' says what else of a run is damaged"
        ) from error


def read_parquet(
    data: bytes, *, columns: Sequence[str] | None = None, dictionaries: Sequence[str] = ()
) -> pa.Table:
    """The table of a Parquet file, or some columns of it; ``dictionaries`` are read encoded.

    On this thread alone: a command that ends while Arrow's pools of threads are still starting
    is aborted now and then ("terminate called without an active exception").
    """
    file = pq.ParquetFile(
        pa.BufferReader(data), pre_buffer=False, read_dictionary=list(dictionaries)
    )
    return file.read(columns=columns, use_threads=False)


def parquet_bytes(table: pa.Table, metadata: Mapping[bytes, bytes] | None = None) -> bytes:
    """A table as one Parquet file."""
    target = BytesIO()
    sink = ParquetSink(target, table.schema)
    sink.write(table)
    sink.close(metadata)
    return target.getvalue()


def is_intact(file: BinaryIO) -> bool | None:
    """Whether a Parquet file's data is what was written; None where it does not say."""
    size = file.seek(0, io.SEEK_END)
    try:
        file.seek(0)
        noted = (pq.ParquetFile(file, pre_buffer=False).metadata.metadata or {}).get(CHECKSUM)
    except (pa.ArrowException, OSError):
        return False
    if noted is None:
        return None
    file.seek(size - _TAIL)
    left = size - _TAIL - int.from_bytes(file.read(4), "little")
    file.seek(0)
    digest = hashlib.sha256()
    while left > 0 and (block := file.read(min(left, _BLOCK))):
        digest.update(block)
        left -= len(block)
    return bool(digest.hexdigest().encode() == noted)


class _Hashing(io.RawIOBase):
    """A file that is only written to, and hashed on its way.

    Arrow's writer puts a footer even into a file that was given up, when it is garbage; there it
    must not fail again, for nobody can catch that.
    """

    def __init__(self, target: BinaryIO) -> None:
        super().__init__()
        self._target = target
        self._position = 0
        self.digest = hashlib.sha256()
        self.failed = False

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def write(self, data: ReadableBuffer, /) -> int:
        block = bytes(data)
        self.digest.update(block)
        self.failed = self.failed or self._target.closed
        if not self.failed:
            self._write(block)
        self._position += len(block)
        return len(block)

    def _write(self, block: bytes) -> None:
        try:
            self._target.write(block)
        except BaseException:
            self.failed = True
            raise
