"""``nightscribe endpoint``: a model that answers at once, for trying it by hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from batch.cli.options import (
    DEFAULT_CONFIG,
    config_argument,
    config_option,
    configured,
    endpoint_override_options,
    json_option,
)

if TYPE_CHECKING:
    from batch.endpoint.deploying import Deployed
    from batch.endpoint.documents import Kind
    from batch.endpoint.standing import Watch

_name_option = click.option(
    "--name", default="trial", show_default=True, help="Which endpoint: small letters and dashes."
)


@click.group()
def endpoint() -> None:
    """Try a model by hand: an endpoint answers at once, and costs money until it is deleted."""


@endpoint.command()
@config_argument
@endpoint_override_options
@_name_option
@click.option("--async", "asynchronous", is_flag=True, help="For recordings of any length.")
@click.option("--instance", metavar="TYPE", help="Default: those of [transform] instances.")
def deploy(
    config: Path,
    overrides: tuple[str, ...],
    name: str,
    asynchronous: bool,
    instance: str | None,
    **shortcuts: str | None,
) -> None:
    """Bring an endpoint up with the model of CONFIG, or bring it up to date."""
    from batch.cli.listeners import listener
    from batch.endpoint.deploying import deploy as deploy_endpoint
    from batch.endpoint.preparing import prepared
    from batch.endpoint.standing import Watch

    settings = configured(config, overrides, shortcuts)
    kind: Kind = "asynchronous" if asynchronous else "real-time"
    with listener() as shown:
        shown.step("endpoint", "preparing the model")
        account, candidates = prepared(settings, name=name, kind=kind, instance=instance)
        watch = Watch(region=account.region, on_line=lambda line: shown.step("endpoint", line))
        made = deploy_endpoint(watch, candidates)
    _say_deployed(made, config)


def _say_deployed(made: Deployed, config: Path) -> None:
    documents = made.documents
    click.echo(
        f"endpoint {documents.name} {made.how}: {documents.kind}, 1 × {documents.instance_type}"
    )
    for one in made.removed:
        click.echo(f"removed {one}")
    click.echo(f"try it     nightscribe endpoint invoke -c {config} --name {documents.name} FILE")
    click.echo(f"end it     nightscribe endpoint delete -c {config} {documents.name}")
    click.echo("It costs money until then, whether it is used or not.")


@endpoint.command()
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True, dir_okay=False)
)
@config_option
@_name_option
@click.option("--channels", type=click.Choice(["mix", "split"]), default="mix")
@click.option("--to", type=click.Choice(["txt", "srt", "vtt", "json"]), default="txt")
def invoke(files: tuple[Path, ...], config: Path, name: str, channels: str, to: str) -> int:
    """Transcribe FILES by an endpoint; the output is that of 'nightscribe transcribe'."""
    from batch.cli.listeners import listener
    from batch.cli.transcripts_view import print_transcripts
    from batch.endpoint.answers import transcripts
    from batch.endpoint.invoking import endpoint_named

    answered = []
    try:
        with listener() as shown:
            watch = _watch(config, lambda line: shown.step("endpoint", line))
            for one in transcripts(endpoint_named(watch, name, channels), files, to=to):
                answered.append(one)  # noqa: PERF402 - what came before a failure is kept
    finally:
        # Not sooner: a live bar would take what goes to standard output.
        status = print_transcripts(answered, several=len(files) > 1, to=to)
    return status


@endpoint.command("list")
@config_option
@json_option
def list_endpoints(config: Path, as_json: bool) -> None:
    """What is still costing money."""
    from dataclasses import asdict

    from batch.capacity.prices import listed_price
    from batch.endpoint.costing import costing
    from batch.platforms.aws import region_of

    watch = _watch(config)
    found = costing(watch, lambda kind: listed_price(kind, "Host", watch.region).per_hour)
    if as_json:
        click.echo(json.dumps([asdict(one) for one in found], indent=1))
    elif not found:
        click.echo(f"no endpoints in {region_of(watch.region)}: nothing is costing money there")
    else:
        click.echo("\n".join(one.line() for one in found))


@endpoint.command()
@click.argument("name", required=False)
@click.option("--all", "every", is_flag=True, help="Every endpoint of nightscribe's.")
@config_option
def delete(name: str | None, every: bool, config: Path) -> None:
    """Remove an endpoint with its configuration and model, half made or failed as well."""
    from batch.cli.listeners import listener
    from batch.endpoint.removing import delete_endpoint, names_of_all
    from manifests.errors import JobFailedError, NightscribeError

    if (name is None) != every:
        raise click.UsageError("give either the endpoint's NAME or --all")
    removed: list[str] = []
    failed: list[NightscribeError] = []
    with listener() as shown:
        watch = _watch(config, lambda line: shown.step("endpoint", line))
        for each in [name] if name else names_of_all(watch):
            try:
                removed += delete_endpoint(watch, each)
            except NightscribeError as error:
                failed.append(error)  # the others cost money too
    for one in removed:
        click.echo(f"removed {one}")
    if len(failed) == 1:
        raise failed[0]
    if failed:
        raise JobFailedError("\n".join(map(str, failed)))
    if not removed:
        click.echo(f"nothing to remove: there is no endpoint{f' {name}' if name else ''}")


def _watch(config: Path, on_line: Callable[[str], None] = lambda _: None) -> Watch:
    """The region of the configuration; AWS's own settings say it where there is none."""
    from batch.endpoint.standing import Watch

    unnamed = config == Path(DEFAULT_CONFIG) and not config.exists()
    section = None if unnamed else configured(config, (), {}).sagemaker
    return Watch(region=section.region if section else None, on_line=on_line)


COMMANDS = (endpoint,)
