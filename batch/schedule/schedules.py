"""The schedules of an output: put, shown, paused, started by hand, removed."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice

from batch.account.account import account_of, job_settings, resolved
from batch.account.regions import check_regions
from batch.config import Config, SageMakerSection
from batch.platforms.aws import client, region_of, translated
from batch.platforms.base import Document
from batch.platforms.sagemaker_images import driver_image, pinned
from batch.requests import JobMachines
from batch.schedule.clock_changes import warnings
from batch.schedule.driver import DRIVERS, upload_driver
from batch.schedule.night import Window
from batch.schedule.records import (
    NIGHTS,
    SUMMARY,
    Schedule,
    nights,
    read_schedule,
    schedule_folder,
    schedule_names,
)
from batch.schedule.requests import (
    CONFIG_NAME,
    EXECUTION_ID,
    LONGEST_JOB,
    LONGEST_NAME,
    SCHEDULED_TIME,
    Driver,
    Firing,
    driver_job,
    job_name,
    schedule_prefix,
    schedule_requests,
)
from batch.schedule.scheduled_config import as_toml, scheduled_config
from batch.schedule.scheduler import Scheduler
from manifests.errors import InputError
from manifests.storage import Store, open_store

DEFAULT_GROUP = "default"
_NAME = re.compile(r"[A-Za-z0-9](?:-?[A-Za-z0-9])*")


@dataclass(frozen=True, kw_only=True)
class Put:
    """What became of a schedule that was put."""

    schedule: Schedule
    renewed: bool
    paused: bool
    first_firing: datetime
    warnings: list[str]


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A schedule with how it stands; ``state`` is EventBridge's, of all parts together."""

    schedule: Schedule
    state: str
    next_firings: list[datetime]
    """Local times; none where it does not fire."""
    last_nights: list[str]
    """The subjects of the last messages, the newest first."""


def put_schedule(config: Config, name: str) -> Put:
    """Make a schedule from ``[schedule]``, or bring the one of that name up to date.

    Raises:
        InputError: a name, window, zone or day that cannot be, or something that the account lacks.
    """
    _check_name(name)
    section = config.schedule
    window = Window.of(section.window, section.timezone, section.days)
    config = resolved(config)
    account = account_of(config)
    firing_role = _needed(account, "scheduler_role")
    group, region = account.schedule_group or DEFAULT_GROUP, region_of(account.region)
    scheduler = Scheduler(group, region)
    scheduler.check()
    output = open_store(config.output.uri)
    existing = scheduler.parts(schedule_prefix(name, output.uri))
    paused = bool(existing) and not any(existing.values())
    notes = list(_archive_notes(config, region))
    machines = _machines(config, account, notes.append)
    folder = schedule_folder(name)
    output.put(
        folder + CONFIG_NAME, as_toml(scheduled_config(config, output, folder, notes.append))
    )
    code = upload_driver(output, account.wheels)
    driver = Driver(
        schedule=name,
        window=window,
        code_uri=output.uri_of(code),
        config_uri=output.uri_of(folder),
        region=region,
        machines=machines,
    )
    firing = Firing(
        role=firing_role,
        group=group,
        dead_letter_queue=account.dead_letter_queue,
        enabled=not paused,
    )
    schedule = Schedule(
        name=name,
        window=str(window),
        timezone=window.zone.key,
        days=window.day_list,
        group=group,
        region=region,
        code=code,
        job=driver_job(driver, name=job_name(name, EXECUTION_ID), fired_at=SCHEDULED_TIME),
    )
    schedule.write(output)
    scheduler.put(schedule_requests(driver, firing, place=output.uri), existing)
    now = datetime.now(UTC)
    return Put(
        schedule=schedule,
        renewed=bool(existing),
        paused=paused,
        first_firing=next(window.firings(now))[0],
        warnings=[*_account_notes(account), *dict.fromkeys(notes), *warnings(window, now)],
    )


def show_schedule(output: Store, name: str, *, firings: int = 5, last: int = 7) -> Shown:
    """How a schedule stands.

    Raises:
        InputError: there is none of that name.
    """
    schedule = read_schedule(output, name)
    parts = _scheduler(schedule).parts(schedule_prefix(name, output.uri))
    state = _state(list(parts.values()))
    upcoming = schedule.times.firings(datetime.now(UTC))
    return Shown(
        schedule=schedule,
        state=state,
        next_firings=[at for at, _ in islice(upcoming, firings)] if any(parts.values()) else [],
        last_nights=list(islice(_subjects(output, name), last)),
    )


def show_schedules(output: Store) -> list[Shown]:
    """Every schedule of an output."""
    return [show_schedule(output, name, firings=1, last=1) for name in schedule_names(output)]


