"""``nightscribe estimate``: how long the next run will take, and what it will cost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from batch.cli.options import config_argument, configured, json_option, override_options

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from batch.capacity.estimate import Estimate, Option
    from batch.cli.listeners import LogListener
    from batch.config import Config

_CANARY_HOURS = 1.0


@click.command()
@config_argument
@override_options
@json_option
@click.option(
    "--canary", is_flag=True, help="First transcribe a small sample there, to measure the speed."
)
def estimate(
    config: Path,
    overrides: tuple[str, ...],
    as_json: bool,
    canary: bool,
    **shortcuts: str | None,
) -> None:
    """Say how long the next run will take, and what it will cost.

    Speeds are those that earlier runs measured on the same kind of machine; there is no table.
    Nothing is written and nothing is started, unless --canary is given.
    """
    from datetime import UTC, datetime

    from batch.capacity.estimate import estimate as estimated
    from batch.cli.listeners import LogListener
    from batch.run import Runner
    from batch.transform_machines import transform_platform

    settings = configured(config, overrides, shortcuts)
    listener = LogListener()
    if canary:
        _send_canary(settings, listener)
    platform = transform_platform(settings, listener.warn)
    runner = Runner(config=settings, platform=platform, listener=listener)
    found = estimated(runner.planner, runner.survey(dry=True), now=datetime.now(UTC))
    if as_json:
        click.echo(json.dumps(found.as_json(), indent=1))
        return
    for line in estimate_lines(found):
        click.echo(line)


def _send_canary(settings: Config, listener: LogListener) -> None:
    """A canary takes one instance, and not the whole night."""
    from batch.capacity.canary import send_canary
    from batch.run import Runner
    from batch.transform_machines import transform_platform

    hours = min(settings.transform.deadline_hours or _CANARY_HOURS, _CANARY_HOURS)
    one = {"instance_count": 1, "deadline_hours": hours}
    settings = settings.model_copy(update={"transform": settings.transform.model_copy(update=one)})
    platform = transform_platform(settings, listener.warn)
    runner = Runner(config=settings, platform=platform, listener=listener)
    survey = runner.survey()
    listener.step("canary", f"a sample of the archive goes to {runner.planner.machine.named}")
    send_canary(runner.planner, survey, platform)


def estimate_lines(found: Estimate) -> Iterator[str]:
    """The estimate for eyes; what is not known is said to be so."""
    from batch.report.lines import hours

    work = found.work
    if not work.recordings:
        yield "nothing to do: every recording of the archive has its row"
        return
    yield _line(
        "work",
        f"{work.recordings} of {work.listed} recordings, about {hours(work.audio_seconds)} of "
        f"audio ({work.rule})",
    )
    for run_id in work.unfinished:
        yield _line("unfinished", f"run {run_id} goes first; what it has done is counted as well")
    yield _line("machines", f"{found.instances} x {found.machine.named}, {_workers(found)}")
    yield from _speed(found)
    if (chosen := found.configured) is not None:
        yield _line("time", f"{span(chosen.seconds)}, {chosen.instance_hours:.2f} instance-hours")
        yield _line("done", f"{_clock(chosen.done_at, found)}, if started now{_deadline(found)}")
    yield _line("price", _price(found))
    if chosen is not None and chosen.dollars is not None:
        cents = chosen.dollars >= 0.01
        yield _line("cost", f"about ${chosen.dollars:.2f}" if cents else "less than a cent")
    if len(found.options) > 1:
        yield ""
        yield from _table(found)


def _speed(found: Estimate) -> Iterator[str]:
    speed = found.speed
    if speed.rtfx is None:
        yield _line("speed", f"not known: {speed.measured}")
    else:
        yield _line("speed", f"{speed.rtfx:.1f} s of audio a second ({speed.measured})")
        yield _line("cold start", _cold_start(found))
    if speed.rtfx is None or not speed.same_model:
        yield _line("", "nightscribe estimate --canary transcribes a sample there and measures it")


def _line(name: str, text: str) -> str:
    return f"{name:<12}{text}"


def _workers(found: Estimate) -> str:
    count = found.machine.workers
    return f"{count} worker{'' if count == 1 else 's'} each"


def _cold_start(found: Estimate) -> str:
    cold = found.speed.cold_start_seconds
    if cold is None:
        return "not known, and part of the speed: too few shards were measured to tell them apart"
    if not found.machine.instance_type:
        return span(cold)
    waiting = min(found.speed.waiting_seconds, cold)
    return f"{span(cold)}, of which {span(cold - waiting)} are billed"


def _price(found: Estimate) -> str:
    if found.price.per_hour is None:
        return f"not known: {found.price.source}"
    return f"${found.price.per_hour:g} an instance-hour ({found.price.source})"


def _deadline(found: Estimate) -> str:
    if found.in_deadline is None:
        return ""
    word = "within" if found.in_deadline else "PAST"
    return f"; {word} [transform] deadline_hours {found.deadline_hours:g}"


def _clock(at: datetime, found: Estimate) -> str:
    zone = found.opening.ends.tzinfo if found.opening else None
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M %Z}"


def span(seconds: float) -> str:
    """A time in words."""
    minutes = round(seconds / 60)
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{minutes // 60} h {minutes % 60:02d} min" if minutes >= 60 else f"{minutes} min"


def _table(found: Estimate) -> Iterator[str]:
    """What other numbers of instances would come to."""
    opening = found.opening
    assert opening is not None
    by = f"by {opening.ends:%H:%M} from {opening.starts:%H:%M}"
    yield f"{'instances':>9}  {'time':>12}  {by:>19}  {'instance-hours':>14}  {'dollars':>9}"
    for one in found.options:
        yield _row(one, width=len("by 06:00 from 22:00"))
    yield f"the window is {opening.window}; more instances end sooner, each has a cold start"


def _row(one: Option, *, width: int) -> str:
    dollars = "-" if one.dollars is None else f"{one.dollars:.2f}"
    return (
        f"{one.instances:>9}  {span(one.seconds):>12}  {'yes' if one.in_window else 'no':>{width}}"
        f"  {one.instance_hours:>14.2f}  {dollars:>9}"
    )
