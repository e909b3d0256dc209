"""A table whose pages are damaged is named, and costs no more than what needs it."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from batch.dataset_files import DataFile, data_files, opened, tables_of
from batch.datasets import read_rows
from batch.ledger import read_ledger
from batch.lookup import line_of
from batch.parquet import ParquetSink, parquet_bytes
from batch.reading import search
from batch.superseding import rewrite
from batch.upkeep.compacting import MANY, compact
from manifests.errors import StoreError
from manifests.recordings import recording_id
from manifests.storage import Store, open_store
from tests.batch.made_nights import Home, made_home

RUN = "2026-11-23-001"
TABLE = pa.table({"id": [f"{n:020d}" for n in range(100)], "run_id": ["r"] * 100})


@contextmanager
def unraised() -> Iterator[list[Any]]:
    """What Python prints as "Exception ignored in"."""
    found: list[Any] = []
    before, sys.unraisablehook = sys.unraisablehook, found.append
    try:
        yield found
        gc.collect()
    finally:
        sys.unraisablehook = before


def damage(store: Store, key: str) -> None:
    """The footer stays as it is, the first pages do not."""
    data = bytearray(store.read(key))
    for place in range(4, 600):
        data[place] ^= 0x5A
    store.put(key, bytes(data))


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = made_home(tmp_path)
    home.put("a.wav", "b.wav")
    home.night(RUN, ["a.wav"])
    home.night("2026-11-23-002", ["b.wav"])
    return home


@pytest.mark.parametrize(
    "command",
    [
        lambda home: read_rows(home.output, "transcripts"),
        lambda home: read_rows(home.output, "transcripts", ids={recording_id("a.wav")}),
        lambda home: line_of(home.output, recording_id("a.wav")),
        lambda home: list(search(home.output, "says")),
        lambda home: compact(home.output),
        lambda home: read_ledger(home.output),
    ],
)
def test_a_damaged_table_is_named_whatever_reads_it(
    home: Home, command: Callable[[Home], object]
) -> None:
    for folder in ("transcripts", "ledger"):
        damage(home.output, next(one.key for one in data_files(home.output, f"{folder}/")))
    with unraised() as ignored, pytest.raises(StoreError, match=rf"{RUN}\.parquet: not .*\(.*\)"):
        command(home)
    assert not ignored


def test_a_damaged_table_does_not_make_a_finished_night_fail(home: Home) -> None:
    for number in range(3, MANY + 2):
        home.put(f"{number}.wav")
        home.night(f"2026-11-23-{number:03d}", [f"{number}.wav"])
    damage(home.output, f"transcripts/dt=2026-11-23/{RUN}.parquet")
    runner = home.runner()
    with runner.claimed():
        runner._tidy()


def test_errors_of_what_is_done_with_a_table_stay_what_they_are(tmp_path: Path) -> None:
    store, file = written(tmp_path)
    for error in (OSError("full"), pa.ArrowInvalid("of another file"), ValueError("a bug")):
        with pytest.raises(type(error)) as raised:
            fail_with(error, store, file)
        assert raised.value is error


def test_a_table_that_cannot_be_written_anew_is_left_in_silence(tmp_path: Path) -> None:
    store, file = written(tmp_path)

    def fail(_: pa.Table) -> pa.Array:
        raise RuntimeError("on purpose")

    with unraised() as ignored, pytest.raises(RuntimeError):
        rewrite(store, file, fail)
    assert not ignored


def test_a_disk_that_is_full_is_said_once(tmp_path: Path) -> None:
    with unraised() as ignored, pytest.raises(OSError, match="full"):
        write_to_a_full_disk()
    assert not ignored


def test_a_file_that_was_closed_too_early_is_not_thought_whole(tmp_path: Path) -> None:
    with (tmp_path / "x").open("wb") as target:
        sink = ParquetSink(target, TABLE.schema)
        sink.write(TABLE)
    with pytest.raises(ValueError, match="closed"):
        sink.close()


def fail_with(error: Exception, store: Store, file: DataFile) -> None:
    with opened(store, file) as parquet:
        next(tables_of(parquet))
        raise error


def write_to_a_full_disk() -> None:
    class Full:
        closed = False

        def write(self, _: bytes) -> int:
            raise OSError(28, "full")

    sink = ParquetSink(Full(), TABLE.schema)  # type: ignore[arg-type]
    sink.write(TABLE)


def written(folder: Path) -> tuple[Store, DataFile]:
    store = open_store(folder)
    store.put(f"transcripts/dt=2026-11-23/{RUN}.parquet", parquet_bytes(TABLE))
    (file,) = data_files(store, "transcripts/")
    return store, file
