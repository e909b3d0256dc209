"""Transcripts on standard output, whoever made them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from batch.exports import Transcript


def print_transcripts(found: Iterable[tuple[Transcript, str]], *, several: bool, to: str) -> int:
    """Print each text as it comes; the exit code: 1 where a recording could not be read."""
    from batch.cli.main import EXIT_FAILED
    from batch.report.lines import printable

    failed = False
    for transcript, text in found:
        if several:
            click.echo(f"== {printable(transcript.path)}", err=to != "txt")
        if transcript.problem is not None:
            click.echo(f"{printable(transcript.path)}: {transcript.problem}", err=True)
        failed = failed or transcript.status == "error"
        click.echo(text, nl=not text.endswith("\n"))
    return EXIT_FAILED if failed else 0
