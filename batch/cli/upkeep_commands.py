"""Commands that keep an output right over the years: ledger."""

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


COMMANDS = (ledger,)
