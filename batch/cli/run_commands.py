"""Commands that transcribe: run and its steps, transcribe."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from batch.cli.options import config_argument, configured, json_option, override_options, readable
from batch.cli.schedule_commands import carried_out, firing_options

if TYPE_CHECKING:
    from batch.plan import Plan
    from batch.progress import Listener
    from batch.report.verdict_file import Verdicts
    from batch.run import Finished, Runner

_run_argument = click.argument("run_id", metavar="[RUN]", required=False)
_verdicts_option = click.option(
    "--verdicts",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A reviewer's verdicts, exported from the report page: WER after adjudication too.",
)


@contextmanager
def _runner(
    path: Path, overrides: tuple[str, ...], shortcuts: dict[str, str | None]
) -> Iterator[Runner]:
    """A runner that alone works on the output, with its progress shown."""
    from batch.cli.listeners import listener

    shown = listener()
    runner = _new_runner(path, overrides, shortcuts, shown)
    with runner.claimed(), shown:
        yield runner


def new_runner(path: Path) -> Runner:
    """A runner for a command that transcribes nothing."""
    from batch.cli.listeners import LogListener

    return _new_runner(path, (), {}, LogListener())


def _new_runner(
    path: Path,
    overrides: tuple[str, ...],
    shortcuts: dict[str, str | None],
    listener: Listener,
) -> Runner:
    from batch.run import Runner
    from batch.transform_machines import transform_platform

    config = configured(path, overrides, shortcuts)
    platform = transform_platform(config, listener.warn)
    return Runner(config=config, platform=platform, listener=listener)


def _verdicts(path: Path | None) -> Verdicts | None:
    from batch.report.verdict_file import read_verdicts

    return None if path is None else read_verdicts(path)


def _planned(runner: Runner, run_id: str | None) -> Plan:
    from batch.plan import read_plan
    from batch.runs import latest

    return read_plan(runner.output, run_id or latest(runner.output))


@click.command()
@config_argument
@override_options
@firing_options
@json_option
def run(config: Path, overrides: tuple[str, ...], as_json: bool, **shortcuts: str | None) -> int:
    """Transcribe what is new, score, report. A killed run is gone on with."""
    from batch.cli.main import EXIT_THRESHOLD

    if carried_out(config, overrides, shortcuts):
        return 0
    with _runner(config, overrides, shortcuts) as runner:
        finished = runner.run()
        places = {"transcripts": runner.output.uri_of("transcripts/")}
    if as_json:
        click.echo(json.dumps({**places, "runs": [_as_json(one) for one in finished]}, indent=1))
    elif not finished:
        click.echo("nothing to do: every recording of the archive has its row")
        click.echo(f"transcripts     {readable(places['transcripts'])}")
    for one in finished:
        if not as_json:
            _say(one, places["transcripts"])
    return EXIT_THRESHOLD if any(one.problems for one in finished) else 0


@click.command()
@config_argument
@override_options
@json_option
@click.option("--dry-run", is_flag=True, help="Say what a run would take on; write nothing.")
def plan(
    config: Path,
    overrides: tuple[str, ...],
    as_json: bool,
    dry_run: bool,
    **shortcuts: str | None,
) -> None:
    """Freeze what the next run takes on."""
    from batch.cli.listeners import LogListener
    from batch.report.lines import hours

    if dry_run:
        survey = _new_runner(config, overrides, shortcuts, LogListener()).survey(dry=True)
        content: dict[str, Any] = {
            "listed": len(survey.recordings),
            "would_transcribe": len(survey.selection.chosen),
            "reasons": survey.reasons,
            "predicted_seconds": round(survey.audio_seconds, 1),
            "other_model": survey.selection.waiting,
            "settling": survey.selection.settling,
            "errors_kept": survey.selection.failed,
        }
        line = (
            f"{content['would_transcribe']} of {content['listed']} recordings would be "
            f"transcribed, about {hours(survey.audio_seconds)} of audio"
        )
    else:
        with _runner(config, overrides, shortcuts) as runner:
            made = runner.plan()
        content = {"run_id": made.run_id if made else None}
        line = made.run_id if made else "nothing to do: every recording has its row"
    click.echo(json.dumps(content, indent=1) if as_json else line)


@click.command()
@config_argument
@_run_argument
@override_options
def transform(
    config: Path, run_id: str | None, overrides: tuple[str, ...], **shortcuts: str | None
) -> int:
    """Carry out a run's job; finished shards are kept."""
    from batch.cli.main import EXIT_FAILED

    with _runner(config, overrides, shortcuts) as runner:
        outcome = runner.transform(_planned(runner, run_id))
    click.echo(f"{outcome.status} {outcome.failure_reason}".strip())
    return 0 if outcome.status == "Completed" else EXIT_FAILED


