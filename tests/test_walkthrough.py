"""docs/walkthrough.md is true: every line of it is run."""

from __future__ import annotations

import doctest
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def test_the_walkthrough_is_what_happens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NIGHTSCRIBE_ALLOWED_PREFIXES", "")
    result = doctest.testfile(
        str(ROOT / "docs/walkthrough.md"),
        module_relative=False,
        optionflags=doctest.ELLIPSIS,
        globs={"demo": ROOT / "demo", "out": tmp_path},
    )
    assert result.attempted > 30
    assert result.failed == 0, capsys.readouterr().out
