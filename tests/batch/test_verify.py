"""``nightscribe verify``: all holds after a run, and each promise that is broken is named."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from click.testing import CliRunner

from batch.cli.main import cli
from batch.layout import RunKeys
from batch.parquet import parquet_bytes, read_parquet
from batch.upkeep.verifying import Verified, Verifier
from tests.batch.made_nights import Home, made_home

FIRST, SECOND = "2026-11-23-001", "2026-11-24-001"


@pytest.fixture(params=["mix", "split"])
def home(tmp_path: Path, request: pytest.FixtureRequest) -> Home:
    made = made_home(tmp_path, f"archive.channels={request.param}")
    made.put("a.wav", "b.wav", "broken.wav")
    made.reported(FIRST)
    return made


def verified(home: Home, run_id: str = FIRST) -> Verified:
    return Verifier(output=home.output).verify(run_id)


def problems(home: Home, run_id: str = FIRST) -> list[str]:
    found = verified(home, run_id)
    return [one.line() for one in found.findings] + list(found.notes)


def mended(home: Home, key: str, change: Callable[[pa.Table], pa.Table]) -> None:
    home.output.put(key, parquet_bytes(change(read_parquet(home.output.read(key)))))


def test_after_a_run_all_holds(home: Home) -> None:
    found = verified(home)
    assert (found.findings, found.notes) == ((), ())
    assert (found.recordings, found.sounds) == (3, 3)
    assert found.rows == (3 if home.config.archive.channels == "mix" else 5)
    assert found.files > 5


def test_all_holds_for_every_run_after_later_ones(home: Home) -> None:
    home.put("a.wav", content=b"longer sound")
    home.reported(SECOND, ["a.wav"])
    assert problems(home, SECOND) == []
    assert problems(home, FIRST) == []


def test_a_row_that_is_missing_is_named(home: Home) -> None:
    for dataset in ("transcripts", "segments"):
        key = RunKeys(run_id=FIRST).rows(dataset)
        mended(
            home, key, lambda table: table.filter([p != "a.wav" for p in table["path"].to_pylist()])
        )
    found = problems(home)
    assert "a.wav: was planned and has no row" in found


def test_a_row_that_is_there_twice_or_was_not_planned_is_named(home: Home) -> None:
    key = RunKeys(run_id=FIRST).rows("transcripts")
    mended(home, key, lambda table: pa.concat_tables([table, table.slice(0, 1)]))
    assert any("2 rows" in one or "more than one row of" in one for one in problems(home))

    def other(table: pa.Table) -> pa.Table:
        ids = pa.array(["f" * 20, *table["id"].to_pylist()[1:]])
        return table.set_column(0, table.schema.field("id"), ids)

    mended(home, key, other)
    assert any("has a row and was not planned" in one for one in problems(home))


def test_a_channel_that_is_missing_is_named(tmp_path: Path) -> None:
    home = made_home(tmp_path, "archive.channels=split")
    home.put("a.wav")
    home.reported(FIRST)
    key = RunKeys(run_id=FIRST).rows("transcripts")
    mended(home, key, lambda table: table.slice(0, 1))
    assert "a.wav: has no row of channel 1" in problems(home)


def test_segments_that_do_not_give_the_text_are_found(home: Home) -> None:
    key = RunKeys(run_id=FIRST).rows("segments")
    mended(home, key, lambda table: table.slice(1))
    assert any("segments" in one and "do not give the text" in one for one in problems(home))


@pytest.mark.parametrize("name", ["transcripts", "segments", "ledger"])
def test_a_damaged_table_is_found(home: Home, name: str) -> None:
    keys = RunKeys(run_id=FIRST)
    key = keys.ledger if name == "ledger" else keys.rows(name)
    data = bytearray(home.output.read(key))
    data[20] ^= 1
    home.output.put(key, bytes(data))
    assert f"{key}: is not what was written: its checksum differs" in problems(home)


def test_a_report_that_was_changed_or_removed_is_found(home: Home) -> None:
    folder = RunKeys(run_id=FIRST).reports
    home.output.put(f"{folder}report.html", b"<p>changed")
    home.output.delete(f"{folder}scores.csv")
    found = problems(home)
    assert any(one.startswith(f"{folder}report.html: is not what was written") for one in found)
    assert any(one.startswith(f"{folder}scores.csv: is not there") for one in found)
    home.runner().report(home.planned_before(FIRST))
    assert problems(home) == []


def test_counts_that_are_not_those_of_the_rows_are_found(home: Home) -> None:
    key = RunKeys(run_id=FIRST).collected
    noted = json.loads(home.output.read(key))
    home.output.put(key, json.dumps({**noted, "recordings": 2}).encode())
    found = problems(home)
    assert "summary.json: recordings is 3, collected.json has 2" in found
    assert "collected.json: recordings is 2, the rows give 3" in found


def test_sound_that_is_gone_and_sound_that_has_changed_are_told_apart(home: Home) -> None:
    home.put("a.wav", content=b"another sound")
    home.archive.delete("b.wav")
    found = problems(home)
    assert any(one.startswith("a.wav: the recording has changed") for one in found)
    assert "b.wav: the recording is gone from the archive" in found
    assert Verifier(output=home.output, audio=False).verify(FIRST).findings == ()


def test_a_ledger_without_the_rows_line_is_found(home: Home) -> None:
    home.output.delete(RunKeys(run_id=FIRST).ledger)
    assert "a.wav: its row is not what the ledger speaks of" in problems(home)


def test_a_run_that_is_not_finished_or_was_given_up(home: Home) -> None:
    home.put("c.wav")
    plan = home.planned(SECOND, ["c.wav"])
    assert problems(home, SECOND) == ["run: is not finished"]
    home.output.put(plan.keys.summary, b'{"abandoned": true}')
    assert problems(home, SECOND) == []


def test_the_command_names_findings_and_ends_with_1(home: Home) -> None:
    config = str(home.folder / "nightscribe.toml")
    good = CliRunner().invoke(cli, ["verify", "-c", config], standalone_mode=False)
    assert (good.return_value, "all holds" in good.output) == (0, True)
    home.archive.delete("b.wav")
    bad = CliRunner().invoke(cli, ["verify", "-c", config, "--all"], standalone_mode=False)
    assert (bad.return_value, "gone from the archive" in bad.output) == (1, True)
    quiet = ["verify", "-c", config, "--no-audio", "--json"]
    found = CliRunner().invoke(cli, quiet, standalone_mode=False)
    assert (found.return_value, json.loads(found.output)[0]["findings"]) == (0, [])