def switch_schedule(output: Store, name: str, *, enabled: bool) -> None:
    """Pause a schedule, or let it fire again.

    Raises:
        InputError: there is none of that name, or EventBridge has lost it.
    """
    schedule = read_schedule(output, name)
    scheduler = _scheduler(schedule)
    parts = scheduler.parts(schedule_prefix(name, output.uri))
    if not parts:
        raise InputError(
            f"schedule {name!r} is gone from EventBridge; 'nightscribe schedule put' makes it anew"
        )
    scheduler.switch(list(parts), enabled=enabled)


def run_now(output: Store, name: str) -> tuple[str, Schedule]:
    """Start the schedule's job at once; returns the job's name.

    Raises:
        InputError: there is none of that name.
        NightscribeError: SageMaker refuses the job.
    """
    schedule, now = read_schedule(output, name), datetime.now(UTC)
    job = fired(schedule.job, execution=f"now-{now:%Y%m%d-%H%M%S}", at=now)
    # Outside of a window nothing else ends it, and a run may be long.
    job = {**job, "StoppingCondition": {"MaxRuntimeInSeconds": round(LONGEST_JOB.total_seconds())}}
    with translated(f"processing job {job['ProcessingJobName']}"):
        client("sagemaker", schedule.region).create_processing_job(**job)
    return str(job["ProcessingJobName"]), schedule


def fired(job: Document, *, execution: str, at: datetime) -> Document:
    """A job's document with its context attributes filled in, as EventBridge does it."""
    text = json.dumps(job).replace(EXECUTION_ID, execution)
    filled: Document = json.loads(
        text.replace(SCHEDULED_TIME, f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}")
    )
    return filled


def remove_schedule(output: Store, name: str) -> None:
    """Delete a schedule and everything that only it needs; transcripts and runs stay.

    Raises:
        InputError: there is none of that name.
    """
    schedule = read_schedule(output, name)
    scheduler = _scheduler(schedule)
    scheduler.delete(scheduler.parts(schedule_prefix(name, output.uri)))
    others = [read_schedule(output, one).code for one in schedule_names(output) if one != name]
    keys = [entry.key for entry in output.list(f"{NIGHTS}{name}/")]
    drivers = (entry.key for entry in output.list(DRIVERS))
    keys += [key for key in drivers if not key.startswith(tuple(others))]
    # The schedule's own file last: whoever is interrupted can call this again.
    own = schedule_folder(name)
    keys += sorted(
        (entry.key for entry in output.list(own)), key=lambda key: key.endswith("/schedule.json")
    )
    for key in keys:
        output.delete(key)


def _check_name(name: str) -> None:
    if len(name) > LONGEST_NAME or not _NAME.fullmatch(name):
        raise InputError(
            f"--name {name!r}: expected at most {LONGEST_NAME} characters: letters, digits and "
            "single dashes, as nightly"
        )


def _machines(
    config: Config, account: SageMakerSection, warn: Callable[[str], None]
) -> JobMachines:
    return JobMachines(
        role=_needed(account, "driver_role"),
        image=pinned(account.driver_image or driver_image(account.region), warn),
        instance_type=config.schedule.instance,
        **job_settings(account),
    )


def _needed(account: SageMakerSection, key: str) -> str:
    value: str | None = getattr(account, key)
    if value is None:
        raise InputError(
            f"[sagemaker] {key}: not given, nor a stack whose outputs name it; a schedule needs "
            f'{key} = "arn:aws:iam::123456789012:role/…" or stack = "nightscribe"'
        )
    return value


def _account_notes(account: SageMakerSection) -> Iterator[str]:
    if account.topic is None:
        yield "[sagemaker] topic is not given: nobody is told how a night went"
    if account.dead_letter_queue is None:
        yield "[sagemaker] dead_letter_queue is not given: a firing that fails leaves no trace"


def _archive_notes(config: Config, region: str) -> Iterator[str]:
    """What a driver would find; a bucket that is not there is refused: every night would fail."""
    archive = open_store(config.archive.uri)
    check_regions({"[archive] uri": archive.uri, "[output] uri": config.output.uri}, region)
    if not any(True for _ in archive.list()):
        yield f"[archive] uri {archive.uri!r}: there is nothing there yet; such a night fails"


def _scheduler(schedule: Schedule) -> Scheduler:
    return Scheduler(schedule.group, schedule.region)


def _state(parts: list[bool]) -> str:
    if not parts:
        return "missing in EventBridge"
    if all(parts):
        return "enabled"
    return "partly paused" if any(parts) else "paused"


def _subjects(output: Store, name: str) -> Iterator[str]:
    for night in nights(output, name):
        told = night.told(SUMMARY)
        if told is not None:
            yield told.subject
        elif runs := night.runs():
            yield f"{night.date.isoformat()}: not told yet, {', '.join(runs)}"
