"""What a job used, and the cold start that its outputs show."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from batch.capacity.used import Heard, JobUse, Timing, attributed, measured, merged, stamp
from batch.platforms.sagemaker_jobs import TRAINING, Jobs

START = datetime(2026, 11, 23, 22, 0, tzinfo=UTC)


def at(seconds: float) -> str:
    return stamp(START + timedelta(seconds=seconds))


def job(name: str = "j-a1", *, created: float = 0.0, ended: float = 900.0, **more) -> JobUse:
    fields = {"started_at": at(created + 240), "instance_type": "ml.m5.xlarge", **more}
    return JobUse(
        name=name,
        status="Completed",
        created_at=at(created),
        ended_at=at(ended),
        billed_seconds=ended - created - 240,
        **fields,
    )


def heard(*outputs: tuple[float, float]) -> list[Heard]:
    """Outputs by the second that they appeared in, and the sound that they hold."""
    return [Heard(at=START + timedelta(seconds=when), audio_seconds=s) for when, s in outputs]


def test_what_comes_after_the_first_wave_is_work_and_says_how_long_the_start_took() -> None:
    # Two workers at 10 s of sound a second each begin after 400 s.
    outputs = heard(*[(400 + 60 * n, 600.0) for n in (1, 1, 2, 2, 3, 3, 4, 4)])
    found = measured(job(workers=2), outputs)
    assert found.rtfx == pytest.approx(20.0)
    assert found.cold_start_seconds == pytest.approx(400.0)
    assert found.waiting_seconds == 240.0
    assert found.audio_seconds == 4800.0
    assert found.work_seconds == 180.0


def test_the_speed_is_that_of_one_instance() -> None:
    outputs = heard(*[(400 + 60 * n, 600.0) for n in (1, 1, 2, 2, 3, 3)])
    assert measured(job(instance_count=2), outputs).rtfx == pytest.approx(10.0)


def test_one_wave_does_not_tell_start_from_work() -> None:
    found = measured(job(workers=2), heard((460, 600.0), (520, 600.0), (530, 60.0)))
    assert found.cold_start_seconds is None
    assert found.rtfx == pytest.approx(1260 / 660, abs=1e-3)


@pytest.mark.parametrize("outputs", [[], heard((460, 0.0), (470, 0.0), (480, 0.0))])
def test_no_sound_is_no_speed(outputs: list[Heard]) -> None:
    found = measured(job(), outputs)
    assert (found.rtfx, found.cold_start_seconds) == (None, None)


def test_hours_are_those_of_all_instances_from_the_jobs_start_on() -> None:
    assert job(instance_count=3).instance_hours == pytest.approx(3 * 660 / 3600)


def test_an_attempt_that_never_started_costs_nothing_and_is_told() -> None:
    never = JobUse(name="j-a1", status="Failed", created_at=at(0), ended_at=at(60))
    assert (never.instance_hours, never.waiting_seconds) == (0.0, 0.0)
    assert [one.name for one in attributed([never], [])] == ["j-a1"]


def test_an_output_is_the_work_of_the_attempt_before_it() -> None:
    jobs = [job("j-a1"), job("j-a2", created=1000, ended=2000)]
    first, second = attributed(jobs, heard((500, 60.0), (1500, 120.0), (1600, 120.0)))
    assert (first.audio_seconds, second.audio_seconds) == (60.0, 240.0)


def test_outputs_of_a_driver_that_died_are_nobodys() -> None:
    (found,) = attributed([job(created=1000, ended=2000)], heard((500, 60.0), (1500, 30.0)))
    assert found.audio_seconds == 30.0


def test_an_attempt_that_is_described_again_counts_once_and_failed_ones_count() -> None:
    earlier = [job("j-a1"), job("j-a2", created=1000, ended=1300)]
    later = [job("j-a2", created=1000, ended=2000), job("j-a3", created=2100, ended=3000)]
    found = merged(earlier, later)
    assert [one.name for one in found] == ["j-a1", "j-a2", "j-a3"]
    assert found[1].ended_at == at(2000)


def test_a_timing_is_read_back_as_it_was_written() -> None:
    timing = Timing(
        started_at=at(0), finished_at=at(9), audio_seconds=1.0, wall_seconds=2.0, jobs=(job(),)
    )
    assert Timing.from_json(json.loads(json.dumps(timing.as_json()))) == timing
    assert timing.as_json()["jobs"][0]["instance_hours"] == pytest.approx(660 / 3600, abs=1e-4)


class Described:
    """A training job on spot machines, as SageMaker describes it."""

    def describe_training_job(self, **_: str) -> dict[str, Any]:
        return {
            "TrainingJobStatus": "Completed",
            "SecondaryStatus": "Completed",
            "ResourceConfig": {"InstanceType": "ml.g5.xlarge", "InstanceCount": 2},
            "CreationTime": START,
            "TrainingStartTime": START + timedelta(seconds=200),
            "TrainingEndTime": START + timedelta(seconds=2000),
            "BillableTimeInSeconds": 900,
        }


def test_a_spot_job_is_billed_for_what_sagemaker_says() -> None:
    jobs = Jobs(kind=TRAINING, sagemaker=Described())
    jobs.described("nightscribe-x-a1")
    jobs.described("nightscribe-y-a1")
    (use,) = jobs.uses("nightscribe-x")
    assert (use.instance_type, use.billed_seconds, use.instance_hours) == ("ml.g5.xlarge", 900, 0.5)
    assert (use.waiting_seconds, use.started_at) == (200.0, at(200))
