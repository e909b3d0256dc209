"""Rows of several nights: what is current, what is history, and what a row says of its identity."""

from __future__ import annotations

from pathlib import Path

import pytest

from batch.datasets import read_rows
from tests.batch.made_nights import Home, made_home


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = made_home(tmp_path)
    made.put("a.wav", "b.wav", "broken.wav")
    return made


def texts(home: Home, until: str | None = None) -> dict[str, str]:
    rows = read_rows(home.output, "transcripts", until=until).to_pylist()
    assert len({(row["id"], row["channel"]) for row in rows}) == len(rows)
    return {row["path"]: row["text"] or row["error_kind"] for row in rows}


def test_a_row_says_all_that_the_ledger_knows(home: Home) -> None:
    home.night("2026-11-23-001")
    rows = {row["path"]: row for row in read_rows(home.output, "transcripts").to_pylist()}
    listed = home.archive.stat("a.wav")
    assert listed is not None
    assert (rows["a.wav"]["etag"], rows["a.wav"]["version"]) == (listed.etag, None)
    assert (rows["a.wav"]["channel_mode"], rows["a.wav"]["attempts"]) == ("mix", 1)
    assert rows["broken.wav"]["etag"] is not None


def test_attempts_count_over_runs(home: Home) -> None:
    home.night("2026-11-23-001", ["a.wav"])
    row = read_rows(home.output, "transcripts").to_pylist()[0]
    home.collected(home.planned("2026-11-24-001", ["a.wav"], attempts={row["id"]: 2}))
    assert read_rows(home.output, "transcripts")["attempts"].to_pylist() == [3]


def test_each_run_can_be_read_as_it_was(home: Home) -> None:
    home.night("2026-11-23-001")
    home.put("a.wav", content=b"longer sound")
    home.night("2026-11-24-001", ["a.wav"])
    home.put("a.wav", "b.wav", content=b"the longest sound")
    home.night("2026-11-25-001", ["a.wav", "b.wav"])
    before = {"a.wav": "a says 5", "b.wav": "b says 5", "broken.wav": "corrupt"}
    assert texts(home, "2026-11-23-001") == before
    assert texts(home, "2026-11-24-001") == before | {"a.wav": "a says 12"}
    assert texts(home) == before | {"a.wav": "a says 17", "b.wav": "b says 17"}
    assert texts(home, "2026-11-25-001") == texts(home)


def test_some_recordings_alone_can_be_read(home: Home) -> None:
    home.night("2026-11-23-001")
    rows = read_rows(home.output, "transcripts").to_pylist()
    chosen = rows[0]["id"]
    found = read_rows(home.output, "segments", ids={chosen}, columns=["id", "text"]).to_pylist()
    assert [row["text"] for row in found] == [rows[0]["text"]]
    assert read_rows(home.output, "segments", ids={"f" * 20}).num_rows == 0
