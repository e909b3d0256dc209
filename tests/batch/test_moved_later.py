"""Recordings that were moved: what upkeep says and counts of them after years."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from batch.datasets import read_rows
from batch.layout import LEDGER, RunKeys
from batch.upkeep.ledger_rebuild import check_ledger, rebuild_ledger
from batch.upkeep.verifying import Verifier
from tests.batch.made_nights import Home, made_home
from tests.batch.test_forget import forget
from tests.batch.test_moves import moved_night, rename

FIRST, SECOND, THIRD = (f"2026-11-{day}-001" for day in (23, 24, 25))
RUNS = (FIRST, SECOND, THIRD)
OLD, NEW = "inbox/a.wav", "n.wav"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = made_home(tmp_path, more="[report]\nclips = 0\n")
    made.put(OLD, content=b"sound of a")
    made.put("b.wav")
    made.night(FIRST)
    rename(made, OLD, NEW)
    made.finished(moved_night(made, SECOND))
    return made


def as_it_was(home: Home) -> list[list[str]]:
    return [
        sorted(read_rows(home.output, "transcripts", until=run_id)["path"].to_pylist())
        for run_id in RUNS
    ]


def without(home: Home, folder: str) -> None:
    for entry in list(home.output.list(folder)):
        home.output.delete(entry.key)


def test_a_path_that_was_left_is_no_recording_with_rows(home: Home) -> None:
    assert check_ledger(home.output).recordings == 2


@pytest.mark.parametrize("lost", [False, True])
@pytest.mark.parametrize("reused", [False, True])
def test_a_rebuilt_ledger_knows_which_run_moved_a_recording(
    home: Home, lost: bool, reused: bool
) -> None:
    if reused:
        home.put(OLD, content=b"other sound")
        home.night(THIRD, [OLD])
    before = as_it_was(home)
    assert before[:2] == [["b.wav", OLD], ["b.wav", NEW]]
    if lost:
        without(home, LEDGER)
    rebuild_ledger(home.output)
    assert as_it_was(home) == before
    assert check_ledger(home.output).differences == 0


def test_a_rebuilt_ledger_keeps_what_expired_history_does_not_say(home: Home) -> None:
    before = as_it_was(home)[1]
    without(home, "history/")
    rebuild_ledger(home.output)
    assert as_it_was(home)[1] == before
    assert Verifier(output=home.output).verify(FIRST).findings == ()


def test_a_run_holds_where_its_recording_moved_and_history_has_expired(home: Home) -> None:
    without(home, "history/")
    assert Verifier(output=home.output).verify(FIRST).findings == ()


def test_sound_that_a_run_did_not_hear_is_not_taken_from_its_hours(home: Home) -> None:
    forget(home, NEW)
    counted = [json.loads(home.output.read(RunKeys(run_id=one).collected)) for one in RUNS[:2]]
    assert [one["audio_seconds"] for one in counted] == [60.0, 0.0]
    assert [one["recordings"] for one in counted] == [1, 0]
