"""Files that change or vanish between the plan and the transform job: one row each."""

from __future__ import annotations

import os
import shutil
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from batch.cli.listeners import LogListener
from batch.config import load_config
from batch.platforms.local import LocalPlatform
from batch.run import Runner
from tests.hostile.encoded import encoded
from tests.hostile.stub_bundle import write_stub_bundle

NAMES = ("stays", "vanishes", "grows", "shrinks", "newer", "folder", "pipe", "link", "folder-gone")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    for name in NAMES:
        path = tmp_path / "archive" / name / "x.wav"
        path.parent.mkdir(parents=True)
        path.write_bytes(encoded("wav"))
    (tmp_path / "outside.wav").write_bytes(encoded("wav"))
    write_stub_bundle(tmp_path / "model.tar.gz")
    (tmp_path / "nightscribe.toml").write_text(
        '[archive]\nuri = "archive"\n[model]\nuri = "model.tar.gz"\n[output]\nuri = "out"\n'
        "[transform]\nworkers = 1\n"
    )
    return tmp_path


def runner(home: Path) -> Runner:
    return Runner(
        config=load_config(home / "nightscribe.toml"),
        platform=LocalPlatform(),
        listener=LogListener(),
        today=lambda: date(2026, 11, 23),
    )


def changed(archive: Path) -> None:
    paths = {name: archive / name / "x.wav" for name in NAMES}
    with paths["grows"].open("ab") as file:
        file.write(b"more")
    os.truncate(paths["shrinks"], 1000)
    os.utime(paths["newer"], ns=(1, 1))
    for name in ("vanishes", "folder", "pipe", "link"):
        paths[name].unlink()
    paths["folder"].mkdir()
    os.mkfifo(paths["pipe"])
    paths["link"].symlink_to(archive.parent / "outside.wav")
    shutil.rmtree(paths["folder-gone"].parent)


def test_each_has_one_row_that_says_so_and_the_next_run_takes_what_is_there(home: Path) -> None:
    night = runner(home)
    plan = night.plan()
    assert plan is not None
    changed(home / "archive")
    night.finish(plan)
    rows = pd.read_parquet(home / "out/transcripts").set_index("path")
    assert rows.index.is_unique
    assert rows.pop("status")["stays/x.wav"] == "ok"
    assert {name: rows.loc[f"{name}/x.wav", "error_kind"] for name in NAMES if name != "stays"} == {
        "vanishes": "not_found",
        "grows": "changed",
        "shrinks": "changed",
        "newer": "changed",
        "folder": "unsupported_format",
        "pipe": "unsupported_format",
        "link": "forbidden",
        "folder-gone": "not_found",
    }
    # The next run takes what is there then.
    again = runner(home).plan()
    assert again is not None
    assert dict(again.reasons) == {"changed": len({"grows", "shrinks", "newer", "pipe", "link"})}
