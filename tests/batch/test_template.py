"""The configuration that ``init`` writes: whatever a person takes the ``#`` away from is taken."""

from __future__ import annotations

import re
from pathlib import Path

from click.testing import CliRunner

from batch.cli.main import cli
from batch.config import Config, load_config

# A key or a section behind a "#"; a comment that goes on is neither.
COMMENTED = re.compile(r"^# (?=\[\w+\]|\w+ = )", re.MULTILINE)


def written(tmp_path: Path) -> Path:
    path = tmp_path / "nightscribe.toml"
    done = CliRunner().invoke(cli, ["init", str(path)], catch_exceptions=False)
    assert done.exit_code == 0
    return path


def test_every_commented_line_is_a_key_that_there_is(tmp_path: Path) -> None:
    path = written(tmp_path)
    text = path.read_text("utf-8")
    assert len(COMMENTED.findall(text)) > 40
    path.write_text(COMMENTED.sub("", text), "utf-8")
    config = load_config(path)
    assert config.sagemaker is not None
    assert config.sagemaker.driver_role is not None
    assert config.training is not None


def test_every_section_is_shown(tmp_path: Path) -> None:
    text = written(tmp_path).read_text("utf-8")
    assert {name for name in Config.model_fields if f"[{name}]" not in text} == set()
