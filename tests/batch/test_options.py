"""Options that commands share."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from batch.cli.main import cli


def planned(*words: str) -> Result:
    return CliRunner().invoke(cli, ["plan", *words])


@pytest.mark.parametrize("words", [["mine.toml"], ["-c", "mine.toml"]])
def test_the_configuration_is_an_argument_or_an_option(words: list[str], tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text("[archive]\nurl = 1\n")
    found = planned(*(word.replace("mine", str(tmp_path / "mine")) for word in words))
    assert "mine.toml" in str(found.exception)


def test_both_are_refused() -> None:
    found = planned("a.toml", "-c", "b.toml")
    assert (found.exit_code, "a.toml and b.toml" in found.output) == (2, True)
