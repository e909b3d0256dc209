"""Scheduled runs as data: ``create_processing_job`` and ``create_schedule``, built without I/O.

Field names and limits are those of the SageMaker and EventBridge Scheduler API references; the
context attributes are https://docs.aws.amazon.com/scheduler/latest/UserGuide/
managing-schedule-context-attributes.html.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby
from typing import Any

from batch.platforms.base import Document
from batch.requests import JobMachines
from batch.schedule.night import DAY_NAMES, Moment, Window

EXECUTION_ID = "<aws.scheduler.execution-id>"
SCHEDULED_TIME = "<aws.scheduler.scheduled-time>"
INPUT = "/opt/ml/processing/input"
CONFIG_NAME = "config.toml"
LONGEST_JOB = timedelta(days=5)
# Collection and report after the window's end, and the machine's start before.
_MARGIN = timedelta(hours=2)
_VOLUME_GB = 30
# Of a schedule: the longest for which EventBridge's 64 characters hold the names of its parts.
LONGEST_NAME = 30
# A job's name has 63 characters; an execution id might be a UUID.
_NAME_SHARE = 63 - len("nightscribe--") - 36


@dataclass(frozen=True, kw_only=True)
class Driver:
    """What a driver's processing job is made of; places are URIs of folders."""

    schedule: str
    window: Window
    code_uri: str
    config_uri: str
    region: str
    machines: JobMachines


@dataclass(frozen=True, kw_only=True)
class Firing:
    """Who the scheduler is when it starts a job, and where it puts what it could not deliver."""

    role: str
    group: str
    dead_letter_queue: str | None = None
    enabled: bool = True


def job_name(schedule: str, execution: str) -> str:
    """A driver's job: the execution id makes it unique."""
    return f"nightscribe-{schedule[:_NAME_SHARE].rstrip('-')}-{execution}"


def driver_job(
    driver: Driver, *, name: str, fired_at: str, longest: timedelta | None = None
) -> Document:
    """``create_processing_job`` that runs ``nightscribe run`` from the driver's bundle."""
    machines, window = driver.machines, driver.window
    arguments = ["run", f"{INPUT}/schedule/{CONFIG_NAME}", "--schedule", driver.schedule]
    arguments += ["--fired-at", fired_at, "--window", str(window)]
    arguments += ["--timezone", window.zone.key, "--days", window.day_list, "--job", name]
    seconds = min(longest or window.length + _MARGIN, LONGEST_JOB).total_seconds()
    network = {"NetworkConfig": machines.vpc()} if machines.subnets else {}
    return {
        "ProcessingJobName": name,
        "RoleArn": machines.role,
        "AppSpecification": {
            "ImageUri": machines.image,
            "ContainerEntrypoint": ["python3", f"{INPUT}/driver/start.py"],
            "ContainerArguments": arguments,
        },
        "ProcessingInputs": [
            _input("driver", driver.code_uri),
            _input("schedule", driver.config_uri),
        ],
        "ProcessingResources": {"ClusterConfig": _cluster(machines)},
        "StoppingCondition": {"MaxRuntimeInSeconds": round(seconds)},
        "Environment": {"AWS_DEFAULT_REGION": driver.region},
        "Tags": [*machines.tag_list(), {"Key": "schedule", "Value": driver.schedule}],
        **network,
    }


def schedule_requests(driver: Driver, firing: Firing, *, place: str) -> list[Document]:
    """``create_schedule`` for each part of a schedule: one cron expression cannot cross midnight.

    ``place`` is the output's URI: two outputs may have schedules of one name.
    """
    job = driver_job(driver, name=job_name(driver.schedule, EXECUTION_ID), fired_at=SCHEDULED_TIME)
    prefix = schedule_prefix(driver.schedule, place)
    return [
        _schedule(driver, firing, prefix + _part(moments[0]), moments, job)
        for _, group in groupby(driver.window.moments(), key=_part)
        if (moments := list(group))
    ]


def schedule_prefix(schedule: str, place: str) -> str:
    """How the names of a schedule's parts begin."""
    return f"nightscribe-{schedule}-{hashlib.sha256(place.encode()).hexdigest()[:8]}-"


def _part(moment: Moment) -> str:
    if moment.closing:
        return "closing"
    return "next-day" if moment.next_day else "first-day"


def _schedule(
    driver: Driver, firing: Firing, name: str, moments: Sequence[Moment], job: Document
) -> Document:
    closing = moments[0].closing
    dead_letters = firing.dead_letter_queue
    target: dict[str, Any] = {
        # The partition of the role: China and GovCloud have their own.
        "Arn": f"arn:{firing.role.split(':')[1]}:scheduler:::aws-sdk:sagemaker:createProcessingJob",
        "RoleArn": firing.role,
        "Input": json.dumps(job),
        # The next firing comes within the hour; the closing one has no next, and a summary to send.
        "RetryPolicy": {
            "MaximumEventAgeInSeconds": 14_400 if closing else 1_800,
            "MaximumRetryAttempts": 20 if closing else 5,
        },
        **({"DeadLetterConfig": {"Arn": dead_letters}} if dead_letters else {}),
    }
    return {
        "Name": name,
        "GroupName": firing.group,
        "Description": f"nightscribe {driver.schedule}, {driver.window}",
        "ScheduleExpression": cron(moments, driver.window.days),
        "ScheduleExpressionTimezone": driver.window.zone.key,
        # The closing firing is known by its minute.
        "FlexibleTimeWindow": {"Mode": "OFF"}
        if closing
        else {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 5},
        "State": "ENABLED" if firing.enabled else "DISABLED",
        "Target": target,
    }


def cron(moments: Sequence[Moment], nights: frozenset[int]) -> str:
    """The expression of firings at one minute of successive hours; ``nights`` are their days."""
    shift = 1 if moments[0].next_day else 0
    days = sorted((night + shift) % 7 for night in nights)
    names = "*" if len(days) == 7 else ",".join(DAY_NAMES[day].upper() for day in days)
    hours = ",".join(str(moment.at.hour) for moment in moments)
    return f"cron({moments[0].at.minute} {hours} ? * {names} *)"


def _input(name: str, uri: str) -> dict[str, Any]:
    return {
        "InputName": name,
        "S3Input": {
            "S3Uri": uri,
            "LocalPath": f"{INPUT}/{name}",
            "S3DataType": "S3Prefix",
            "S3InputMode": "File",
        },
    }


def _cluster(machines: JobMachines) -> dict[str, Any]:
    return {
        "InstanceCount": 1,
        "InstanceType": machines.instance_type,
        "VolumeSizeInGB": _VOLUME_GB,
        **machines.volume_key(),
    }
