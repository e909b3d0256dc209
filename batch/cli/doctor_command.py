"""``nightscribe doctor``: whether a run can work, and how to mend what stands in its way."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from batch.cli.options import config_argument, configured, json_option, override_options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from batch.account.doctor import Finding

_COLOURS = {"ok": "green", "warn": "yellow", "fail": "red"}


@click.command()
@config_argument
@override_options
@json_option
def doctor(config: Path, overrides: tuple[str, ...], as_json: bool, **shortcuts: str | None) -> int:
    """Check all that a run of CONFIG needs: this machine, the places, the AWS account.

    Exit code 1 where something would make a run fail.
    """
    from dataclasses import asdict

    from batch.account.checks.every import everything, verdict
    from batch.account.doctor import ok
    from batch.cli.main import EXIT_FAILED

    settings = configured(config, overrides, shortcuts)
    readable = ok("config", f"{config}, platform {settings.platform.name}")
    found = [readable, *everything(settings)]
    well = verdict(found)
    if as_json:
        checks = [asdict(one) for one in found]
        click.echo(json.dumps({"ok": well, "checks": checks}, indent=1, ensure_ascii=False))
    elif sys.stdout.isatty():
        _show_table(found)
    else:
        _show_lines(found)
    if not as_json:
        click.echo(_summary(found))
    return 0 if well else EXIT_FAILED


def _show_table(found: Sequence[Finding]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, show_header=False)
    for one in found:
        text = Text(one.found)
        if one.mend:
            text.append(f"\n{one.mend}", style="dim")
        table.add_row(Text(one.verdict, style=_COLOURS[one.verdict]), one.subject, text)
    Console(highlight=False).print(table)


def _show_lines(found: Sequence[Finding]) -> None:
    width = max(len(one.subject) for one in found)
    for one in found:
        click.echo(f"{one.verdict:<4}  {one.subject:<{width}}  {one.found}")
        for line in one.mend.splitlines():
            click.echo(f"{'':<{width + 8}}{line}")


def _summary(found: Sequence[Finding]) -> str:
    counts = {name: sum(one.verdict == name for one in found) for name in _COLOURS}
    return f"{counts['ok']} ok, {counts['warn']} to know, {counts['fail']} to mend"
