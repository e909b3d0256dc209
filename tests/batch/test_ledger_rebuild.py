"""The ledger is derived from the rows, and can be made again from them."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import pyarrow as pa
import pytest
from click.testing import CliRunner

from batch.bundles import configured_bundle
from batch.cli.main import cli
from batch.datasets import read_rows
from batch.layout import LEDGER, RunKeys
from batch.ledger import read_ledger
from batch.parquet import parquet_bytes, read_parquet
from batch.selection import MAX_ATTEMPTS
from batch.upkeep.ledger_rebuild import check_ledger, rebuild_ledger
from tests.batch.made_nights import Home, made_home
from transform_handler.records import ErrorKind


def a_few_nights(home: Home) -> None:
    home.put("a.wav", "b.wav", "broken.wav")
    home.night("2026-11-23-001")
    home.put("a.wav", content=b"longer sound")
    home.night("2026-11-24-001", ["a.wav"])


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = made_home(tmp_path)
    a_few_nights(made)
    return made


def ledger(home: Home) -> dict[str, dict[str, object]]:
    """By id; the rows know all of it."""
    newest = read_ledger(home.output)
    return {one: asdict(newest[one]) for one in newest}


def without_ledger(home: Home) -> None:
    for entry in list(home.output.list(LEDGER)):
        home.output.delete(entry.key)


@pytest.mark.parametrize("channels", ["mix", "split"])
def test_what_is_rebuilt_is_what_was_there(tmp_path: Path, channels: str) -> None:
    home = made_home(tmp_path, f"archive.channels={channels}")
    home.said = lambda pointer: ErrorKind.INTERNAL if "broken" in pointer.uri else "" * pointer.size
    a_few_nights(home)
    before = ledger(home)
    assert {line["status"] for line in before.values()} == {"empty", "error"}
    assert check_ledger(home.output).differences == 0
    without_ledger(home)
    assert check_ledger(home.output).differences == 3
    rebuild_ledger(home.output)
    assert ledger(home) == before
    assert check_ledger(home.output).differences == 0


def test_older_results_are_in_it_too_so_that_a_run_can_be_collected_again(home: Home) -> None:
    without_ledger(home)
    rebuild_ledger(home.output)
    runs = [entry.key for entry in home.output.list(LEDGER)]
    assert runs == [RunKeys(run_id=f"2026-11-{day}-001").ledger for day in (23, 24)]
    assert read_parquet(home.output.read(runs[0])).num_rows == 3


def test_the_next_run_does_nothing(tmp_path: Path, tiny_model: Path) -> None:
    home = made_home(tmp_path, model=str(tiny_model))
    bundle = configured_bundle(home.config, home.output)
    home.digests = (bundle.model_digest, bundle.decode_digest)
    a_few_nights(home)
    home.output.put("archive.json", f'{{"archive": "{home.archive.uri}"}}'.encode())
    assert home.runner().run() == []
    without_ledger(home)
    assert len(home.runner().survey().selection.chosen) == 3
    rebuild_ledger(home.output)
    assert home.runner().run() == []


def test_what_differs_is_named(home: Home) -> None:
    key = RunKeys(run_id="2026-11-24-001").ledger
    table = read_parquet(home.output.read(key))
    changed = table.set_column(
        table.schema.get_field_index("attempts"), "attempts", pa.array([9], pa.int32())
    )
    home.output.put(key, parquet_bytes(changed))
    (found,) = check_ledger(home.output).named
    assert (found.path, found.what) == (
        "a.wav",
        "attempts is 1 in the row, 9 in the ledger",
    )
    answer = CliRunner().invoke(
        cli, ["ledger", "-c", str(home.folder / "nightscribe.toml")], standalone_mode=False
    )
    assert "a.wav: attempts is 1 in the row" in answer.output
    assert answer.return_value == 1


def test_a_line_without_a_row_goes(home: Home) -> None:
    for dataset in ("transcripts", "segments"):
        home.output.delete(RunKeys(run_id="2026-11-24-001").rows(dataset))
    found = rebuild_ledger(home.output)
    assert found.differences == 1
    # The superseded row is the newest that there is; the recording has changed since.
    assert {line["run_id"] for line in ledger(home).values()} == {"2026-11-23-001"}


def test_a_run_that_is_not_finished_is_left_to_its_collection(home: Home) -> None:
    home.put("c.wav")
    plan = home.planned("2026-11-25-001", ["c.wav"])
    home.collected(plan)
    assert check_ledger(home.output).differences == 0
    rebuild_ledger(home.output)
    assert home.output.stat(plan.keys.ledger) is not None


def test_rows_of_an_older_schema_keep_their_line_and_without_it_are_done_again(home: Home) -> None:
    before = ledger(home)
    for key in [entry.key for entry in home.output.list("transcripts/")]:
        table = read_parquet(home.output.read(key))
        older = table.drop_columns(["etag", "version", "attempts", "channel_mode"])
        home.output.put(key, parquet_bytes(older))
    assert check_ledger(home.output).differences == 0
    rebuild_ledger(home.output)
    assert ledger(home) == before
    without_ledger(home)
    rebuild_ledger(home.output)
    assert {line["etag"] for line in ledger(home).values()} == {None}
    assert all(line["attempts"] < MAX_ATTEMPTS for line in ledger(home).values())
    assert read_rows(home.output, "transcripts").num_rows == 3
