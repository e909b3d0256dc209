"""Parquet in and out of memory."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO

import pyarrow as pa
import pyarrow.parquet as pq


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


def parquet_bytes(table: pa.Table) -> bytes:
    """A table as one Parquet file."""
    sink = BytesIO()
    pq.write_table(table, sink, compression="zstd")
    return sink.getvalue()
