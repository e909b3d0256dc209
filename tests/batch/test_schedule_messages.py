"""The morning's message: its first line says whether all is well, and no line names a recording."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch.config import ArchiveSection
from batch.schedule.messages import (
    MAX_SUBJECT,
    NightStory,
    Unfinished,
    discreet,
    failed_message,
    summary_message,
)

GOLDEN = Path(__file__).parents[1] / "golden"
PRICE = "[transform] price_per_hour of 2026-11-01"
ARCHIVE = ArchiveSection(uri="s3://acme-meetings/2026/")


def run(run_id: str = "2026-11-24-001", **changes: Any) -> dict[str, Any]:
    counted = {"rate": 0.1234, "substitutions": 90, "deletions": 30, "insertions": 28}
    return {
        "run_id": run_id,
        "recordings": 42,
        "rows": 43,
        "audio_seconds": 113_040.0,
        "statuses": {"ok": 40, "empty": 1, "error": 1},
        "kinds": {"corrupt": 1},
        "thresholds_passed": [],
        "used": {
            "instance_hours": 3.6,
            "dollars": 0.828,
            "prices": {"ml.m5.xlarge": {"per_hour": 0.23, "source": PRICE}},
        },
        "scores": {
            "coverage": {
                "references": 14,
                "scored": 12,
                "empty": 1,
                "error": 0,
                "missing": 2,
                "references_without_recording": ["a", "b"],
            },
            "wer": {**counted, "reference": 1200},
            "raw_wer": {**counted, "rate": 0.2, "reference": 1200},
        },
        **changes,
    }


STORY = NightStory(
    schedule="nightly",
    date=date(2026, 11, 24),
    window="22:00-06:00",
    timezone="Europe/Berlin",
    runs=[run()],
    next_firing=datetime(2026, 11, 25, 22, tzinfo=ZoneInfo("Europe/Berlin")),
    reports=["s3://acme-nightscribe/reports/2026-11-24-001/report.html"],
    transcripts="s3://acme-nightscribe/transcripts/",
    job="https://eu-central-1.console.aws.amazon.com/sagemaker/home?region=eu-central-1#/x",
)
LEFT = Unfinished(run_id="2026-11-24-002", recordings=1200, outputs=12, shards=40)


def test_the_message_reads_as_it_always_did() -> None:
    message = summary_message(STORY)
    assert f"{message.subject}\n\n{message.text}" == (GOLDEN / "morning.txt").read_text("utf-8")


@pytest.mark.parametrize(
    ("changes", "subject", "first"),
    [
        ({"runs": []}, "nothing new", "All is well: the night of Tue 24 Nov 2026 had nothing new"),
        (
            {"runs": [run(statuses={"ok": 42}, kinds={})]},
            "42 recordings, WER 12.34%",
            "All is well: the night of Tue 24 Nov 2026 is done, 42 recordings, 31.40 h of sound.",
        ),
        ({}, "42 recordings, WER 12.34%, 1 error", "Done, with errors: the night of"),
        (
            {"runs": [run(thresholds_passed=["WER 12.34%; at most 10.00% is allowed"])]},
            "ATTENTION, WER 12.34%; at most 10.00% is allowed",
            "ATTENTION: the night of Tue 24 Nov 2026 is done, but WER 12.34%; at most 10.00%",
        ),
        (
            {"runs": [], "unfinished": [LEFT]},
            "LATE, 1200 recordings unfinished",
            "LATE: the night of Tue 24 Nov 2026 was not finished when its window closed.",
        ),
        (
            {"failure": "the model could not be loaded"},
            "FAILED",
            "NOT well: the night of Tue 24 Nov 2026 failed: the model could not be loaded",
        ),
    ],
)
def test_subject_and_first_line_say_how_it_went(
    changes: dict[str, Any], subject: str, first: str
) -> None:
    message = summary_message(replace(STORY, **changes))
    assert message.subject == f"nightscribe nightly 2026-11-24: {subject}"
    assert message.text.startswith(first)


def test_counts_of_several_runs_are_added_and_scores_are_the_last_ones() -> None:
    first = run(scores=run()["scores"] | {"wer": {**run()["scores"]["wer"], "rate": 0.9}})
    message = summary_message(replace(STORY, runs=[first, run("2026-11-24-002")]))
    assert "84 in 86 rows: 80 ok, 2 empty, 2 error" in message.text
    assert "62.80 h" in message.text
    assert "7.20 h of ml.m5.xlarge" in message.text
    assert f"$1.66 ({PRICE})" in message.text
    assert "WER             12.34%" in message.text


def test_a_cost_that_nobody_knows_is_not_a_small_one() -> None:
    used = run()["used"] | {"dollars": None}
    message = summary_message(replace(STORY, runs=[run(), run(used=used)]))
    assert "cost            not known (" in message.text


def test_what_is_late_says_how_far_it_came_and_when_it_goes_on() -> None:
    text = summary_message(replace(STORY, unfinished=[LEFT])).text
    assert "run 2026-11-24-002: 1200 recordings, 12 of 40 shards have their output" in text
    assert "goes on         Wed 25 Nov 2026 22:00 (Europe/Berlin)" in text


def test_a_failed_driver_is_told_at_once() -> None:
    message = failed_message(replace(STORY, runs=[], failure="no role"))
    assert message.subject == "nightscribe nightly 2026-11-24: a driver FAILED"
    assert message.text.startswith("A driver of the night of Tue 24 Nov 2026 failed: no role")


@given(st.text(max_size=300))
def test_a_subject_is_short_and_plain(problem: str) -> None:
    subject = summary_message(replace(STORY, runs=[run(thresholds_passed=[problem])])).subject
    assert len(subject) <= MAX_SUBJECT
    assert subject.isascii()
    assert subject.isprintable()


@pytest.mark.parametrize(
    ("sentence", "said"),
    [
        (
            "s3://acme-meetings/2026/board/alice leaves.wav: access denied (403); check the role",
            "s3://acme-meetings/2026/…: access denied (403); check the role",
        ),
        (
            "none of the 2 references matches a recording (they name 'alice', \"bob's\")",
            "none of the 2 references matches a recording (they name '…', '…')",
        ),
        (
            "role: not allowed; mend the caller's or the role's policy; 'nightscribe deploy' helps",
            "role: not allowed; mend the caller's or the role's policy; 'nightscribe deploy' helps",
        ),
        (
            "metadata: fits several recordings (board/alice.WAV, b.wav)",
            "the sentence names a recording; 'nightscribe run' by hand shows it",
        ),
        (
            "s3://acme-meetings/2026/alice: leaves.wav: gone",
            "the sentence names a recording; 'nightscribe run' by hand shows it",
        ),
        ("first line\nalice", "first line"),
    ],
)
def test_a_sentence_for_others_names_no_recording(sentence: str, said: str) -> None:
    assert discreet(sentence, ARCHIVE) == said


@given(st.text(min_size=1), st.sampled_from([".wav", ".mp3", ".OPUS"]))
def test_no_name_of_a_recording_gets_through(name: str, suffix: str) -> None:
    secret = f"{name}{suffix}"
    for sentence in (f"{ARCHIVE.uri}{secret}: gone", f"fits {secret}", f"named {secret!r}, and so"):
        assert secret not in discreet(sentence, ARCHIVE)
