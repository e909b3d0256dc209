"""``nightscribe runs``: one line a run, from one small file each."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from batch.cli.main import cli
from batch.run_list import run_list, table_of
from batch.runs import latest, run_ids
from manifests.errors import InputError
from manifests.local_store import LocalStore
from manifests.storage import StoredObject, open_store
from tests.batch.made_nights import Home, made_home


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = made_home(tmp_path)
    made.put("a.wav", "b.wav", "broken.wav")
    return made


def test_each_run_is_one_line_newest_last(home: Home) -> None:
    home.reported("2026-11-23-001")
    home.put("c.wav")
    home.planned("2026-11-24-001", ["c.wav"])
    home.output.put("runs/2026-11-24-002/shards/r1-00000.jsonl", b"")
    home.output.put(
        "runs/2026-11-25-001/plan.json", home.output.read("runs/2026-11-24-001/plan.json")
    )
    home.output.put("runs/2026-11-25-001/summary.json", b'{"abandoned": true}')
    found = run_list(home.output)
    states = [(one.run_id, one.state) for one in found]
    assert states == [
        ("2026-11-23-001", "finished"),
        ("2026-11-24-001", "unfinished"),
        ("2026-11-25-001", "given up"),
    ]
    counts = (found[0].planned, found[0].ok, found[0].empty, found[0].errors)
    assert (counts, found[0].audio_seconds) == ((3, 2, 0, 1), 120.0)
    assert found[1].planned == 1
    lines = list(table_of(found))
    assert lines[0].startswith("run ")
    assert len(lines) == 4
    assert run_ids(home.output) == [one.run_id for one in found]
    assert latest(home.output) == "2026-11-25-001"


def test_what_cannot_be_read_is_said_and_the_others_are_listed(home: Home) -> None:
    home.night("2026-11-23-001")
    home.output.put("runs/2026-11-24-001/summary.json", b"{")
    states = [one.state for one in run_list(home.output)]
    assert states == ["finished", "unreadable"]


def test_no_run_is_said(home: Home) -> None:
    config = str(home.folder / "nightscribe.toml")
    assert "no runs yet" in CliRunner().invoke(cli, ["runs", "-c", config]).output
    with pytest.raises(InputError, match="no run below"):
        latest(home.output)


def test_json_has_the_same(home: Home) -> None:
    home.night("2026-11-23-001")
    config = str(home.folder / "nightscribe.toml")
    found = json.loads(CliRunner().invoke(cli, ["runs", "-c", config, "--json"]).stdout)
    assert [(one["run_id"], one["planned"], one["errors"]) for one in found] == [
        ("2026-11-23-001", 3, 1)
    ]


class Counting(LocalStore):
    """Counts what is looked at."""

    reads = 0
    listed = 0

    def read(self, key: str) -> bytes:
        self.reads += 1
        return super().read(key)

    def list(self, prefix: str = "") -> list[StoredObject]:  # type: ignore[override]
        found = list(super().list(prefix))
        self.listed += len(found)
        return found


def test_every_run_costs_one_small_read_and_nothing_is_listed(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    summary = {
        "dt": "2026-01-01",
        "model": "m",
        "planned": 1,
        "statuses": {"ok": 1},
        "audio_seconds": 60.0,
        "timing": {},
        "scores": {"wer": {"rate": 0.1}},
    }
    for number in range(100):
        store.put(f"runs/2026-01-01-{number:03d}/summary.json", json.dumps(summary).encode())
        for shard in range(3):
            store.put(f"runs/2026-01-01-{number:03d}/shards/{shard}", b"")
    counting = Counting(tmp_path)
    assert len(run_list(counting)) == 100
    assert (counting.reads, counting.listed) == (100, 0)
