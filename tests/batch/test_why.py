"""``nightscribe why``: what there is to know of one recording, before and after its run."""

from __future__ import annotations

import json
import os
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner

from batch.cli.listeners import LogListener
from batch.cli.main import cli
from batch.config import load_config
from batch.platforms.local import LocalPlatform
from batch.run import Runner
from batch.why import lines_of, why
from manifests.errors import InputError
from tests.conftest import make_tiny_model, speechlike, write_sound

pytestmark = pytest.mark.usefixtures("warm_python")


@pytest.fixture
def home(tmp_path: Path, tiny_model: Path) -> Path:
    write_sound(tmp_path / "archive/day/board.wav", speechlike(3, seed=0))
    write_sound(tmp_path / "archive/day/sales.wav", speechlike(2, seed=1))
    (tmp_path / "archive/day/notes.xyz").write_text("no sound")
    (tmp_path / "archive/day/broken.wav").write_bytes(b"RIFF")
    (tmp_path / "nightscribe.toml").write_text(
        f'[archive]\nuri = "archive"\n[model]\nuri = "{tiny_model}"\n[output]\nuri = "out"\n'
        "[transform]\nworkers = 1\n",
        "utf-8",
    )
    return tmp_path


def asked(home: Path, name: str, *overrides: str) -> str:
    config = load_config(home / "nightscribe.toml", overrides)
    return "\n".join(lines_of(why(config, name)))


def night(home: Path, *overrides: str) -> None:
    runner = Runner(
        config=load_config(home / "nightscribe.toml", overrides),
        platform=LocalPlatform(),
        listener=LogListener(),
        today=lambda: date(2026, 11, 23),
    )
    with runner.claimed():
        runner.run()


def test_before_the_first_run_it_is_new(home: Path) -> None:
    said = asked(home, "board")
    assert "recording       day/board.wav" in said
    assert "row             none" in said
    assert "next run        transcribes it: it has no result yet" in said


def test_what_is_too_young_waits_and_says_so(home: Path) -> None:
    assert "waits: it came so lately" in asked(home, "board", "archive.settle_minutes=60")
    old = (home / "archive/day/board.wav").stat().st_mtime - 7200
    os.utime(home / "archive/day/board.wav", (old, old))
    assert "it has no result yet" in asked(home, "board", "archive.settle_minutes=60")
    night(home, "archive.settle_minutes=60")
    config = load_config(home / "nightscribe.toml")
    found = {name: why(config, name).rows for name in ("board", "sales")}
    assert [row["status"] for row in found["board"]] == ["ok"]
    assert found["sales"] == []


def test_after_a_run_the_row_the_run_and_what_is_next(home: Path, tmp_path: Path) -> None:
    night(home)
    said = asked(home, "day/board.wav")
    assert "row             ok, run 2026-11-23-001, tiny, model " in said
    assert "leaves it alone: it has the result of this version" in said
    other = make_tiny_model(tmp_path / "models/other", seed=1)
    assert "leaves it alone: its result is of another" in asked(
        home, "board", f"model.uri='{other}'"
    )
    all_of_them = (f"model.uri='{other}'", "run.on_model_change='all'")
    assert "transcribes it: its result was made with another" in asked(home, "board", *all_of_them)
    night(home, *all_of_them)
    said = asked(home, "board", *all_of_them)
    assert "row             ok, run 2026-11-23-002, other" in said
    assert "before          ok, run 2026-11-23-001, tiny" in said


def test_an_error_says_what_it_is_and_whether_it_is_tried_again(home: Path) -> None:
    night(home)
    said = asked(home, "broken")
    assert "row             error (corrupt: " in said
    assert "leaves it alone: trying again would not mend this error" in said
    (home / "archive/day/broken.wav").write_bytes(b"RIFFRIFF")
    assert "transcribes it: it has changed since its result" in asked(home, "broken")


def test_what_is_gone_or_left_out_is_said(home: Path) -> None:
    night(home)
    (home / "archive/day/board.wav").unlink()
    said = asked(home, "day/board.wav")
    assert "archive         not there any more; its row stays" in said
    assert "row             ok" in said
    assert "include and exclude leave it out" in asked(home, "day/notes.xyz")


def test_what_nobody_knows_or_fits_several_is_an_error(home: Path) -> None:
    with pytest.raises(InputError, match=r"'nobody': neither file:.* has such a recording"):
        asked(home, "nobody")
    write_sound(home / "archive/other/board.flac", speechlike(2, seed=1))
    with pytest.raises(InputError, match=r"fits several recordings: day/board\.wav, other"):
        asked(home, "board")


def test_json_for_machines(home: Path) -> None:
    night(home)
    command = ["why", "board", "--json", "-c", str(home / "nightscribe.toml")]
    found = json.loads(CliRunner().invoke(cli, command, standalone_mode=False).output)
    assert (found["archive"], found["result"]["run_id"]) == ("included", "2026-11-23-001")
    assert [row["status"] for row in found["rows"]] == ["ok"]
