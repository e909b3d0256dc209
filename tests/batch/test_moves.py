"""Recordings that were renamed keep their transcript, and are not in the archive twice."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from batch.datasets import read_rows
from batch.layout import RunKeys
from batch.ledger import MOVED, read_ledger
from batch.moves import Move, carry_over, found_again
from batch.parquet import read_parquet
from batch.plan import Plan
from batch.selection import Chosen, Reason, Settings, judge
from manifests.recordings import list_recordings, recording_id
from tests.batch.made_nights import DECODE, MODEL, Home, made_home

FIRST, SECOND, THIRD = "2026-11-23-001", "2026-11-24-001", "2026-11-25-001"
SETTINGS = Settings(channels="mix", model_digest=MODEL["digest"], decode_digest=DECODE["digest"])


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = made_home(tmp_path)
    made.put("inbox/a.wav", content=b"sound of a")
    made.put("b.wav")
    made.night(FIRST)
    return made


def rename(home: Home, old: str, new: str) -> None:
    target = home.folder / "archive" / new
    target.parent.mkdir(parents=True, exist_ok=True)
    (home.folder / "archive" / old).rename(target)


def moves(home: Home) -> tuple[Move, ...]:
    return found_again(list(list_recordings(home.archive)), read_ledger(home.output), home.archive)


def all_of(found: tuple[Move, ...]) -> dict[str, dict[str, str]]:
    """They keep their transcript, and have no metadata."""
    return {one.recording.id: {} for one in found}


def moved_night(home: Home, run_id: str, *paths: str) -> Plan:
    """A run that takes on some recordings, and what was moved."""
    found = moves(home)
    carried = carry_over(home.output, RunKeys(run_id=run_id), found, all_of(found))
    plan = home.planned(run_id, paths or ["none"])
    plan = replace(plan, reasons={"new": len(paths), "moved": len(carried)})
    home.output.put(plan.keys.plan, plan.to_json())
    home.collected(plan)
    return plan


def texts(home: Home) -> dict[str, str]:
    rows = read_rows(home.output, "transcripts").to_pylist()
    assert len(rows) == len({row["id"] for row in rows})
    assert all(row["id"] == recording_id(row["path"]) for row in rows)
    return {row["path"]: row["text"] for row in rows}


def test_a_renamed_recording_has_its_transcript_under_the_new_path_only(home: Home) -> None:
    before = texts(home)
    rename(home, "inbox/a.wav", "2026/review.wav")
    home.put("c.wav")
    plan = moved_night(home, SECOND, "c.wav")
    after = {
        "b.wav": before["b.wav"],
        "2026/review.wav": before["inbox/a.wav"],
        "c.wav": "c says 5",
    }
    assert texts(home) == after
    segments = read_rows(home.output, "segments").to_pylist()
    (spoken,) = (row for row in segments if row["path"] == "2026/review.wav")
    assert (spoken["text"], spoken["run_id"]) == (before["inbox/a.wav"], SECOND)
    ledger = read_ledger(home.output)
    assert ledger[recording_id("inbox/a.wav")].status == MOVED
    assert ledger[recording_id("2026/review.wav")].status == "ok"
    # Again, after the old row went to history; it is no sound that this run heard.
    collected = home.collected(plan)
    assert texts(home) == after
    assert (collected.recordings, collected.rows, collected.audio_seconds) == (2, 2, 60.0)
    assert moves(home) == ()


def test_an_old_path_that_is_used_again_is_a_new_recording(home: Home) -> None:
    rename(home, "inbox/a.wav", "2026/review.wav")
    moved_night(home, SECOND)
    home.put("inbox/a.wav", content=b"another meeting")
    (listed,) = list_recordings(home.archive, prefix="inbox/")
    known = read_ledger(home.output).get(listed.id)
    found = judge(listed, known, SETTINGS, on_model_change="new-only")
    assert isinstance(found, Chosen)
    assert found.reason is Reason.NEW


def test_what_was_moved_on_and_transcribed_anew_is_not_brought_back(home: Home) -> None:
    rename(home, "inbox/a.wav", "2026/review.wav")
    second = moved_night(home, SECOND)
    home.put("2026/review.wav", content=b"cut anew")
    home.night(THIRD, ["2026/review.wav"])
    home.collected(second)
    assert texts(home)["2026/review.wav"] == "review says 8"


def copied(home: Home) -> None:
    path = home.folder / "archive/inbox/a.wav"
    (home.folder / "archive/copy.wav").write_bytes(path.read_bytes())
    os.utime(home.folder / "archive/copy.wav", ns=(path.stat().st_mtime_ns,) * 2)


def two_fit(home: Home) -> None:
    rename(home, "inbox/a.wav", "x.wav")
    path = home.folder / "archive/x.wav"
    (home.folder / "archive/y.wav").write_bytes(path.read_bytes())
    os.utime(home.folder / "archive/y.wav", ns=(path.stat().st_mtime_ns,) * 2)


def changed(home: Home) -> None:
    rename(home, "inbox/a.wav", "x.wav")
    home.put("x.wav", content=b"sound of b")


def whole_seconds(home: Home) -> None:
    """As an unpacker sets times: another file may have the same."""
    path = home.folder / "archive/inbox/a.wav"
    os.utime(path, ns=(1_700_000_000_000_000_000,) * 2)
    home.night(SECOND, ["inbox/a.wav"])
    rename(home, "inbox/a.wav", "x.wav")


@pytest.mark.parametrize("what", [copied, two_fit, changed, whole_seconds])
def test_what_may_be_another_sound_is_transcribed(home: Home, what: object) -> None:
    assert callable(what)
    what(home)
    assert moves(home) == ()


def test_a_path_that_is_only_left_out_has_not_moved(home: Home) -> None:
    """[archive] include is narrower now, and a copy with the same token lies elsewhere."""
    copied(home)
    listed = [one for one in list_recordings(home.archive) if one.path != "inbox/a.wav"]
    assert found_again(listed, read_ledger(home.output), home.archive) == ()


def test_an_error_is_not_carried_over(tmp_path: Path) -> None:
    home = made_home(tmp_path)
    home.put("broken.wav", content=b"sound of a")
    home.night(FIRST)
    rename(home, "broken.wav", "x.wav")
    assert moves(home) == ()


def test_a_move_whose_rows_are_lost_is_not_carried_over(home: Home) -> None:
    rename(home, "inbox/a.wav", "x.wav")
    (found,) = moves(home)
    for entry in list(home.output.list("transcripts/")):
        home.output.delete(entry.key)
    assert carry_over(home.output, RunKeys(run_id=SECOND), [found], all_of((found,))) == set()


def test_metadata_of_the_new_path_goes_into_the_row(home: Home) -> None:
    rename(home, "inbox/a.wav", "x.wav")
    keys = RunKeys(run_id=SECOND)
    meta = {recording_id("x.wav"): {"team": "sales"}}
    assert carry_over(home.output, keys, moves(home), meta) == {recording_id("x.wav")}
    (row,) = read_parquet(home.output.read(keys.moved("transcripts"))).to_pylist()
    assert row["meta"] == [("team", "sales")]


def test_what_is_transcribed_anew_under_its_new_path_gives_the_old_row_up(home: Home) -> None:
    """As with on_model_change = "all" and another model."""
    rename(home, "inbox/a.wav", "x.wav")
    assert carry_over(home.output, RunKeys(run_id=SECOND), moves(home), {}) == set()
    home.collected(home.planned(SECOND, ["x.wav"]))
    assert texts(home) == {"b.wav": "b says 5", "x.wav": "x says 10"}
    assert read_ledger(home.output)[recording_id("inbox/a.wav")].status == MOVED


def test_a_new_name_that_is_no_text_goes_into_the_table_as_other_rows_do(home: Home) -> None:
    rename(home, "inbox/a.wav", os.fsdecode(b"caf\xe9.wav"))
    moved_night(home, SECOND)
    assert {row["path"] for row in read_rows(home.output, "transcripts").to_pylist()} == {
        "b.wav",
        "caf\ufffd.wav",
    }


def test_a_folder_that_was_renamed_is_read_run_by_run(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []
    real = read_rows

    def noting(*args: object, **kwargs: object) -> object:
        asked.append(kwargs["run_id"])
        return real(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr("batch.moves.read_rows", noting)
    rename(home, "inbox/a.wav", "x.wav")
    carry_over(home.output, RunKeys(run_id=SECOND), moves(home), all_of(moves(home)))
    assert asked == [FIRST, FIRST]


def test_what_is_gone_is_counted_without_what_was_moved(home: Home) -> None:
    home.put("c.wav")
    home.night(SECOND, ["c.wav"])
    rename(home, "inbox/a.wav", "x.wav")
    (home.folder / "archive/c.wav").unlink()
    ledger = read_ledger(home.output)
    ids = [one.id for one in list_recordings(home.archive)]
    assert ledger.unlisted(ids) - len(moves(home)) == 1
    moved_night(home, THIRD)
    assert read_ledger(home.output).unlisted(ids) == 1
