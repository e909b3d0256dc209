"""Runs that were tidied, given up, or killed before their plan: forgotten and let go as others."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from batch.begun import give_up
from batch.config import RetentionSection
from batch.upkeep.retention import expired, let_go
from batch.upkeep.verifying import Verifier
from manifests.recordings import recording_id
from tests.batch.made_nights import Home, made_home
from tests.batch.test_forget import forget

FIRST, SECOND = "2026-11-23-001", "2026-11-24-001"
TODAY = date(2027, 2, 1)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return made_home(tmp_path, more="[report]\nclips = 0\n")


def test_a_run_whose_shards_expired_forgets_one_recording_and_not_all(home: Home) -> None:
    home.put("a.wav", "b.wav", "c.wav")
    plan = home.planned(FIRST, attempts={recording_id("a.wav"): 1})
    home.collected(plan)
    home.finished(plan)
    let_go(
        home.output, expired(home.output, RetentionSection(runs_days=30), today=TODAY), today=TODAY
    )
    for _ in range(2):
        forget(home, "a.wav")
        left = home.planned_before(FIRST)
        assert (left.recordings, left.forgotten, left.attempts) == (2, 1, {})
        counted = json.loads(home.output.read(plan.keys.collected))
        assert (counted["recordings"], counted["rows"], counted["audio_seconds"]) == (2, 2, 120.0)
        assert Verifier(output=home.output).verify(FIRST).findings == ()


def test_the_newest_report_stays_where_a_newer_run_has_none(home: Home) -> None:
    home.put("a.wav")
    home.night(FIRST)
    home.output.put(f"reports/{FIRST}/report.html", b"")
    home.put("b.wav")
    home.planned(SECOND, ["b.wav"])
    give_up(home.output, SECOND)
    assert expired(home.output, RetentionSection(reports_days=30), today=TODAY) == []


def test_what_a_run_wrote_that_was_killed_before_its_plan_is_forgotten(home: Home) -> None:
    home.put("a.wav", "b.wav")
    home.night(FIRST)
    home.put("a.wav", content=b"longer sound")
    home.output.delete(home.planned(SECOND, ["a.wav"]).keys.plan)
    forget(home, "a.wav")
    assert [one.key for one in home.output.list(f"runs/{SECOND}/")] == []
