"""Commands that keep an output right over the years: ledger, verify."""

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

    from batch.claim import Claim
    from batch.cli.main import EXIT_FAILED
    from batch.layout import CLAIM
    from batch.upkeep.ledger_rebuild import check_ledger, lines_of, rebuild_ledger

    output = _output(config)
    if rebuild:
        with Claim(output, CLAIM):
            found = rebuild_ledger(output)
    else:
        found = check_ledger(output)
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


COMMANDS = (ledger, verify)
