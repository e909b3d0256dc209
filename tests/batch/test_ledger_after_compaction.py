"""The ledger after its files were merged: collected again, or with a path that was used again."""

from __future__ import annotations

from pathlib import Path

import pytest

from batch.datasets import read_rows
from batch.ledger import MOVED, read_ledger
from batch.lookup import line_of
from batch.plan import Plan
from batch.upkeep.compacting import compact
from batch.upkeep.ledger_rebuild import check_ledger
from batch.upkeep.tables import ledger_table
from manifests.recordings import recording_id
from tests.batch.made_nights import Home, made_home
from tests.batch.test_moves import moved_night, rename

FIRST, SECOND, THIRD = (f"2026-11-{day}-001" for day in (23, 24, 25))


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return made_home(tmp_path)


def without_outputs(home: Home, run_id: str, *paths: str) -> tuple[Plan, dict[str, bytes]]:
    """A run that was collected while the outputs of its job were not there, and those."""
    plan = home.planned(run_id, paths)
    outputs = {entry.key: home.output.read(entry.key) for entry in home.output.list(plan.keys.out)}
    for key in outputs:
        home.output.delete(key)
    home.collected(plan)
    home.finished(plan)
    return plan, outputs


@pytest.mark.parametrize("newest", [False, True])
def test_a_run_that_is_collected_again_has_one_line_for_each_recording(
    home: Home, newest: bool
) -> None:
    home.put("a.wav", "b.wav", "c.wav")
    if newest:
        home.night(FIRST, ["c.wav"])
    plan, outputs = without_outputs(home, SECOND, "a.wav", "b.wav")
    if not newest:
        home.night(THIRD, ["c.wav"])
    compact(home.output)
    for key, data in outputs.items():
        home.output.put(key, data)
    home.collected(plan)
    one = recording_id("a.wav")
    line = line_of(home.output, one)
    assert line is not None
    assert (read_ledger(home.output)[one].status, line.status) == ("ok", "ok")
    assert len(ledger_table(home.output)) == 3
    assert check_ledger(home.output).differences == 0
    compact(home.output)
    assert read_ledger(home.output)[one].status == "ok"


def test_a_path_that_was_used_again_keeps_the_line_of_what_was_moved_from_it(home: Home) -> None:
    home.put("inbox/a.wav", content=b"sound of a")
    home.put("b.wav")
    home.night(FIRST)
    rename(home, "inbox/a.wav", "n.wav")
    home.finished(moved_night(home, SECOND))
    home.put("inbox/a.wav", content=b"other sound")
    home.night(THIRD, ["inbox/a.wav"])

    def paths(until: str) -> list[str]:
        return sorted(read_rows(home.output, "transcripts", until=until)["path"].to_pylist())

    before = [paths(run_id) for run_id in (FIRST, SECOND, THIRD)]
    assert before[1] == ["b.wav", "n.wav"]
    compact(home.output)
    assert [paths(run_id) for run_id in (FIRST, SECOND, THIRD)] == before
    home.put("c.wav")
    home.night("2026-11-26-001", ["c.wav"])
    compact(home.output)
    lines = [(line["path"], line["status"]) for line in ledger_table(home.output).to_pylist()]
    assert lines.count(("inbox/a.wav", MOVED)) == 1
    assert lines.count(("inbox/a.wav", "ok")) == 1
    assert check_ledger(home.output).differences == 0
