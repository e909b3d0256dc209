"""``[retention]``: what expires goes, and nothing that anybody still needs."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from batch.cli.main import cli
from batch.config import RetentionSection
from batch.datasets import read_rows
from batch.ledger import read_ledger
from batch.upkeep.compacting import MANY, compact
from batch.upkeep.retention import expired, let_go
from batch.upkeep.verifying import Verifier
from manifests.errors import InputError, StoreError
from tests.batch.made_nights import Home, made_home
from tests.batch.memory_store import MemoryStore

FIRST, SECOND, THIRD = "2026-01-10-001", "2026-02-10-001", "2026-03-10-001"
TODAY = date(2026, 3, 13)
MONTH = RetentionSection(history_days=30, runs_days=30, reports_days=30)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = made_home(tmp_path)
    made.store = MemoryStore()
    made.put("a.wav", "b.wav")
    made.night(FIRST)
    made.put("a.wav", content=b"longer sound")
    made.night(SECOND, ["a.wav"])
    made.put("a.wav", content=b"the longest sound")
    made.night(THIRD, ["a.wav"])
    for run_id in (FIRST, SECOND, THIRD):
        made.output.put(f"reports/{run_id}/report.html", b"")
    return made


def keys(home: Home, folder: str) -> list[str]:
    return [entry.key for entry in home.output.list(folder)]


def tidied(home: Home, section: RetentionSection) -> None:
    let_go(home.output, expired(home.output, section, today=TODAY), today=TODAY)


def test_without_numbers_everything_stays(home: Home) -> None:
    assert expired(home.output, RetentionSection(), today=TODAY) == []


def test_a_month_later_history_shards_and_reports_go_and_rows_stay(home: Home) -> None:
    rows, ledger = read_rows(home.output, "transcripts"), dict(read_ledger(home.output).items())
    tidied(home, MONTH)
    # Superseded on the 10th of February: 31 days ago.
    assert keys(home, "history/transcripts/") == [
        f"history/transcripts/{SECOND}-by-{THIRD}.parquet"
    ]
    assert keys(home, f"runs/{FIRST}/") == [
        f"runs/{FIRST}/{name}.json"
        for name in ("collected", "manifest", "plan", "summary", "tidied")
    ]
    assert keys(home, f"runs/{THIRD}/out/") != []
    assert keys(home, "reports/") == [f"reports/{THIRD}/report.html"]
    assert read_rows(home.output, "transcripts").equals(rows)
    assert dict(read_ledger(home.output).items()) == ledger
    assert expired(home.output, MONTH, today=TODAY) == []


def test_every_run_still_holds_and_says_what_was_not_looked_at(home: Home) -> None:
    tidied(home, MONTH)
    found = {run: Verifier(output=home.output).verify(run) for run in (FIRST, SECOND, THIRD)}
    assert [one.findings for one in found.values()] == [(), (), ()]
    assert any("removed by [retention]" in note for note in found[FIRST].notes)


def test_what_a_run_that_is_not_finished_needs_stays(home: Home) -> None:
    home.output.put(f"pending/{SECOND}", b"")
    home.output.delete(f"runs/{SECOND}/summary.json")
    tidied(home, MONTH)
    assert keys(home, f"runs/{SECOND}/out/") != []
    assert f"history/transcripts/{FIRST}-by-{SECOND}.parquet" in keys(home, "history/")
    assert f"reports/{SECOND}/report.html" in keys(home, "reports/")


def test_merged_history_goes_when_its_last_night_has_expired(home: Home) -> None:
    compact(home.output)
    assert len(keys(home, "history/transcripts/")) == 2
    tidied(home, MONTH)
    assert len(keys(home, "history/transcripts/")) == 1


def test_a_run_without_its_outputs_is_not_collected_again(tmp_path: Path) -> None:
    home = made_home(tmp_path)
    home.put("a.wav")
    home.night(FIRST)
    home.night(THIRD)
    tidied(home, MONTH)
    with pytest.raises(InputError, match="removed on 2026-03-13"):
        home.runner().collect(home.planned_before(FIRST))


def test_the_command_says_before_what_it_would_do(tmp_path: Path) -> None:
    home = made_home(tmp_path, more="[retention]\nruns_days = 1\n")
    home.put("a.wav", "b.wav")
    home.night("2020-01-01-001", ["a.wav"])
    home.night("2020-01-01-002", ["b.wav"])
    before = keys(home, "")
    config = str(home.folder / "nightscribe.toml")
    said = CliRunner().invoke(cli, ["compact", "-c", config, "--dry-run"]).stdout
    assert "would remove  shards of run 2020-01-01-001: 3 files" in said
    assert "would merge  transcripts/dt=2020-01-01/: 2 files" in said
    assert keys(home, "") == before
    done = json.loads(CliRunner().invoke(cli, ["compact", "-c", config, "--json"]).stdout)
    assert [one["folder"] for one in done["merged"]] == [
        "transcripts/dt=2020-01-01/",
        "segments/dt=2020-01-01/",
        "ledger/",
    ]
    assert len(done["removed"]) == 2
    again = CliRunner().invoke(cli, ["compact", "-c", config]).stdout
    assert again == "nothing to merge or to remove\n"


def test_a_run_tidies_up_when_it_ends_and_is_as_good_where_it_cannot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    home = made_home(tmp_path, more="[retention]\nruns_days = 30\n")
    home.store = MemoryStore()
    home.put("a.wav")
    for number in range(MANY + 1):
        home.night(f"2026-01-10-{number:03d}")
    runner = home.runner()
    runner.output, runner.today = home.output, lambda: TODAY
    monkeypatch.setattr(runner, "resume", list)
    monkeypatch.setattr(runner, "survey", lambda: SimpleNamespace(bundle=None, reasons={}))
    monkeypatch.setattr(runner, "golden", lambda _: None)
    monkeypatch.setattr(runner, "_planned", lambda _: None)
    assert runner.run() == []
    assert len(keys(home, "ledger/")) == MANY + 1
    monkeypatch.setattr(runner, "resume", lambda: ["a run that was gone on with"])
    runner.run()
    assert len(keys(home, "ledger/")) == 1
    assert len(keys(home, "history/transcripts/")) == 1
    assert keys(home, "runs/2026-01-10-000/out/") == []

    def full(key: str, _: object) -> None:
        raise StoreError(f"{key}: no space left on device")

    monkeypatch.setattr(home.output, "put", full)
    home.output.objects["runs/2026-01-11-001/out/x.out"] = b""  # type: ignore[attr-defined]
    assert runner.run() == ["a run that was gone on with"]
    assert "no space left on device; the next run does it" in capsys.readouterr().err
