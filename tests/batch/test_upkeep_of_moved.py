"""Recordings that were moved: verified, rebuilt, read as they were, forgotten under every path."""

from __future__ import annotations

from pathlib import Path

import pytest

from batch.datasets import read_rows
from batch.layout import LEDGER
from batch.ledger import MOVED, read_ledger
from batch.upkeep.compacting import compact
from batch.upkeep.forget_target import target_of
from batch.upkeep.ledger_rebuild import check_ledger, rebuild_ledger
from batch.upkeep.verifying import Verifier
from manifests.errors import InputError
from manifests.recordings import recording_id
from tests.batch.made_nights import Home, made_home
from tests.batch.test_forget import forget, unpacked
from tests.batch.test_moves import moved_night, rename

FIRST, SECOND, THIRD, FOURTH = (f"2026-11-{day}-001" for day in (23, 24, 25, 26))
OLD, NEW, NEWEST = "inbox/payroll.wav", "2026/payroll-march.wav", "2026/03/salaries.wav"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A recording that was moved, changed, and moved again."""
    made = made_home(tmp_path, more="[report]\nclips = 0\n")
    made.put(OLD, content=b"sound of it")
    made.put("b.wav")
    made.night(FIRST)
    rename(made, OLD, NEW)
    made.finished(moved_night(made, SECOND))
    made.put(NEW, content=b"longer sound of it")
    made.night(THIRD, [NEW])
    rename(made, NEW, NEWEST)
    made.finished(moved_night(made, FOURTH))
    return made


def paths(home: Home, until: str | None = None) -> list[str]:
    return sorted(read_rows(home.output, "transcripts", until=until)["path"].to_pylist())


@pytest.mark.parametrize("merged", [False, True])
def test_as_a_run_left_it_a_moved_recording_is_there_once(home: Home, merged: bool) -> None:
    if merged:
        compact(home.output)
    assert paths(home) == [NEWEST, "b.wav"]
    assert paths(home, FOURTH) == [NEWEST, "b.wav"]
    assert paths(home, THIRD) == paths(home, SECOND) == [NEW, "b.wav"]
    assert paths(home, FIRST) == ["b.wav", OLD]


def test_every_run_holds(home: Home) -> None:
    for run_id in (FIRST, SECOND, THIRD, FOURTH):
        found = Verifier(output=home.output).verify(run_id)
        assert (found.findings, found.recordings > 0) == ((), True)


def test_the_ledger_is_rebuilt_with_what_is_no_more(home: Home) -> None:
    assert check_ledger(home.output).differences == 0
    before = {one: line.status for one, line in read_ledger(home.output).items()}
    for entry in list(home.output.list(LEDGER)):
        home.output.delete(entry.key)
    rebuild_ledger(home.output)
    after = {one: line.status for one, line in read_ledger(home.output).items()}
    assert after == before
    assert [after[recording_id(path)] for path in (OLD, NEW, NEWEST)] == [MOVED, MOVED, "ok"]
    # What has expired is no difference.
    for name in ("transcripts", "segments"):
        for entry in list(home.output.list(f"history/{name}/")):
            home.output.delete(entry.key)
    assert check_ledger(home.output).differences == 0


@pytest.mark.parametrize("rebuilt", [False, True])
@pytest.mark.parametrize("expired", [False, True])
@pytest.mark.parametrize("merged", [False, True])
def test_it_is_forgotten_under_every_path_that_it_had(
    home: Home, merged: bool, expired: bool, rebuilt: bool
) -> None:
    if merged:
        compact(home.output)
    for entry in list(home.output.list("history/")) if expired else ():
        home.output.delete(entry.key)
    if rebuilt:
        rebuild_ledger(home.output)
    forget(home, NEWEST)
    needles = (OLD, NEW, NEWEST, recording_id(OLD), recording_id(NEW), "salaries", "payroll says")
    left = [
        (entry.key, needle)
        for entry in home.output.list()
        if not entry.key.startswith("forgotten/")
        for text in unpacked(entry.key, home.output.read(entry.key))
        for needle in needles
        if needle in text
    ]
    assert left == []
    assert paths(home) == ["b.wav"]
    for run_id in (FIRST, SECOND, THIRD, FOURTH):
        verified = Verifier(output=home.output).verify(run_id)
        assert verified.findings == ()
        counted = not any("had expired before" in note for note in verified.notes)
        assert counted or (expired and run_id != FOURTH)
    assert target_of(home.config, NEWEST).ids == {recording_id(p) for p in (OLD, NEW, NEWEST)}


def test_it_is_forgotten_by_the_path_that_it_has_now(home: Home) -> None:
    with pytest.raises(InputError, match=r"was moved to '2026/03/salaries\.wav'; forget it by"):
        target_of(home.config, NEW)
    with pytest.raises(InputError, match="was moved"):
        target_of(home.config, OLD)
