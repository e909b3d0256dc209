"""Every ``$ nightscribe …`` in the README and the docs is a command with options that there are."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from batch.cli.main import cli

HOUSE = Path(__file__).parents[1]
PAGES = [HOUSE / "README.md", *sorted((HOUSE / "docs").glob("*.md"))]


def documented() -> Iterator[tuple[str, str]]:
    """The commands of each page, continued lines joined, comments and pipes left out."""
    for page in PAGES:
        text = page.read_text("utf-8").replace("\\\n", " ")
        for line in re.findall(r"^\$ (?:\.venv/bin/)?nightscribe(?: (.*))?$", text, re.MULTILINE):
            yield page.name, re.split(r"\s(?:#|\||>)", line)[0]


@pytest.mark.parametrize(("page", "line"), sorted(set(documented())))
def test_a_documented_command_can_be_typed(page: str, line: str) -> None:
    words, command = shlex.split(line), cli
    context = click.Context(cli, info_name="nightscribe")
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        found = command.get_command(context, words[0])
        assert found is not None, f"{page}: nightscribe {line}: no command {words[0]!r}"
        command, words = found, words[1:]  # type: ignore[assignment]
    try:
        command.make_context(line, words, parent=context, resilient_parsing=False)
    except click.exceptions.Exit:
        pass  # --help and --version have said what they say
    except click.UsageError as error:
        # A file that the page makes up does not exist here; anything else is a mistake in it.
        if not (isinstance(error, click.BadParameter) and "does not exist" in error.message):
            pytest.fail(f"{page}: nightscribe {line}: {error.message}")


def test_the_pages_show_commands() -> None:
    assert len(set(documented())) > 10
