"""Commands that read results: runs, status, show, why, search, export, ddl."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from batch.cli.options import config_option, configured, json_option, readable

if TYPE_CHECKING:
    from batch.reading import Standing
    from manifests.storage import Store


def _output(config: Path) -> Store:
    from manifests.storage import open_store

    return open_store(configured(config, (), {}).output.uri)


@click.command()
@click.argument("run_id", metavar="[RUN]", required=False)
@config_option
@json_option
def status(run_id: str | None, config: Path, as_json: bool) -> None:
    """How a run stands; without RUN, every run and every training job."""
    from dataclasses import asdict

    from batch.fine_tuning.standing import training_standings
    from batch.reading import standing
    from batch.runs import run_ids
    from manifests.storage import open_store

    settings = configured(config, (), {})
    output = open_store(settings.output.uri)
    runs = [standing(output, one) for one in ([run_id] if run_id else run_ids(output))]
    trainings = [] if run_id else training_standings(settings)
    if as_json:
        content = {"runs": [asdict(one) for one in runs]}
        content["trainings"] = [asdict(one) for one in trainings]
        click.echo(json.dumps(content, indent=1))
        return
    if not runs and not trainings:
        click.echo(f"no runs below {output.uri} yet")
    for one in runs:
        click.echo(_standing_line(one))
    for job in trainings:
        click.echo(job.line())
        if job.model is not None:
            click.echo(f"    {readable(job.model)}")


@click.command()
@config_option
@json_option
def runs(config: Path, as_json: bool) -> None:
    """Every run in one line, newest last."""
    from batch.run_list import run_list, table_of

    found = run_list(_output(config))
    if as_json:
        content = [one.as_json() for one in found]
        click.echo(json.dumps(content, ensure_ascii=False, indent=1))
    else:
        click.echo("\n".join(table_of(found)) if found else "no runs yet")


def _standing_line(one: Standing) -> str:
    text = (
        f"{one.run_id}  {one.state:<12} {one.recordings} recordings, "
        f"{one.outputs}/{one.shards} shards"
    )
    if one.summary and not one.summary.get("abandoned"):
        counted = one.summary["scores"]["wer"]
        wer = "" if counted["rate"] is None else f", WER {counted['rate']:.2%}"
        statuses = one.summary["statuses"]
        text += ", " + ", ".join(f"{n} {name}" for name, n in sorted(statuses.items())) + wer
    return text


@click.command()
@click.argument("recording")
@config_option
@json_option
def show(recording: str, config: Path, as_json: bool) -> None:
    """One transcript, readable.

    RECORDING is a path in the archive or a unique file name.
    """
    from batch.exports import export
    from batch.reading import transcripts_of
    from batch.report.figures import clock

    for transcript in transcripts_of(_output(config), recording):
        if as_json:
            click.echo(export(transcript, "json"), nl=False)
            continue
        channel = "" if transcript.channel is None else f", channel {transcript.channel}"
        length = "" if transcript.duration is None else f", {clock(transcript.duration)}"
        click.echo(f"{transcript.path}{channel}{length}")
        if transcript.problem is not None:
            click.echo(f"  {transcript.problem}")
        for segment in transcript.segments:
            click.echo(f"  {clock(segment.start)}  {segment.text}")


@click.command()
@click.argument("recording")
@config_option
@json_option
def why(recording: str, config: Path, as_json: bool) -> None:
    """Where a recording is, with which result, and what the next run does with it.

    RECORDING is a path in the archive or a unique file name.
    """
    from batch.why import lines_of
    from batch.why import why as explained

    found = explained(configured(config, (), {}), recording)
    if as_json:
        click.echo(json.dumps(found.as_json(), ensure_ascii=False, indent=1))
    else:
        click.echo("\n".join(lines_of(found)))


@click.command()
@click.argument("text", nargs=-1, required=True)
@config_option
@json_option
def search(text: tuple[str, ...], config: Path, as_json: bool) -> int:
    """Meeting and time of a phrase.

    Exit code 1 where it was never said.
    """
    from dataclasses import asdict

    from batch.cli.main import EXIT_FAILED
    from batch.reading import search as find
    from batch.report.figures import clock

    found = list(find(_output(config), " ".join(text)))
    if as_json:
        click.echo(json.dumps([asdict(one) for one in found], ensure_ascii=False, indent=1))
    for one in [] if as_json else found:
        channel = "" if one.channel is None else f" (channel {one.channel})"
        click.echo(f"{one.path}{channel}  {clock(one.start)}  … {one.text} …")
    if found:
        return 0
    click.echo("not said in any transcript", err=True)
    return EXIT_FAILED


@click.command()
@click.argument("run_id", metavar="[RUN]", required=False)
@click.option(
    "--to", default="txt", show_default=True, help="txt, srt, vtt, json; comma-separated."
)
@click.option("--into", type=click.Path(path_type=Path), help="Folder; default: exports/RUN.")
@config_option
def export(run_id: str | None, to: str, into: Path | None, config: Path) -> None:
    """Write a run's transcripts as files."""
    from batch.exporting import export_run, parse_formats
    from batch.runs import latest

    formats = parse_formats(to)
    output = _output(config)
    run_id = run_id or latest(output)
    folder = into or Path("exports") / run_id
    written, skipped = export_run(output, run_id, formats, folder)
    click.echo(f"{written} files in {folder}")
    for path, reason in skipped:
        click.echo(f"no file for {path}: {reason}", err=True)


@click.command()
@click.option("--dialect", type=click.Choice(["athena", "duckdb"]), default="athena")
@config_option
def ddl(dialect: str, config: Path) -> None:
    """Print the SQL that makes the Parquet a table."""
    from batch.layout import SEGMENTS, TRANSCRIPTS
    from batch.schema import SEGMENTS as SEGMENTS_SCHEMA
    from batch.schema import TRANSCRIPTS as TRANSCRIPTS_SCHEMA
    from batch.schema import athena_ddl, duckdb_ddl
    from manifests.local_store import path_of_uri

    output = _output(config)
    if dialect == "athena" and not output.uri.startswith("s3://"):
        click.echo("-- Athena reads S3 only: this output is a folder, so mend LOCATION first.")
    for name, schema in ((TRANSCRIPTS, TRANSCRIPTS_SCHEMA), (SEGMENTS, SEGMENTS_SCHEMA)):
        place = output.uri_of(f"{name}/")
        if dialect == "athena":
            click.echo(athena_ddl(name, schema, place))
        else:
            local = f"{path_of_uri(place)}/" if place.startswith("file://") else place
            click.echo(duckdb_ddl(name, local))


COMMANDS = (runs, status, show, why, search, export, ddl)
