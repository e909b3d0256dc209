"""Upkeep that slept past its lease writes nothing more, whatever another process does meanwhile."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from batch.claim import ClaimedError
from batch.cli.main import cli
from batch.datasets import read_rows
from batch.upkeep import compacting, forgetting, ledger_rebuild
from tests.batch.made_nights import Home, made_home
from tests.batch.test_forget import forget

FIRST, SECOND, LATER = "2026-11-23-001", "2026-11-23-002", "2026-11-24-001"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = made_home(tmp_path, more="[report]\nclips = 0\n")
    made.put("a.wav", "b.wav")
    made.night(FIRST, ["a.wav"])
    made.night(SECOND, ["b.wav"])
    return made


def taken_over(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lease has run out, and another process holds the output."""
    holder = {"host": "elsewhere", "pid": 1, "expires": 4e9, "lease": 120}
    home.output.put("claim/00000099.json", json.dumps(holder).encode())
    monkeypatch.setattr("batch.claim._clock", lambda: 1e12)


def invoked(home: Home, *words: str) -> BaseException | None:
    config = str(home.folder / "nightscribe.toml")
    answer = CliRunner().invoke(cli, [*words, "-c", config], standalone_mode=False)
    return answer.exception


def test_compact_stops_where_another_run_took_over(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    merged = compacting._write_rows

    def slow(*words: object) -> None:
        merged(*words)  # type: ignore[arg-type]
        monkeypatch.setattr(compacting, "_write_rows", merged)
        taken_over(home, monkeypatch)
        home.put("a.wav", content=b"longer sound")
        home.night(LATER, ["a.wav"])

    monkeypatch.setattr(compacting, "_write_rows", slow)
    assert isinstance(invoked(home, "compact"), ClaimedError)
    rows = read_rows(home.output, "transcripts").to_pylist()
    assert sorted((row["path"], row["run_id"]) for row in rows) == [
        ("a.wav", LATER),
        ("b.wav", SECOND),
    ]


def test_a_rebuilt_ledger_does_not_take_the_place_of_a_newer_one(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared = ledger_rebuild._compared

    def slow(*words: object) -> object:
        taken_over(home, monkeypatch)
        return compared(*words)  # type: ignore[arg-type]

    monkeypatch.setattr(ledger_rebuild, "_compared", slow)
    before = [(one.key, one.etag) for one in home.output.list("ledger/")]
    assert isinstance(invoked(home, "ledger", "--rebuild"), ClaimedError)
    assert [(one.key, one.etag) for one in home.output.list("ledger/")] == before


def test_forget_writes_to_no_golden_output_after_its_lease(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = str(tmp_path / "out/golden/0123456789ab/model-decoding")
    golden = made_home(tmp_path / "golden", output=place)
    golden.put("a.wav")
    golden.night(FIRST)
    erased = forgetting.erase

    def slow(*words: object) -> None:
        monkeypatch.setattr(forgetting, "erase", erased)
        erased(*words)  # type: ignore[arg-type]
        taken_over(home, monkeypatch)

    monkeypatch.setattr(forgetting, "erase", slow)
    with pytest.raises(ClaimedError):
        forget(home, "a.wav")
    assert len(read_rows(golden.output, "transcripts")) == 1
