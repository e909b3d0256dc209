"""Speeds are what runs and canaries measured; what was not measured is not known."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from batch.capacity.speeds import NEWEST_RUNS, Machine, canary_key, measured_speed
from batch.capacity.used import JobUse
from manifests.storage import Store, open_store

MACHINE = Machine(instance_type="ml.m5.xlarge", workers=2)


@pytest.fixture
def output(tmp_path: Path) -> Store:
    return open_store(tmp_path)


def job(rtfx: float, **more: Any) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "instance_type": "ml.m5.xlarge",
        "workers": 2,
        "work_seconds": 600.0,
        "cold_start_seconds": 300.0,
        **more,
    }
    created = "2026-11-23T22:00:00.000+00:00"
    return JobUse(name="j", status="Completed", created_at=created, rtfx=rtfx, **fields).as_json()


def run(output: Store, run_id: str, *jobs: dict[str, Any], digest: str = "d1") -> None:
    output.put(f"ledger/{run_id}.parquet", b"")
    content = {"model": "meetings", "model_digest": digest, "timing": {"jobs": jobs}}
    output.put(f"runs/{run_id}/summary.json", json.dumps(content).encode())


def canary(output: Store, found: dict[str, Any], *, digest: str = "d1") -> None:
    content = {"model": "meetings", "model_digest": digest, "jobs": [found]}
    output.put(canary_key(MACHINE, digest), json.dumps(content).encode())


def speed(output: Store, machine: Machine = MACHINE) -> Any:
    return measured_speed(output, machine, model="meetings", digest="d1")


def test_nothing_measured_is_not_known(output: Store) -> None:
    found = speed(output)
    assert (found.rtfx, found.sure_of_worker) == (None, None)
    assert found.measured == "no earlier run of meetings on ml.m5.xlarge"


def test_the_newest_runs_count_by_their_time_at_work(output: Store) -> None:
    for number in range(NEWEST_RUNS + 3):
        run(output, f"2026-11-{number + 1:02d}-001", job(1000.0 if number < 3 else 20.0))
    run(output, "2026-11-23-001", job(40.0, work_seconds=600.0 * (NEWEST_RUNS - 1)))
    found = speed(output)
    assert found.rtfx == 30.0
    assert found.measured.startswith("10 earlier runs on ml.m5.xlarge, 180.0 min")
    assert (found.cold_start_seconds, found.sure_of_worker) == (300.0, 15.0)


@pytest.mark.parametrize(
    "other", [{"instance_type": "ml.g5.xlarge"}, {"instance_type": ""}, {"workers": 4}]
)
def test_the_speed_of_another_machine_says_nothing(output: Store, other: dict[str, Any]) -> None:
    run(output, "2026-11-01-001", job(20.0, **other))
    assert speed(output).rtfx is None


def test_a_canary_counts_where_no_run_has_this_model(output: Store) -> None:
    run(output, "2026-11-01-001", job(10.0), digest="d0")
    canary(output, job(20.0))
    assert speed(output).rtfx == 20.0
    assert speed(output).measured.startswith("1 canary on ml.m5.xlarge")
    run(output, "2026-11-02-001", job(30.0))
    assert speed(output).rtfx == 30.0


def test_another_version_of_the_model_is_a_hint_that_no_run_relies_on(output: Store) -> None:
    run(output, "2026-11-01-001", job(10.0), digest="d0")
    found = speed(output)
    assert (found.rtfx, found.same_model, found.sure_of_worker) == (10.0, False, None)
    assert "of another version of the model" in found.measured


@pytest.mark.parametrize("weak", [{"work_seconds": 30.0}, {"cold_start_seconds": None}])
def test_a_short_or_blurred_measurement_is_for_eyes_only(
    output: Store, weak: dict[str, Any]
) -> None:
    run(output, "2026-11-01-001", job(0.1, **weak))
    assert (speed(output).rtfx, speed(output).sure_of_worker) == (0.1, None)


def test_runs_that_were_given_up_or_are_older_than_this_are_passed_over(output: Store) -> None:
    output.put("ledger/2026-11-01-001.parquet", b"")
    output.put("ledger/2026-11-02-001.parquet", b"")
    output.put("runs/2026-11-02-001/summary.json", b'{"run_id": "x", "abandoned": true}')
    assert speed(output).rtfx is None
