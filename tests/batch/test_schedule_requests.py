"""A schedule's documents are what boto3 would send, and fire when its window says."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta

import botocore.session
import pytest
from botocore.validate import ParamValidator
from hypothesis import given, settings
from hypothesis import strategies as st

from batch.requests import JobMachines
from batch.schedule.night import DAY_NAMES, Window
from batch.schedule.requests import (
    EXECUTION_ID,
    LONGEST_NAME,
    SCHEDULED_TIME,
    Driver,
    Firing,
    driver_job,
    job_name,
    schedule_prefix,
    schedule_requests,
)
from batch.schedule.schedules import fired

ROLE = "arn:aws:iam::123456789012:role/nightscribe"
BERLIN = Window.of("22:00-06:00", "Europe/Berlin", "mon-fri")
DEAD_LETTERS = "arn:aws:sqs:eu-central-1:123456789012:nightscribe-dead"


def driver(window: Window = BERLIN, **changes: object) -> Driver:
    machines = {
        "role": f"{ROLE}-driver",
        "image": "123456789012.dkr.ecr.eu-central-1.amazonaws.com/nightscribe:1",
        "instance_type": "ml.t3.medium",
        "subnets": ["subnet-1"],
        "security_groups": ["sg-1"],
        "kms_key": "arn:aws:kms:eu-central-1:123456789012:key/1",
        "tags": {"project": "nightscribe"},
    }
    return Driver(
        schedule="nightly",
        window=window,
        code_uri="s3://b/out/drivers/0123/",
        config_uri="s3://b/out/schedules/nightly/",
        region="eu-central-1",
        machines=JobMachines(**(machines | changes)),  # type: ignore[arg-type]
    )


def requests(window: Window = BERLIN, role: str = ROLE) -> list[dict]:
    firing = Firing(role=role, group="nightscribe", dead_letter_queue=DEAD_LETTERS)
    return [dict(one) for one in schedule_requests(driver(window), firing, place="s3://b/out/")]


def complaints(service: str, operation: str, document: dict) -> str:
    model = botocore.session.get_session().get_service_model(service)
    shape = model.operation_model(operation).input_shape
    return ParamValidator().validate(document, shape).generate_report()


def test_botocore_accepts_every_part_and_the_job_in_it() -> None:
    for request in requests():
        assert complaints("scheduler", "CreateSchedule", request) == ""
        job = json.loads(request["Target"]["Input"])
        filled = fired(job, execution="d32c5kddcf5bb8c3", at=datetime(2026, 11, 24, 21, tzinfo=UTC))
        assert complaints("sagemaker", "CreateProcessingJob", dict(filled)) == ""
        assert "<aws" not in json.dumps(filled)
    assert complaints("scheduler", "CreateSchedule", {"Name": "x"}) != ""


def test_a_window_over_midnight_is_three_expressions_and_one_by_day_is_two() -> None:
    prefix = schedule_prefix("nightly", "s3://b/out/")
    assert {one["Name"].removeprefix(prefix): one["ScheduleExpression"] for one in requests()} == {
        "first-day": "cron(0 22,23 ? * MON,TUE,WED,THU,FRI *)",
        "next-day": "cron(0 0,1,2,3,4,5 ? * TUE,WED,THU,FRI,SAT *)",
        "closing": "cron(0 6 ? * TUE,WED,THU,FRI,SAT *)",
    }
    by_day = requests(Window.of("09:30-12:15", "UTC"))
    assert [one["ScheduleExpression"] for one in by_day] == [
        "cron(30 9,10,11 ? * * *)",
        "cron(15 12 ? * * *)",
    ]


def test_the_job_runs_nightscribe_run_with_what_names_the_night() -> None:
    job = json.loads(requests()[0]["Target"]["Input"])
    assert job["ProcessingJobName"] == f"nightscribe-nightly-{EXECUTION_ID}"
    assert job["AppSpecification"]["ContainerEntrypoint"] == [
        "python3",
        "/opt/ml/processing/input/driver/start.py",
    ]
    arguments = job["AppSpecification"]["ContainerArguments"]
    assert arguments[:2] == ["run", "/opt/ml/processing/input/schedule/config.toml"]
    options = dict(zip(arguments[2::2], arguments[3::2], strict=True))
    assert options == {
        "--schedule": "nightly",
        "--fired-at": SCHEDULED_TIME,
        "--window": "22:00-06:00",
        "--timezone": "Europe/Berlin",
        "--days": "mon,tue,wed,thu,fri",
        "--job": f"nightscribe-nightly-{EXECUTION_ID}",
    }
    assert job["StoppingCondition"]["MaxRuntimeInSeconds"] == 10 * 3600
    assert {"Key": "project", "Value": "nightscribe"} in job["Tags"]
    assert job["RoleArn"] == f"{ROLE}-driver"


def test_what_could_not_be_delivered_is_tried_again_and_kept() -> None:
    for request in requests():
        target = request["Target"]
        closing = request["Name"].endswith("closing")
        assert target["DeadLetterConfig"] == {"Arn": DEAD_LETTERS}
        assert target["RetryPolicy"]["MaximumEventAgeInSeconds"] == (14_400 if closing else 1_800)


@pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov"])
def test_the_target_is_in_the_roles_partition(partition: str) -> None:
    (first, *_) = requests(role=f"arn:{partition}:iam::123456789012:role/x")
    expected = f"arn:{partition}:scheduler:::aws-sdk:sagemaker:createProcessingJob"
    assert first["Target"]["Arn"] == expected


def test_volumes_take_a_key_only_where_they_are_not_local() -> None:
    for kind, keyed in (("ml.t3.medium", True), ("ml.g5.xlarge", False)):
        job = driver_job(driver(instance_type=kind), name="x", fired_at="y")
        assert ("VolumeKmsKeyId" in job["ProcessingResources"]["ClusterConfig"]) is keyed


@given(
    st.from_regex(r"[A-Za-z0-9](-?[A-Za-z0-9]){0,29}", fullmatch=True).map(
        lambda name: name[:LONGEST_NAME].rstrip("-")
    ),
    st.sampled_from(["d32c5kddcf5bb8c3", "3fa85f64-5717-4562-b3fc-2c963f66afa6"]),
)
def test_names_fit_whatever_the_schedule_and_the_execution_are_called(
    schedule: str, execution: str
) -> None:
    name = job_name(schedule, execution)
    assert len(name) <= 63
    assert re.fullmatch(r"[a-zA-Z0-9](-*[a-zA-Z0-9])*", name)
    # EventBridge's limit.
    assert len(schedule_prefix(schedule, "s3://b/out/") + "first-day") <= 64


def test_the_closing_firing_keeps_to_its_minute() -> None:
    """A little later by whichever clock, and it would be a run by day, without an end."""
    for request in requests():
        closing = request["Name"].endswith("closing")
        assert request["FlexibleTimeWindow"]["Mode"] == ("OFF" if closing else "FLEXIBLE")


@given(
    st.integers(0, 24 * 60 - 1),
    st.integers(1, 24 * 60 - 1),
    st.sets(st.sampled_from(DAY_NAMES), min_size=1),
)
@settings(max_examples=20, deadline=None)
def test_the_expressions_fire_when_the_window_says(start: int, length: int, days: set[str]) -> None:
    end = (start + length) % (24 * 60)
    text = f"{start // 60:02d}:{start % 60:02d}-{end // 60:02d}:{end % 60:02d}"
    window = Window.of(text, "UTC", ",".join(days))
    monday = datetime(2026, 11, 23, tzinfo=UTC)
    week = [monday + timedelta(minutes=minute) for minute in range(7 * 24 * 60)]
    expressions = [request["ScheduleExpression"] for request in requests(window)]
    found = {at for at in week if any(_matches(one, at) for one in expressions)}
    firings = window.firings(monday - timedelta(minutes=1))
    expected = set()
    while (at := next(firings)[0]) < monday + timedelta(days=7):
        expected.add(at)
    assert found == expected


def _matches(expression: str, at: datetime) -> bool:
    minute, hours, _, _, days, _ = expression[len("cron(") : -1].split()
    return (
        at.minute == int(minute)
        and str(at.hour) in hours.split(",")
        and (days == "*" or DAY_NAMES[at.weekday()].upper() in days.split(","))
    )
