"""Many small files into few: nothing is lost, nothing counts twice, whatever happens meanwhile."""

from __future__ import annotations

import os
import random
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from batch.datasets import read_rows
from batch.layout import LEDGER, MERGED, RunKeys
from batch.ledger import read_ledger
from batch.superseding import drop_run
from batch.upkeep import compacting
from batch.upkeep.compacting import compact, mergers
from batch.upkeep.ledger_rebuild import check_ledger, rebuild_ledger
from batch.upkeep.verifying import Verifier
from tests.batch.made_nights import Home, made_home
from tests.batch.memory_store import MemoryStore, PowerError

LONG = os.environ.get("NIGHTSCRIBE_TORTURE") == "long"
PATHS = [f"{number}.wav" for number in range(5)]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """Three runs of one night and one of the next; everything but 4.wav changed at least once."""
    made = made_home(tmp_path)
    made.store = MemoryStore()
    made.put(*PATHS)
    made.night("2026-11-23-001", PATHS[:3])
    made.night("2026-11-23-002", PATHS[3:])
    made.put(*PATHS[:2], content=b"longer sound")
    made.night("2026-11-23-003", PATHS[:2])
    made.put(*PATHS[1:4], content=b"the longest sound")
    made.night("2026-11-24-001", PATHS[1:4])
    return made


def keys(home: Home, folder: str) -> list[str]:
    return [entry.key for entry in home.output.list(folder)]


def state(home: Home) -> list[tuple[str, str, str, str]]:
    """Everything that a reader can see, now and as it was after each run."""
    runs = ["2026-11-23-001", "2026-11-23-002", "2026-11-23-003", "2026-11-24-001", None]
    return sorted(
        (str(until), row["path"], row["run_id"], row["text"])
        for until in runs
        for name in ("transcripts", "segments")
        for row in read_rows(home.output, name, until=until).to_pylist()
    )


def verified(home: Home, *runs: str) -> None:
    for run_id in runs:
        found = Verifier(output=home.output, audio=False).verify(run_id)
        assert found.findings == ()


def test_the_files_of_a_partition_of_history_and_of_the_ledger_become_one(home: Home) -> None:
    before, lines = state(home), read_ledger(home.output)
    compact(home.output)
    for folder in ("transcripts/dt=2026-11-23/", "segments/dt=2026-11-23/", LEDGER):
        (key,) = keys(home, folder)
        assert MERGED in key
    assert len(keys(home, "transcripts/dt=2026-11-24/")) == 1
    assert len(keys(home, "history/transcripts/")) == 1
    assert state(home) == before
    after = read_ledger(home.output)
    assert {one: after[one] for one in after} == {one: lines[one] for one in lines}
    assert mergers(home.output) == []
    verified(home, "2026-11-23-001", "2026-11-23-002", "2026-11-23-003", "2026-11-24-001")


def test_where_few_files_lie_together_they_stay(home: Home) -> None:
    before = keys(home, "")
    assert compact(home.output, least=5) == []
    assert keys(home, "") == before


def test_a_file_of_half_the_size_or_more_is_left_alone(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compacting, "TARGET_BYTES", 1)
    assert mergers(home.output) == []


def test_rows_in_merged_files_are_superseded(home: Home) -> None:
    compact(home.output)
    home.put("0.wav", "2.wav", content=b"quite another sound")
    home.night("2026-11-25-001", ["0.wav", "2.wav"])
    rows = read_rows(home.output, "transcripts").to_pylist()
    assert sorted(row["path"] for row in rows) == PATHS
    assert {row["path"]: row["run_id"] for row in rows}["2.wav"] == "2026-11-25-001"
    verified(home, "2026-11-23-001", "2026-11-25-001")


def test_a_run_in_a_merged_file_can_be_collected_again(home: Home) -> None:
    before = state(home)
    compact(home.output)
    for run_id in ("2026-11-23-002", "2026-11-23-001", "2026-11-23-003"):
        home.collected(home.planned_before(run_id))
        assert state(home) == before
    compact(home.output)
    assert state(home) == before


def test_what_is_collected_again_counts_and_not_what_was_merged(home: Home) -> None:
    compact(home.output)
    plan = home.planned_before("2026-11-23-002")
    for key in keys(home, plan.keys.out):
        said = home.output.read(key).replace(b"4 says", b"4 said").replace(b'"says"', b'"said"')
        home.output.put(key, said)
    home.collected(plan)
    rows = {row["path"]: row for row in read_rows(home.output, "transcripts").to_pylist()}
    assert rows["4.wav"]["text"] == "4 said 5"
    assert len(rows) == len(PATHS)
    compact(home.output)
    assert read_rows(home.output, "transcripts").num_rows == len(PATHS)


