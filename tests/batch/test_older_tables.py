"""Tables that an older version wrote are read beside new ones."""

from pathlib import Path

import pyarrow as pa

from batch.datasets import read_rows
from batch.layout import SEGMENTS
from batch.parquet import parquet_bytes
from batch.schema import SEGMENTS as SCHEMA
from manifests.storage import open_store


def rows(run: str, **fields: object) -> list[dict[str, object]]:
    word = {"text": "a", "start": 0.0, "end": 1.0, "confidence": 0.5}
    row = {"id": run, "uri": "u", "path": "p", "channel": None, "start": 0.0, "end": 1.0}
    return [{**row, "text": "a", "confidence": 0.5, "words": [word], "run_id": run, **fields}]


def test_segments_without_flags_have_none(tmp_path: Path) -> None:
    output = open_store(str(tmp_path))
    older = pa.Table.from_pylist(rows("one"), SCHEMA).drop_columns("flags")
    newer = pa.Table.from_pylist(rows("two", flags=["repetition"]), SCHEMA)
    for name, table in (("one", older), ("two", newer)):
        output.put(f"segments/dt=2026-11-30/{name}.parquet", parquet_bytes(table))
    found = {row["id"]: row["flags"] for row in read_rows(output, SEGMENTS).to_pylist()}
    assert found == {"one": None, "two": ["repetition"]}
