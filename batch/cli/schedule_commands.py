"""``nightscribe schedule``: runs that EventBridge starts, and what ``run`` does for one."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from batch.cli.options import (
    config_argument,
    config_option,
    configured,
    json_option,
    override_options,
    readable,
)

if TYPE_CHECKING:
    from batch.schedule.schedules import Put, Shown
    from manifests.storage import Store

DEFAULT_NAME = "nightly"
_FIRING = ("schedule", "fired_at", "window", "timezone", "days", "job")


@click.group()
def schedule() -> None:
    """Run every night: EventBridge Scheduler starts a driver on SageMaker."""


@schedule.command()
@config_argument
@override_options
@click.option("--name", default=DEFAULT_NAME, show_default=True, help="Of the schedule.")
@click.option("--window", metavar="HH:MM-HH:MM", help="Local time. Overrides schedule.window.")
@click.option("--timezone", metavar="ZONE", help="As Europe/Berlin. Overrides schedule.timezone.")
@click.option("--days", metavar="DAYS", help="As mon-fri. Overrides schedule.days.")
@json_option
def put(
    config: Path,
    overrides: tuple[str, ...],
    name: str,
    as_json: bool,
    **shortcuts: str | None,
) -> None:
    """Make a schedule, or bring the one of that name up to date.

    The driver fires every hour of the window: whichever comes first does the night's work, the
    others find nothing left to do, or go on where one died. At the window's end jobs are stopped,
    and a message says how the night went.
    """
    from batch.schedule.schedules import put_schedule

    given = {key: shortcuts.pop(key) for key in ("window", "timezone", "days")}
    sets = [f"schedule.{key}={json.dumps(value)}" for key, value in given.items() if value]
    settings = configured(config, (*overrides, *sets), shortcuts)
    done = put_schedule(settings, name)
    if as_json:
        click.echo(json.dumps({**_as_json(done), "warnings": done.warnings}, indent=1))
        return
    click.echo(f"schedule {name} {'is up to date' if done.renewed else 'is set'}: {_when(done)}")
    if done.paused:
        click.echo(f"it is paused; 'nightscribe schedule resume {name}' lets it fire")
    else:
        click.echo(f"first firing    {_clock(done.first_firing)}")
    for warning in done.warnings:
        click.echo(f"note: {warning}", err=True)


@schedule.command("list")
@config_option
@json_option
def list_(config: Path, as_json: bool) -> None:
    """Every schedule of the output."""
    from batch.schedule.schedules import show_schedules

    output = _output(config)
    found = show_schedules(output)
    if as_json:
        click.echo(json.dumps([_shown_json(one) for one in found], indent=1))
        return
    if not found:
        click.echo(f"no schedules below {output.uri}; 'nightscribe schedule put' makes one")
    for one in found:
        first = f", next {_clock(one.next_firings[0])}" if one.next_firings else ""
        click.echo(f"{one.schedule.name:<16}{one.state:<10} {_when(one)}{first}")
        for night in one.last_nights:
            click.echo(f"{'':<16}{night}")


@schedule.command()
@click.argument("name", default=DEFAULT_NAME)
@config_option
@json_option
def show(name: str, config: Path, as_json: bool) -> None:
    """When a schedule fires next, and what its last nights came to."""
    from batch.schedule.schedules import show_schedule

    output = _output(config)
    one = show_schedule(output, name)
    if as_json:
        click.echo(json.dumps(_shown_json(one), indent=1))
        return
    click.echo(f"schedule        {name}, {one.state}: {_when(one)}")
    machine = one.schedule.job["ProcessingResources"]["ClusterConfig"]["InstanceType"]
    click.echo(f"driver          {machine} in {one.schedule.region}")
    click.echo(f"output          {readable(output.uri)}")
    for at in one.next_firings:
        click.echo(f"fires           {_clock(at)}")
    for night in one.last_nights or ["no night has been told of yet"]:
        click.echo(f"last            {night}")


@schedule.command()
@click.argument("name", default=DEFAULT_NAME)
@config_option
def pause(name: str, config: Path) -> None:
    """Let a schedule fire no more; a driver that is at work goes on."""
    from batch.schedule.schedules import switch_schedule

    switch_schedule(_output(config), name, enabled=False)
    click.echo(f"schedule {name} is paused; 'nightscribe schedule resume {name}' lets it fire")


@schedule.command()
@click.argument("name", default=DEFAULT_NAME)
@config_option
def resume(name: str, config: Path) -> None:
    """Let a paused schedule fire again."""
    from batch.schedule.records import read_schedule
    from batch.schedule.schedules import switch_schedule

    output = _output(config)
    switch_schedule(output, name, enabled=True)
    # Not asked of EventBridge, whose listing may be a moment behind.
    first, _ = next(read_schedule(output, name).times.firings(datetime.now(UTC)))
    click.echo(f"schedule {name} fires again, next {_clock(first)}")


@schedule.command("run-now")
@click.argument("name", default=DEFAULT_NAME)
@config_option
def run_now(name: str, config: Path) -> None:
    """Start the schedule's driver at once, whatever the time."""
    from batch.schedule.messages import console_link
    from batch.schedule.schedules import run_now as start

    job, started = start(_output(config), name)
    click.echo(f"started processing job {job}")
    click.echo(console_link(started.region, f"processing-jobs/{job}"))


