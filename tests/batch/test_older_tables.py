"""Rows that an older version wrote stand beside new ones."""

from pathlib import Path

import pyarrow as pa

from batch.datasets import read_rows
from batch.layout import SEGMENTS, TRANSCRIPTS, RunKeys
from batch.parquet import parquet_bytes
from batch.schema import SEGMENTS as SEGMENTS_SCHEMA
from batch.schema import TRANSCRIPTS as TRANSCRIPTS_SCHEMA
from manifests.storage import open_store


def test_a_column_that_an_older_version_did_not_write_is_null(tmp_path: Path) -> None:
    output = open_store(tmp_path)
    older = TRANSCRIPTS_SCHEMA.remove(TRANSCRIPTS_SCHEMA.get_field_index("calibrated"))
    for number, schema in enumerate((older, TRANSCRIPTS_SCHEMA)):
        row = {field.name: None for field in schema} | {"id": str(number), "run_id": str(number)}
        table = pa.Table.from_pylist([row], pa.schema([f.with_nullable(True) for f in schema]))
        output.put(RunKeys(run_id=f"2026-11-2{number}-001").rows(TRANSCRIPTS), parquet_bytes(table))
    found = read_rows(output, TRANSCRIPTS).to_pydict()
    assert found["id"] == ["0", "1"]
    assert found["calibrated"] == [None, None]
    assert read_rows(output, TRANSCRIPTS, columns=["id", "calibrated"]).num_rows == 2


def rows(run: str, **fields: object) -> list[dict[str, object]]:
    word = {"text": "a", "start": 0.0, "end": 1.0, "confidence": 0.5}
    row = {"id": run, "uri": "u", "path": "p", "channel": None, "start": 0.0, "end": 1.0}
    return [{**row, "text": "a", "confidence": 0.5, "words": [word], "run_id": run, **fields}]


def test_segments_without_flags_have_none(tmp_path: Path) -> None:
    output = open_store(str(tmp_path))
    older = pa.Table.from_pylist(rows("one"), SEGMENTS_SCHEMA).drop_columns("flags")
    newer = pa.Table.from_pylist(rows("two", flags=["repetition"]), SEGMENTS_SCHEMA)
    for name, table in (("one", older), ("two", newer)):
        output.put(f"segments/dt=2026-11-30/{name}.parquet", parquet_bytes(table))
    found = {row["id"]: row["flags"] for row in read_rows(output, SEGMENTS).to_pylist()}
    assert found == {"one": None, "two": ["repetition"]}
