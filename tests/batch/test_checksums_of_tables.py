"""Every Parquet file says what its data was when it was written."""

from __future__ import annotations

import io
from pathlib import Path

import pyarrow as pa
import pytest

from batch.dataset_files import data_files, opened
from batch.parquet import is_intact, parquet_bytes
from batch.superseding import rewrite
from manifests.storage import open_store

TABLE = pa.table({"id": [f"{n:020d}" for n in range(100)], "run_id": ["r"] * 100})


def test_what_is_as_it_was_written_is_intact() -> None:
    assert is_intact(io.BytesIO(parquet_bytes(TABLE))) is True


@pytest.mark.parametrize("place", [4, 100, -200, -9])
def test_a_changed_byte_is_found(place: int) -> None:
    data = bytearray(parquet_bytes(TABLE))
    data[place] ^= 0xFF
    assert is_intact(io.BytesIO(bytes(data))) is False


def test_what_was_cut_short_is_not_intact() -> None:
    data = parquet_bytes(TABLE)
    assert is_intact(io.BytesIO(data[: len(data) // 2])) is False
    assert is_intact(io.BytesIO(b"")) is False


def test_a_file_of_an_older_version_does_not_say() -> None:
    sink = io.BytesIO()
    pa.parquet.write_table(TABLE, sink)
    assert is_intact(io.BytesIO(sink.getvalue())) is None


def test_a_file_that_is_lawfully_written_anew_is_intact_again(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    store.put("transcripts/dt=2026-11-23/r.parquet", parquet_bytes(TABLE))
    (file,) = data_files(store, "transcripts/")
    rewrite(store, file, lambda table: pa.array([n > 9 for n in range(len(table))]))
    (file,) = data_files(store, "transcripts/")
    with opened(store, file) as parquet:
        assert parquet.metadata.num_rows == 90
    assert is_intact(io.BytesIO(store.read(file.key))) is True
