"""Commands that keep an output right over the years: ledger, verify, forget, compact."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from batch.cli.options import config_option, configured, json_option

if TYPE_CHECKING:
    from manifests.storage import Store


def _output(config: Path) -> Store:
    from manifests.storage import open_store

    return open_store(configured(config, (), {}).output.uri)


@click.command()
@click.option("--rebuild", is_flag=True, help="Write it anew from the rows.")
@config_option
@json_option
def ledger(rebuild: bool, config: Path, as_json: bool) -> int:
    """Compare the ledger with the rows that it is derived from.

    Exit code 1 where they differ and nothing was mended.
    """
    from dataclasses import asdict

    from batch.cli.main import EXIT_FAILED
    from batch.cli.run_commands import new_runner
    from batch.upkeep.ledger_rebuild import check_ledger, lines_of, rebuild_ledger

    if rebuild:
        runner = new_runner(config)
        with runner.claimed():
            found = rebuild_ledger(runner.output)
    else:
        found = check_ledger(_output(config))
    if as_json:
        click.echo(json.dumps(asdict(found), ensure_ascii=False, indent=1))
    else:
        click.echo("\n".join(lines_of(found, rebuilt=rebuild)))
    return EXIT_FAILED if found.differences and not rebuild else 0


@click.command()
@click.argument("run_id", metavar="[RUN]", required=False)
@click.option("--all", "every", is_flag=True, help="Every run.")
@click.option("--no-audio", is_flag=True, help="Do not list the archive.")
@config_option
@json_option
def verify(run_id: str | None, every: bool, no_audio: bool, config: Path, as_json: bool) -> int:
    """Whether a run kept its promises; without RUN, the newest.

    Plan against rows, counts, checksums, segments, and the sound still the same. Exit code 1 where
    something does not hold.
    """
    from batch.cli.main import EXIT_FAILED
    from batch.runs import latest, run_ids
    from batch.upkeep.verifying import Verifier

    output = _output(config)
    verifier = Verifier(output=output, audio=not no_audio)
    chosen = run_ids(output) if every else [run_id or latest(output)]
    verified = []
    for one in chosen:
        found = verifier.verify(one)
        verified.append(found)
        if not as_json:
            click.echo("\n".join(found.lines()))
    if as_json:
        content = [found.as_json() for found in verified]
        click.echo(json.dumps(content, ensure_ascii=False, indent=1))
    return EXIT_FAILED if any(found.findings for found in verified) else 0


@click.command()
@click.argument("recording")
@click.option("--yes", is_flag=True, help="Delete; without it, only say what would be deleted.")
@click.option("--audio", is_flag=True, help="Delete the recording from the archive, too.")
@click.option("--lift", is_flag=True, help="Let later runs transcribe it again.")
@config_option
@json_option
def forget(recording: str, config: Path, as_json: bool, **flags: bool) -> None:
    """Delete every trace of a recording: rows, history, clips, reports, older versions.

    RECORDING is a path in the archive, a unique file name, or an id. No later run transcribes it.
    """
    from batch.cli.run_commands import new_runner
    from batch.forgotten import lift as lifted
    from batch.upkeep.forget_target import target_of
    from batch.upkeep.forgetting import forgetter

    settings = configured(config, (), {})
    if flags["lift"]:
        known = lifted(_output(config), target_of(settings, recording).id)
        click.echo("the next run may take it on" if known else "it was not forgotten")
        return
    runner = new_runner(config)
    work = forgetter(runner, recording, audio=flags["audio"])
    yes = flags["yes"]
    if yes:
        with runner.claimed():
            done = work.forget()
    else:
        done = work.preview()
    if as_json:
        click.echo(json.dumps({**done.as_json(), "deleted": yes}, ensure_ascii=False, indent=1))
        return
    click.echo("\n".join(done.lines()))
    for key in done.keys:
        click.echo(f"  {key}")
    click.echo("deleted" if yes else "nothing was deleted; --yes deletes all of this")


@click.command()
@click.option("--dry-run", is_flag=True, help="Say what would be merged and removed.")
@config_option
@json_option
def compact(dry_run: bool, config: Path, as_json: bool) -> None:
    """Merge small files, and remove what [retention] lets go."""
    from datetime import UTC, datetime

    from batch.cli.run_commands import new_runner
    from batch.upkeep.compacting import compact as compacted
    from batch.upkeep.compacting import mergers
    from batch.upkeep.retention import expired, let_go

    runner = new_runner(config)
    output, today = runner.output, datetime.now(UTC).date()
    gone = expired(output, runner.config.retention, today=today)
    if dry_run:
        merged = mergers(output)
    else:
        with runner.claimed():
            # Looked up before the claim it may be of a run that another process began since.
            gone = expired(output, runner.config.retention, today=today)
            let_go(output, gone, today=today)
            merged = compacted(output)
    if as_json:
        content = {
            "merged": [{"folder": one.folder, "files": len(one.files)} for one in merged],
            "removed": [
                {"what": one.what, "run_id": one.run_id, "files": len(one.keys)} for one in gone
            ],
            "dry_run": dry_run,
        }
        click.echo(json.dumps(content, indent=1))
        return
    for one in gone:
        click.echo(f"{'would remove' if dry_run else 'removed'}  {one.line()}")
    for merger in merged:
        click.echo(f"{'would merge' if dry_run else 'merged'}  {merger.line()}")
    if not gone and not merged:
        click.echo("nothing to merge or to remove")


COMMANDS = (ledger, verify, forget, compact)