def test_a_run_in_a_merged_file_can_be_dropped(home: Home) -> None:
    compact(home.output)
    drop_run(home.output, "2026-11-23-002")
    rows = read_rows(home.output, "transcripts").to_pylist()
    assert "4.wav" not in [row["path"] for row in rows]
    assert sorted(row["path"] for row in rows) == PATHS[:4]


def test_a_run_that_is_not_finished_keeps_its_files(home: Home) -> None:
    home.put("5.wav")
    plan = home.planned("2026-11-24-002", ["5.wav"])
    home.collected(plan)
    compact(home.output)
    assert keys(home, "transcripts/dt=2026-11-24/") == [
        RunKeys(run_id=run).rows("transcripts") for run in ("2026-11-24-001", "2026-11-24-002")
    ]


def test_the_ledger_can_be_rebuilt_after_it_was_merged(home: Home) -> None:
    compact(home.output)
    assert check_ledger(home.output).differences == 0
    rebuild_ledger(home.output)
    assert check_ledger(home.output).differences == 0
    assert not any(MERGED in key for key in keys(home, LEDGER))


@dataclass(kw_only=True)
class Year:
    """Random nights with compactions and power cuts; after every write a reader looks."""

    home: Home
    chance: random.Random
    store: MemoryStore
    current: dict[str, str] = field(default_factory=dict)
    """The run whose row of a recording was collected whole, by path."""
    going: tuple[str, ...] = ("", ())  # type: ignore[assignment]
    runs: list[str] = field(default_factory=list)
    day: int = 1

    def look(self) -> None:
        """Every recording has its row, and no row is there twice."""
        rows = read_rows(self.store, "transcripts", columns=["path", "run_id"]).to_pylist()
        there = [(row["path"], row["run_id"]) for row in rows]
        assert len(set(there)) == len(there)
        for path, run_id in self.current.items():
            assert (path, run_id) in there or (path, self.going[0]) in there, (path, run_id)
        spoken = read_rows(self.store, "segments", columns=["path", "run_id"]).to_pylist()
        assert set(there) <= {(row["path"], row["run_id"]) for row in spoken}

    def step(self) -> None:
        what = self.chance.choice(["night", "night", "compact", "again", "ledger"])
        if what == "night" or not self.runs:
            self.day += self.chance.choice([0, 0, 1])
            self.night(f"2026-11-{self.day:02d}-{len(self.runs):03d}")
        elif what == "compact":
            self.cut_short(lambda: compact(self.store))
        elif what == "ledger":
            self.cut_short(lambda: rebuild_ledger(self.store))
        else:
            plan = self.home.planned_before(self.chance.choice(self.runs))
            self.cut_short(lambda: self.home.collected(plan))

    def night(self, run_id: str) -> None:
        paths = self.chance.sample(PATHS, self.chance.randint(1, 3))
        for path in paths:
            self.home.put(path, content=bytes(self.chance.randint(1, 99)))
        plan = self.home.planned(run_id, paths)
        self.going = (run_id, tuple(paths))  # type: ignore[assignment]
        self.cut_short(lambda: self.home.collected(plan))
        self.home.finished(plan)
        self.current |= dict.fromkeys(paths, run_id)
        self.going = ("", ())  # type: ignore[assignment]
        self.runs.append(run_id)

    def cut_short(self, work: object) -> None:
        """Do something, perhaps with the power gone in the middle, and then again."""
        assert callable(work)
        self.store.watch = self.look
        self.store.left = self.chance.choice([None, *range(12)])
        try:
            work()
        except PowerError:
            self.store.left = None
            work()
        self.store.left = None
        self.store.watch = lambda: None
        self.settled()

    def settled(self) -> None:
        """When nothing is under way there is one row for each recording."""
        rows = read_rows(self.store, "transcripts", columns=["path", "run_id"]).to_pylist()
        expected = self.current | dict.fromkeys(self.going[1], self.going[0])
        assert {row["path"]: row["run_id"] for row in rows} == expected
        assert len(rows) == len(expected)


@pytest.mark.parametrize("seed", range(400 if LONG else 6))
def test_a_reader_finds_every_recording_at_every_moment(
    tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compacting, "TARGET_BYTES", 60_000)
    store = MemoryStore()
    home = made_home(tmp_path)
    home.store = store
    year = Year(home=home, chance=random.Random(seed), store=store)
    for _ in range(10):
        year.step()
    verified(home, *year.runs)
    assert check_ledger(store).differences == 0
