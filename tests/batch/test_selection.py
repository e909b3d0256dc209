from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from batch.ledger import Ledger, Result
from batch.selection import MAX_ATTEMPTS, Reason, Settings, select
from manifests.recordings import Recording, recording_id

SETTINGS = Settings(channels="mix", model_digest="m1", decode_digest="d1")


def recording(path: str = "a.wav", *, etag: str = "e1", size: int = 10) -> Recording:
    return Recording(
        id=recording_id(path), path=path, uri=f"file:///x/{path}", size=size, etag=etag
    )


def result(**changes: object) -> Result:
    values = {
        "id": recording_id("a.wav"),
        "path": "a.wav",
        "etag": "e1",
        "version": None,
        "size": 10,
        "channels": "mix",
        "model_digest": "m1",
        "decode_digest": "d1",
        "status": "ok",
        "error_kind": None,
        "attempts": 1,
        "duration": 1.0,
        "run_id": "2026-01-01-001",
    }
    return Result(**{**values, **changes})  # type: ignore[arg-type]


def reasons(found: Recording, known: Result | None, policy: str = "new-only") -> list[str]:
    ledger = Ledger.of([known] if known else [])
    chosen = select([found], ledger, SETTINGS, on_model_change=policy).chosen  # type: ignore[arg-type]
    return [str(one.reason) for one in chosen]


def test_what_has_no_result_is_new() -> None:
    assert reasons(recording(), None) == [Reason.NEW]


def test_what_has_its_result_is_left_alone() -> None:
    assert reasons(recording(), result()) == []


@pytest.mark.parametrize("change", [{"etag": "e2"}, {"size": 11}])
def test_another_version_is_transcribed_again(change: dict[str, object]) -> None:
    assert reasons(recording(**change), result()) == [Reason.CHANGED]  # type: ignore[arg-type]


@pytest.mark.parametrize("change", ["model_digest", "decode_digest", "channels"])
def test_another_model_or_setting_follows_the_policy(change: str) -> None:
    known = result(**{change: "other"})
    assert reasons(recording(), known) == []
    assert reasons(recording(), known, "all") == [Reason.MODEL]
    assert select([recording()], Ledger.of([known]), SETTINGS, on_model_change="new-only").waiting


@pytest.mark.parametrize("kind", ["empty_file", "unsupported_format", "corrupt", "too_long"])
def test_a_final_error_is_not_tried_again(kind: str) -> None:
    assert reasons(recording(), result(status="error", error_kind=kind)) == []


@pytest.mark.parametrize("kind", ["corrupt", "not_transcribed"])
def test_an_error_under_other_settings_is_tried_again_whatever_the_policy(kind: str) -> None:
    known = result(status="error", error_kind=kind, attempts=MAX_ATTEMPTS, model_digest="other")
    assert reasons(recording(), known) == [Reason.RETRY]


@pytest.mark.parametrize(
    "kind", ["not_found", "forbidden", "changed", "internal", "unavailable", "time_limit"]
)
def test_another_error_is_tried_in_the_next_three_runs(kind: str) -> None:
    for attempts in range(1, MAX_ATTEMPTS):
        known = result(status="error", error_kind=kind, attempts=attempts)
        assert reasons(recording(), known) == [Reason.RETRY]
    known = result(status="error", error_kind=kind, attempts=MAX_ATTEMPTS)
    assert reasons(recording(), known) == []


NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.mark.parametrize("known", [None, result(etag="e0")])
def test_what_came_too_lately_waits_for_the_next_run(known: Result | None) -> None:
    ledger = Ledger.of([known] if known else [])
    for minutes, settling in ((-1, 0), (0, 0), (1, 1)):
        late = replace(recording(), modified=NOON + timedelta(minutes=minutes))
        found = select([late], ledger, SETTINGS, on_model_change="all", settled_by=NOON)
        assert (len(found.chosen), found.settling, found.kept) == (1 - settling, settling, 0)


def test_a_young_recording_that_has_its_result_is_done() -> None:
    late = replace(recording(), modified=NOON + timedelta(minutes=1))
    ledger = Ledger.of([result()])
    found = select([late], ledger, SETTINGS, on_model_change="all", settled_by=NOON)
    assert (found.kept, found.settling) == (1, 0)
