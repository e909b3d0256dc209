"""Runs note what they used, and what could break a limit is refused before anything is paid."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from batch.capacity.speeds import Machine, canary_key
from batch.capacity.used import JobUse
from batch.config import Config
from batch.platforms.base import Document, JobOutcome
from batch.run import Runner
from manifests.errors import InputError, JobFailedError
from manifests.storage import Store, open_store
from tests.batch.carried_out import stand_in
from tests.batch.job_runner import JobRunner, job_runner
from tests.batch.made_nights import made_home
from tests.batch.test_run_on_sagemaker import carried_out, configured
from tests.conftest import speechlike, write_sound

MACHINE = Machine(instance_type="ml.m5.xlarge", workers=1)


@pytest.fixture
def runner(aws: str) -> Iterator[JobRunner]:
    with job_runner() as runner:
        runner.container = stand_in
        yield runner


@pytest.fixture
def bucket(s3_bucket: str, tmp_path: Path) -> str:
    archive = open_store(f"s3://{s3_bucket}/archive/")
    for number in range(3):
        sound = write_sound(tmp_path / f"{number}.wav", speechlike(2.0, seed=number))
        archive.put(f"{number}.wav", sound)
    return s3_bucket


def summary(output: Store, run_id: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(output.read(f"runs/{run_id}/summary.json"))
    return found


def test_attempts_that_failed_are_counted_and_the_next_run_knows_the_speed(
    tmp_path: Path, tiny_model: Path, bucket: str, runner: JobRunner
) -> None:
    config = configured(
        tmp_path,
        tiny_model,
        bucket,
        "out",
        "platform.name=sagemaker",
        "transform.price_per_hour=3600.0",
    )
    output = open_store(config.output.uri)

    def crash(job: Document, outcome: JobOutcome) -> JobOutcome:
        if not job["TransformJobName"].endswith("-a1"):
            return outcome
        for entry in output.list("runs/"):
            if entry.key.endswith(".out"):
                output.delete(entry.key)
        return JobOutcome(status="Failed", failure_reason="AlgorithmError: no model")

    runner.spoil = crash
    with pytest.raises(JobFailedError):
        carried_out(config)
    (finished,), there = carried_out(config)
    found = summary(output, finished.plan.run_id)
    jobs = [JobUse.from_json(job) for job in found["timing"]["jobs"]]
    assert [(job.name[-5:], job.status) for job in jobs] == [
        ("r1-a1", "Failed"),
        ("r1-a2", "Completed"),
    ]
    assert {job.instance_type for job in jobs} == {"ml.m5.xlarge"}
    assert jobs[0].billed_seconds > 0
    assert (jobs[0].audio_seconds, jobs[1].audio_seconds) == (0.0, pytest.approx(6.0))
    hours = sum(job.instance_hours for job in jobs)
    assert found["used"]["instance_hours"] == pytest.approx(hours, abs=1e-3)
    assert found["used"]["dollars"] == pytest.approx(hours * 3600, rel=0.01)
    assert found["used"]["prices"]["ml.m5.xlarge"]["per_hour"] == 3600.0
    speed = there.planner.speed(there.survey(dry=True).bundle)
    assert speed.rtfx == jobs[1].rtfx
    assert speed.measured.startswith("1 earlier run on ml.m5.xlarge")


def test_a_killed_run_counts_the_sound_that_its_first_driver_did_not_hear(
    tmp_path: Path, tiny_model: Path, bucket: str, runner: JobRunner
) -> None:
    config = configured(tmp_path, tiny_model, bucket, "out", "platform.name=sagemaker")
    with runner.driver_dies():
        carried_out(config)
    (finished,), there = carried_out(config)
    (job,) = summary(there.output, finished.plan.run_id)["timing"]["jobs"]
    assert job["audio_seconds"] == pytest.approx(6.0)


def test_a_machine_that_was_measured_to_be_too_slow_is_refused_before_anything_is_created(
    tmp_path: Path, tiny_model: Path, bucket: str, runner: JobRunner
) -> None:
    config = configured(tmp_path, tiny_model, bucket, "out", "platform.name=sagemaker")
    _measured_at(config, rtfx=0.0005)
    with pytest.raises(InputError, match=r"a worker of ml\.m5\.xlarge would need 67 min"):
        carried_out(config)
    assert (runner.transforms, runner.models) == ([], {})
    assert not list(open_store(config.output.uri).list("runs/"))


def test_metadata_that_no_request_can_carry_is_refused_before_anything_is_created(
    tmp_path: Path,
    tiny_model: Path,
    bucket: str,
    runner: JobRunner,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("batch.capacity.limits.MEGABYTE", 100)  # ten thousand bytes in all
    (tmp_path / "meetings.csv").write_text(f"recording,minutes\n1.wav,{'x' * 20_000}\n")
    more = f"archive.metadata={tmp_path / 'meetings.csv'}"
    config = configured(tmp_path, tiny_model, bucket, "out", "platform.name=sagemaker", more)
    with pytest.raises(InputError, match=r"/1\.wav: its line in a shard has 20,\d{3} bytes"):
        carried_out(config)
    assert (runner.transforms, runner.models) == ([], {})


def test_shards_grow_with_the_measured_speed_and_the_model_stays_the_same(
    tmp_path: Path, tiny_model: Path, bucket: str
) -> None:
    config = configured(tmp_path, tiny_model, bucket, "out", "platform.name=sagemaker")
    config = config.model_copy(
        update={"transform": config.transform.model_copy(update={"shard_minutes": None})}
    )
    before = _planner(config)
    surveyed = before.survey(dry=True)
    shards = before._shards(surveyed)
    limits = before.limits(surveyed, shards)
    _measured_at(config, rtfx=80.0)
    after = _planner(config)
    assert before._shard_minutes(surveyed) == 7.5
    assert after._shard_minutes(surveyed) == 600.0
    assert (limits.timeout_seconds, after.limits(surveyed, shards).timeout_seconds) == (3600, 1200)
    assert before.model_request(surveyed.bundle) == after.model_request(surveyed.bundle)


def _planner(config: Config) -> Any:
    from batch.cli.listeners import LogListener
    from batch.transform_machines import transform_platform

    listener = LogListener()
    platform = transform_platform(config, listener.warn)
    return Runner(config=config, platform=platform, listener=listener).planner


def _measured_at(config: Config, *, rtfx: float) -> None:
    """As if a canary had found that speed."""
    planner = _planner(config)
    bundle = planner.survey(dry=True).bundle
    job = JobUse(
        name="c",
        status="Completed",
        created_at="2026-11-22T22:00:00+00:00",
        instance_type="ml.m5.xlarge",
        work_seconds=600.0,
        cold_start_seconds=300.0,
        rtfx=rtfx,
    )
    content = {"model": bundle.name, "model_digest": bundle.model_digest, "jobs": [job.as_json()]}
    planner.output.put(canary_key(MACHINE, bundle.model_digest), json.dumps(content).encode())


def test_so_many_shards_that_a_measured_speed_pays_are_told(
    tmp_path: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("batch.planning.MANY_SHARDS", 2)
    home = made_home(tmp_path, model=str(tiny_model))
    home.put(*(f"{number}.wav" for number in range(3)), content=bytes(40 << 20))
    told: list[str] = []
    planner = replace(home.runner().planner, warn=told.append)
    plan = planner.freeze(planner.survey(), today=date(2026, 11, 30))
    assert len(plan.shards) > 2
    assert [f"{len(plan.shards)} shards" in sentence for sentence in told] == [True]
    assert "--canary" in told[0]