@click.command()
@config_argument
@_run_argument
@override_options
def collect(
    config: Path, run_id: str | None, overrides: tuple[str, ...], **shortcuts: str | None
) -> None:
    """Write a run's rows: one for each recording."""
    from batch.cli.listeners import collected_line

    with _runner(config, overrides, shortcuts) as runner:
        click.echo(collected_line(runner.collect(_planned(runner, run_id))))


@click.command()
@config_argument
@_run_argument
@_verdicts_option
@override_options
@json_option
def score(
    config: Path,
    run_id: str | None,
    verdicts: Path | None,
    overrides: tuple[str, ...],
    as_json: bool,
    **shortcuts: str | None,
) -> None:
    """Score the transcripts against the references."""
    given = _verdicts(verdicts)
    with _runner(config, overrides, shortcuts) as runner:
        _, figures = runner.score(_planned(runner, run_id), given)
    click.echo(json.dumps(figures, indent=1) if as_json else "\n".join(_scores(figures)))


@click.command()
@config_argument
@_run_argument
@_verdicts_option
@override_options
def report(
    config: Path,
    run_id: str | None,
    verdicts: Path | None,
    overrides: tuple[str, ...],
    **shortcuts: str | None,
) -> None:
    """Score, and write the report page."""
    given = _verdicts(verdicts)
    with _runner(config, overrides, shortcuts) as runner:
        finished = runner.report(_planned(runner, run_id), given)
    click.echo(readable(finished.report_uri))


@click.command()
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True, dir_okay=False)
)
@click.option("--model", help="A model folder or a bundle; default: the model of the demo.")
@click.option("--channels", type=click.Choice(["mix", "split"]), default="mix")
@click.option("--to", type=click.Choice(["txt", "srt", "vtt", "json"]), default="txt")
def transcribe(files: tuple[Path, ...], model: str | None, channels: str, to: str) -> int:
    """Transcribe FILES at once, without a config."""
    from batch.cli.transcripts_view import print_transcripts
    from batch.transcribing import transcribe_files

    found = transcribe_files(files, model=model, channels=channels, to=to)
    return print_transcripts(found, several=len(files) > 1, to=to)


def _say(one: Finished, transcripts: str) -> None:
    from batch.cli.listeners import collected_line

    click.echo(f"run {one.plan.run_id}: {collected_line(one.collected)}")
    for line in _scores(one.figures):
        click.echo(line)
    for problem in one.problems:
        click.echo(f"threshold passed: {problem}")
    click.echo(f"transcripts     {readable(transcripts)}")
    click.echo(f"report          {readable(one.report_uri)}")


def _scores(figures: dict[str, Any]) -> list[str]:
    """The lines about scores: coverage first, what was counted last."""
    from batch.report.lines import rules_line, score_lines

    lines = score_lines(figures)
    return [*lines, rules_line(figures)] if figures["coverage"]["references"] else lines


def _as_json(one: Finished) -> dict[str, Any]:
    return {
        "run_id": one.plan.run_id,
        "recordings": one.collected.recordings,
        "rows": one.collected.rows,
        "statuses": one.collected.statuses,
        "error_kinds": one.collected.kinds,
        "scores": one.figures,
        "report": one.report_uri,
        "thresholds_passed": list(one.problems),
    }


COMMANDS = (run, plan, transform, collect, score, report, transcribe)