@schedule.command()
@click.argument("name", default=DEFAULT_NAME)
@config_option
def remove(name: str, config: Path) -> None:
    """Delete a schedule and what only it needs."""
    from batch.schedule.schedules import remove_schedule

    output = _output(config)
    remove_schedule(output, name)
    click.echo(f"schedule {name} is removed, with its driver and configuration")
    click.echo(f"runs, transcripts and reports stay below {readable(output.uri)}")


def firing_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """What a schedule says to ``nightscribe run``; not for people, and so not in its help."""
    for name in reversed(_FIRING):
        flag = "--" + name.replace("_", "-")
        command = click.option(flag, name, hidden=True)(command)
    return command


def carried_out(config: Path, overrides: tuple[str, ...], values: dict[str, str | None]) -> bool:
    """Do what a firing asks for; False where ``run`` was typed by a person.

    Raises:
        NightscribeError: the night could not be done.
    """
    firing = {name: values.pop(name) for name in _FIRING}
    if firing["schedule"] is None:
        return False
    from batch.cli.listeners import DiscreetListener
    from batch.schedule.driving import Drive
    from batch.schedule.night import Window
    from batch.schedule.start import leave_message
    from manifests.errors import NightscribeError

    settings = configured(config, overrides, values)
    section = settings.schedule
    window = Window.of(
        firing["window"] or section.window,
        firing["timezone"] or section.timezone,
        firing["days"] or section.days,
    )
    drive = Drive(
        config=settings,
        schedule=firing["schedule"],
        window=window,
        fired_at=_instant(firing["fired_at"]),
        job=firing["job"],
        listener=DiscreetListener(settings.archive),
    )
    try:
        click.echo(drive.carry_out())
    except NightscribeError as error:
        leave_message(str(error))
        raise
    return True


def _instant(text: str | None) -> datetime:
    from manifests.errors import InputError

    if text is None:
        return datetime.now(UTC)
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise InputError(f"--fired-at {text!r}: expected a time as 2026-11-24T21:00:00Z") from error
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _output(config: Path) -> Store:
    from manifests.storage import open_store

    return open_store(configured(config, (), {}).output.uri)


def _when(one: Put | Shown) -> str:
    from batch.schedule.night import days_text

    days = days_text(one.schedule.times.days)
    return f"{one.schedule.window} {one.schedule.timezone}, {days}"


def _clock(at: datetime) -> str:
    return f"{at:%a %d %b %Y %H:%M %Z}"


def _as_json(one: Put | Shown) -> dict[str, Any]:
    from dataclasses import asdict

    return asdict(one.schedule)


def _shown_json(one: Shown) -> dict[str, Any]:
    firings = [at.isoformat() for at in one.next_firings]
    return {
        **_as_json(one),
        "state": one.state,
        "next_firings": firings,
        "last_nights": one.last_nights,
    }


COMMANDS = (schedule,)
