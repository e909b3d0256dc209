"""A comparison as files: every figure, and a row for each recording."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from batch.parquet import parquet_bytes
from manifests.json_files import json_file
from manifests.storage import Store

if TYPE_CHECKING:
    from batch.comparison.comparison import Comparison

SCHEMA = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("path", pa.string(), nullable=False),
        pa.field("channel", pa.int32()),
        pa.field("meeting", pa.string(), nullable=False),
        pa.field("reference_words", pa.int64(), nullable=False),
        pa.field("errors_a", pa.int64(), nullable=False),
        pa.field("errors_b", pa.int64(), nullable=False),
        pa.field("change", pa.string(), nullable=False),
    ],
    metadata={"nightscribe": "comparison", "nightscribe.schema": "1"},
)


def write(found: Comparison, folder: Store) -> None:
    """Write ``comparison.json`` and ``comparison.parquet``.

    Raises:
        StoreError: the folder cannot be written to.
    """
    folder.put("comparison.json", json_file(found.as_json()))
    folder.put("comparison.parquet", parquet_bytes(table_of(found)))


def table_of(found: Comparison) -> pa.Table:
    """The recordings, the largest differences first."""
    rows = found.rows.rename(columns={"words": "reference_words"})
    order = (rows["errors_b"] - rows["errors_a"]).abs().sort_values(ascending=False, kind="stable")
    rows = rows.loc[order.index]
    rows["channel"] = rows["channel"].where(rows["channel"] >= 0).astype("Int32")
    return pa.Table.from_pandas(rows[SCHEMA.names], schema=SCHEMA, preserve_index=False)
