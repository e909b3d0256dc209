"""One recording is found without reading everything, in single files and in merged ones."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pytest

from batch.dataset_files import data_files, opened, tables_of
from batch.lookup import line_of, meant
from batch.parquet import parquet_bytes
from batch.plan import Plan, read_plan
from batch.reading import run_transcripts, search, transcripts_of
from batch.upkeep.compacting import compact
from manifests.errors import InputError
from manifests.recordings import recording_id
from manifests.s3_store import S3Store
from manifests.storage import StoredObject, open_store
from tests.batch.made_nights import Home, made_home
from tests.batch.memory_store import MemoryStore

NIGHTS = 12


class Counting(MemoryStore):
    """Counts what is opened, by the folder that it lies in."""

    def __init__(self) -> None:
        super().__init__()
        self.opened: Counter[str] = Counter()

    def open(self, key: str, *, etag: str | None = None) -> BinaryIO:
        self.opened[key.split("/", maxsplit=1)[0]] += 1
        return super().open(key, etag=etag)

    def list(self, prefix: str = "") -> Iterator[StoredObject]:
        return super().list(prefix)


@pytest.fixture(params=["single files", "merged"])
def home(tmp_path: Path, request: pytest.FixtureRequest) -> Home:
    """A new recording each night; ``again.wav`` in every night but the last."""
    made = made_home(tmp_path)
    made.store = Counting()
    for night in range(1, NIGHTS + 1):
        made.put(f"week/{night}.wav")
        made.put("again.wav", content=bytes(night))
        paths = [f"week/{night}.wav"] + (["again.wav"] if night < NIGHTS else [])
        made.night(f"2026-11-{night:02d}-001", paths)
    if request.param == "merged":
        compact(made.output)
    assert isinstance(made.store, Counting)
    made.store.opened.clear()
    return made


def counted(home: Home) -> Counter[str]:
    assert isinstance(home.store, Counting)
    return home.store.opened


def test_the_newest_line_is_found(home: Home) -> None:
    found = line_of(home.output, recording_id("again.wav"))
    assert found is not None
    assert found.run_id == f"2026-11-{NIGHTS - 1}-001"
    assert counted(home)["ledger"] <= 2
    assert line_of(home.output, "f" * 20) is None


@pytest.mark.parametrize("name", ["week/3.wav", "week/3", "3", "./week/3.wav"])
def test_one_transcript_is_read_from_one_file(home: Home, name: str) -> None:
    (found,) = transcripts_of(home.output, name)
    assert (found.path, found.text) == ("week/3.wav", "3 says 5")
    assert [segment.text for segment in found.segments] == ["3 says 5"]
    assert (counted(home)["transcripts"], counted(home)["segments"]) == (1, 1)


def test_what_a_lost_ledger_does_not_know_is_an_error_that_names_some(home: Home) -> None:
    with pytest.raises(InputError, match=r"'nobody' is no recording with a row; for example: "):
        meant(home.output, "nobody")
    with pytest.raises(InputError, match="no transcripts below"):
        meant(MemoryStore(), "nobody")


def test_the_transcripts_of_a_run_are_those_that_are_current(home: Home) -> None:
    last = [one.path for one in run_transcripts(home.output, plan(home, NIGHTS - 1))]
    assert last == ["again.wav", f"week/{NIGHTS - 1}.wav"]
    assert [one.path for one in run_transcripts(home.output, plan(home, 2))] == ["week/2.wav"]


def plan(home: Home, night: int) -> Plan:
    return read_plan(home.output, f"2026-11-{night:02d}-001")


def test_search_reads_words_only_where_they_can_be(home: Home) -> None:
    (found,) = search(home.output, "7 SAYS 5.")
    assert (found.path, found.start) == ("week/7.wav", 0.0)
    assert list(search(home.output, "says 7")) == []


def test_search_finds_other_spellings_of_plain_letters(tmp_path: Path) -> None:
    home = made_home(tmp_path)
    home.store = MemoryStore()
    home.said = lambda pointer: "die \uff33TRA\u1e9eE" if pointer.size else ""
    home.put("a.wav")
    home.night("2026-11-23-001")
    assert [one.path for one in search(home.output, "strasse")] == ["a.wav"]


def test_a_file_in_s3_is_fetched_in_one_request(s3_bucket: str) -> None:
    store = open_store(f"s3://{s3_bucket}/out/")
    noise = [os.urandom(500).hex() for _ in range(500)]
    table = pa.table({"id": noise, "run_id": noise})
    store.put("transcripts/dt=2026-11-23/r.parquet", parquet_bytes(table))
    assert isinstance(store, S3Store)
    asked: list[str] = []
    events = store._s3.meta.events
    events.register("before-call.s3.GetObject", lambda **_: asked.append("get"))
    (file,) = data_files(store, "transcripts/")
    assert 200_000 < file.size < 4_000_000
    with opened(store, file) as parquet:
        assert sum(len(one) for one in tables_of(parquet)) == 500
    assert len(asked) == 1
