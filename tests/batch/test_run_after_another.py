"""A run that follows another: what is new, changed, of another model, or done already."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from batch.reading import standing
from tests.batch.small_night import KeptNight, carried_out, rows, runner, same
from tests.conftest import make_tiny_model, speechlike, write_sound

pytestmark = pytest.mark.usefixtures("warm_python")


def test_a_second_run_over_an_unchanged_archive_does_nothing(night: KeptNight) -> None:
    home = night.home
    before = sorted(path for path in (home / "out").rglob("*") if path.is_file())
    assert carried_out(home) == []
    after = sorted(path for path in (home / "out").rglob("*") if path.is_file())
    assert [p for p in after if "claim" not in p.parts] == [
        p for p in before if "claim" not in p.parts
    ]
    (home / "references.tsv").write_text("recording\ttext\nday/0.wav\thello there everybody\n")
    (scored,) = carried_out(home)
    assert scored.figures["wer"]["reference"] == 3
    assert (scored.plan.run_id, carried_out(home)) == ("2026-11-23-001", [])


def test_new_and_changed_recordings_are_transcribed_and_old_rows_kept_in_history(
    night: KeptNight,
) -> None:
    home = night.home
    write_sound(home / "archive/day/0.wav", speechlike(7, seed=77))
    write_sound(home / "archive/late.wav", speechlike(2, seed=78))
    (second,) = carried_out(home)
    assert dict(second.plan.reasons) == {"changed": 1, "new": 1}
    found = rows(home)
    assert len(found) == 5
    assert found["id"].is_unique
    assert found.set_index("path").loc["day/0.wav", "duration"] == pytest.approx(7, abs=0.05)
    history = pd.read_parquet(home / "out/history/transcripts")
    assert list(history["path"]) == ["day/0.wav"]
    assert history["duration"][0] == pytest.approx(3, abs=0.05)
    text = found.set_index("path").loc["day/2.wav", "text"]
    (home / "archive/day/2.wav").rename(home / "archive/renamed.wav")
    (third,) = carried_out(home)
    assert (dict(third.plan.reasons), third.plan.shards) == ({"moved": 1}, [])
    found = rows(home).set_index("path")
    assert (len(found), found.loc["renamed.wav", "text"]) == (5, text)
    assert carried_out(home) == []


def test_a_new_model_waits_or_takes_over_as_the_config_says(
    night: KeptNight, tmp_path: Path
) -> None:
    home = night.home
    other = make_tiny_model(tmp_path / "models/other", seed=1)
    assert carried_out(home, f"model.uri='{other}'") == []
    (second,) = carried_out(home, f"model.uri='{other}'", "run.on_model_change='all'")
    assert dict(second.plan.reasons) == {"model": 4}
    before = pd.read_parquet(home / "out/history/transcripts").set_index("path")["text"]
    report, _ = runner(home).score(second.plan)
    assert {row.path: row.previous for row in report.scored} == dict(
        before[["day/0.wav", "day/1.wav"]]
    )
    assert len(report.second) == 4
    found = rows(home)
    assert len(found) == 4
    assert set(found["model"]) == {"other"}
    assert len(pd.read_parquet(home / "out/history/transcripts")) == 4
    assert not list((home / "out/transcripts").rglob("2026-11-23-001.parquet"))


def test_an_earlier_run_can_be_scored_again_as_it_was(night: KeptNight, tmp_path: Path) -> None:
    home, first = night.home, night.finished
    other = make_tiny_model(tmp_path / "models/other", seed=1)
    carried_out(home, f"model.uri='{other}'", "run.on_model_change='all'")
    _, figures = runner(home).score(first.plan)
    assert figures["wer"] == first.figures["wer"]


def test_collecting_an_older_run_again_leaves_newer_rows_alone(night: KeptNight) -> None:
    home = night.home
    write_sound(home / "archive/day/0.wav", speechlike(7, seed=77))
    carried_out(home)
    before, segments = rows(home), rows(home, "segments")
    runner(home).collect(night.finished.plan)
    same(rows(home), before)
    same(rows(home, "segments"), segments)


def test_run_ids_sort_by_time_when_the_date_goes_backwards(night: KeptNight) -> None:
    home = night.home
    write_sound(home / "archive/day/0.wav", speechlike(7, seed=77))
    earlier = runner(home)
    earlier.today = lambda: date(2026, 11, 20)
    (second,) = earlier.run()
    assert second.plan.run_id == "2026-11-23-002"
    assert carried_out(home) == []
    assert len(rows(home)) == 4


def test_an_unfinished_run_of_another_model_is_given_up_and_planned_anew(
    home: Path, tmp_path: Path
) -> None:
    made = runner(home)
    assert made.plan() is not None
    other = make_tiny_model(tmp_path / "models/other", seed=1)
    given_up = made.plan()
    assert given_up is not None
    (finished,) = carried_out(home, f"model.uri='{other}'")
    assert finished.plan.model == "other"
    assert len(rows(home)) == 4
    assert standing(made.output, given_up.run_id).state == "abandoned"
    assert standing(made.output, finished.plan.run_id).state == "finished"


def test_planning_twice_plans_once(home: Path) -> None:
    first, second = runner(home).plan(), runner(home).plan()
    assert first is not None
    assert second is not None
    assert first.run_id == second.run_id
    carried_out(home)
    assert len(rows(home)) == 4
