"""Commands that make a model: train."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from batch.cli.options import (
    config_argument,
    configured,
    json_option,
    readable,
    training_override_options,
)

if TYPE_CHECKING:
    from batch.config import Config
    from batch.fine_tuning.estimate import Estimate
    from batch.fine_tuning.fine_tuning import Trained, TrainingPlan


def _mode(name: str, text: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    return click.option(f"--{name}", "mode", flag_value=name, help=text)


@click.command()
@config_argument
@_mode("dry-run", "Check the data; show the job and what it will take.")
@_mode("detach", "Submit to SageMaker and come back at once.")
@_mode("stop", "Ask the job on SageMaker to save and stop.")
@training_override_options
@json_option
def train(
    config: Path,
    mode: str | None,
    overrides: tuple[str, ...],
    as_json: bool,
    **shortcuts: str | None,
) -> None:
    """Fine-tune the model as [training] says.

    Checks the labels, stages what the job needs, carries it out, and registers the bundle below
    models/. A job that was stopped is gone on with, one that is done is not done again.
    """
    from batch.fine_tuning.fine_tuning import check_training_data, plan_training
    from batch.fine_tuning.machines import training_machines

    settings = configured(config, overrides, shortcuts)
    if mode in ("detach", "stop"):
        _needs_sagemaker(settings)
    from batch.cli.training_view import training_view

    with training_view() as view:
        machines = training_machines(settings, warn=view.say)
        dry = mode in ("dry-run", "stop")
        data = check_training_data(settings, watching=view.watching, dry=dry)
        view.say(*data.check.lines())
        plan = plan_training(settings, machines, data, watching=view.watching, dry=dry)
        if mode is None:
            view.trains(plan)
            trained = _trained(settings, plan, view.watching)
    if mode is None:
        _show_trained(trained, as_json)
    elif mode == "dry-run":
        _show_plan(settings, plan, as_json)
    elif mode == "detach":
        _detach(settings, plan)
    else:
        _stop(settings, plan)


def _needs_sagemaker(settings: Config) -> None:
    from batch.fine_tuning.machines import training_section
    from manifests.errors import InputError

    if training_section(settings).platform != "sagemaker":
        raise InputError(
            '--detach and --stop are for [training] platform = "sagemaker"; a job on this machine '
            "ends with the command: stop it with Ctrl-C, and the same command goes on from there"
        )


def _stop(settings: Config, plan: TrainingPlan) -> None:
    from batch.fine_tuning.machines import training_platform
    from batch.fine_tuning.standing import training_standings
    from batch.platforms.sagemaker_training import SageMakerTraining

    platform = training_platform(settings)
    assert isinstance(platform, SageMakerTraining)
    attempt = platform.stop(plan.name)
    click.echo(f"{attempt.name} is asked to stop" if attempt else f"{plan.name} is not running")
    # Labels or settings that were edited since give the job another name.
    for other in [] if attempt else training_standings(settings):
        if other.state == "running":
            click.echo(f"with other labels or settings: {other.line()}")


def _detach(settings: Config, plan: TrainingPlan) -> None:
    from batch.fine_tuning.fine_tuning import record_job, trained_before
    from batch.fine_tuning.machines import training_platform
    from batch.platforms.sagemaker_training import SageMakerTraining
    from manifests.storage import open_store

    if earlier := trained_before(open_store(settings.output.uri), plan.name):
        click.echo(f"{plan.name}  done before: {readable(earlier.bundle.uri)}")
        return
    platform = training_platform(settings)
    assert isinstance(platform, SageMakerTraining)
    record_job(settings, plan)
    attempt = platform.submit(plan.request)
    click.echo(f"{attempt.name}  {attempt.status}")
    click.echo("how it stands: nightscribe status; its end and its bundle: the same train command")


def _trained(settings: Config, plan: TrainingPlan, watching: Any) -> Trained:
    from batch.claim import Claim
    from batch.fine_tuning.fine_tuning import claim_of, fine_tune
    from batch.fine_tuning.machines import training_platform
    from manifests.storage import open_store

    # Two trainings that write the same checkpoints would ruin both.
    with Claim(open_store(settings.output.uri), claim_of(plan.name)):
        try:
            return fine_tune(settings, training_platform(settings), plan, watching=watching)
        except KeyboardInterrupt:
            if plan.section.platform == "sagemaker":
                # Only the wait has ended, and the machines are paid for by the second.
                watching.on_line(
                    "a job that was submitted goes on at SageMaker; 'nightscribe train --stop' "
                    "asks it to save and stop"
                )
            raise


def _show_plan(settings: Config, plan: TrainingPlan, as_json: bool) -> None:
    estimate = _estimate(settings, plan)
    if as_json:
        content = {"request": plan.request, "data": plan.data.check.as_json()}
        content["estimate"] = {
            "audio_seconds": estimate.audio_seconds,
            "audio_seconds_per_second": estimate.speed,
            "measured": estimate.measured,
            "hours": estimate.hours,
            "cost": estimate.cost,
            "price": estimate.price.source,
        }
        click.echo(json.dumps(content, indent=1, ensure_ascii=False))
        return
    request = plan.request
    resources = request["ResourceConfig"]
    if plan.section.platform == "local":
        click.echo(f"job         {plan.name}, on this machine")
    else:
        spot = ", spot" if request["EnableManagedSpotTraining"] else ""
        machine = f"{resources['InstanceCount']} x {resources['InstanceType']}{spot}"
        click.echo(f"job         {plan.name}, on {machine}")
        click.echo(f"image       {request['AlgorithmSpecification']['TrainingImage']}")
    names = ", ".join(channel["ChannelName"] for channel in request["InputDataConfig"])
    click.echo(f"channels    {names}")
    for line in estimate_lines(estimate):
        click.echo(line)
    click.echo("nothing was sent; --json prints the whole document")


def _estimate(settings: Config, plan: TrainingPlan) -> Estimate:
    from batch.capacity.prices import training_price
    from batch.fine_tuning.estimate import Estimate, audio_seconds, canary, measured_speed
    from batch.fine_tuning.machines import checked_settings
    from manifests.storage import open_store

    section = plan.section
    resources = plan.request["ResourceConfig"]
    here = section.platform == "local"
    instances = 1 if here else section.instance_count
    output = open_store(settings.output.uri)
    speed = canary(settings, plan) if here else measured_speed(output, resources["InstanceType"])
    seconds = audio_seconds(
        checked_settings(section),
        train_seconds=sum(one.duration or 0.0 for one in plan.data.sets["train"]),
        processes=instances * speed.processes,
    )
    return Estimate(
        audio_seconds=seconds,
        speed=speed.value,
        measured=speed.measured,
        instances=instances,
        price=training_price(settings, section, "" if here else resources["InstanceType"]),
    )


def estimate_lines(estimate: Estimate) -> list[str]:
    """The estimate for eyes; what is not known is said to be so."""
    lines = [f"work        {estimate.audio_seconds / 3600:.2f} h of sound through the model"]
    if estimate.hours is None:
        return [*lines, f"time        not known: {estimate.measured}"]
    minutes = estimate.hours * 60
    time = f"{minutes:.0f} min" if minutes < 120 else f"{estimate.hours:.1f} h"
    if minutes < 2:
        time = f"{60 * minutes:.0f} s"
    lines.append(
        f"time        about {time} and the evaluations, at {estimate.speed:.1f} s of sound "
        f"a second ({estimate.measured})"
    )
    if estimate.cost is None:
        lines.append(f"cost        not known: {estimate.price.source}")
    else:
        lines.append(
            f"cost        about ${estimate.cost:.2f} at ${estimate.price.per_hour:g} "
            f"an instance-hour ({estimate.price.source})"
        )
    return lines


def _show_trained(trained: Trained, as_json: bool) -> None:
    from training.evaluating.card import weights_line

    if as_json:
        click.echo(json.dumps({"model": trained.bundle.uri, "metrics": trained.metrics}, indent=1))
        return
    for line in metric_lines(trained.metrics):
        click.echo(line)
    click.echo(f"weights     {weights_line(trained.metrics)}")
    click.echo(f"model       {readable(trained.bundle.uri)}")


def metric_lines(metrics: dict[str, Any]) -> list[str]:
    """WER of the base and of the new model on each set, and the paired difference."""
    lines = []
    for name, found in metrics["evaluations"].items():
        lines += [
            f"{name}, {when:<{18 - len(name)}}{_scored(score)}"
            for when in ("before", "after")
            if (score := found.get(when))
        ]
        if change := found.get("difference"):
            lines.append(f"{name}, {'change':<{18 - len(name)}}{_changed(change)}")
    notes = {
        found["after"]["interval"]["note"]
        for found in metrics["evaluations"].values()
        if found["after"]["interval"]["note"]
    }
    return [*lines, *(f"of the intervals: {note}" for note in sorted(notes))]


def _scored(score: dict[str, Any]) -> str:
    rate = "none" if score["wer"] is None else f"{score['wer']:.1%}"
    return (
        f"WER {rate} {_bounds(score['interval'])} (S {score['substitutions']}, "
        f"D {score['deletions']}, I {score['insertions']}, N {score['reference_words']} words)"
    )


def _bounds(interval: dict[str, Any]) -> str:
    if interval["low"] is None:
        return "[no interval]"
    return f"[{100 * interval['low']:.1f} to {interval['high']:.1%}]"


def _changed(change: dict[str, Any]) -> str:
    low, high = change["low"], change["high"]
    bounds = "[no interval]" if low is None else f"[{100 * low:+.1f} to {100 * high:+.1f}]"
    return f"{100 * change['delta']:+.1f} points {bounds}, paired by {change['blocks']} blocks"


COMMANDS = (train,)
