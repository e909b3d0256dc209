"""Rows that an older version wrote stand beside new ones."""

from pathlib import Path

import pyarrow as pa

from batch.datasets import read_rows
from batch.layout import TRANSCRIPTS as NAME
from batch.layout import RunKeys
from batch.parquet import parquet_bytes
from batch.schema import TRANSCRIPTS
from manifests.storage import open_store


def test_a_column_that_an_older_version_did_not_write_is_null(tmp_path: Path) -> None:
    output = open_store(tmp_path)
    older = TRANSCRIPTS.remove(TRANSCRIPTS.get_field_index("calibrated"))
    for number, schema in enumerate((older, TRANSCRIPTS)):
        row = {field.name: None for field in schema} | {"id": str(number), "run_id": str(number)}
        table = pa.Table.from_pylist([row], pa.schema([f.with_nullable(True) for f in schema]))
        output.put(RunKeys(run_id=f"2026-11-2{number}-001").rows(NAME), parquet_bytes(table))
    found = read_rows(output, NAME).to_pydict()
    assert found["id"] == ["0", "1"]
    assert found["calibrated"] == [None, None]
    assert read_rows(output, NAME, columns=["id", "calibrated"]).num_rows == 2
