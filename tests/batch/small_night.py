"""A small archive and a night of it on this machine, and what tests of the run ask of both."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pandas as pd

from batch.cli.listeners import LogListener
from batch.config import load_config
from batch.platforms.local import LocalPlatform
from batch.run import Finished, Runner
from tests.conftest import speechlike, write_sound

VARYING = ["uri", "etag", "version", "run_id", "transcribed_at"]


def furnished(folder: Path, model: Path) -> Path:
    """Fill a folder with an archive of four recordings and a configuration."""
    for number, seconds in enumerate((3, 5, 21)):
        write_sound(folder / f"archive/day/{number}.wav", speechlike(seconds, seed=number))
    write_sound(folder / "archive/stereo.flac", speechlike(4, seed=9).repeat(2).reshape(-1, 2))
    (folder / "references.tsv").write_text("recording\ttext\nday/0.wav\thello there\n1\tgood day\n")
    (folder / "meetings.csv").write_text("recording,team\nstereo,sales\nday/1,legal\n")
    configured(folder, model=model)
    return folder


def configured(home: Path, *, model: Path, archive: str = "archive", output: str = "out") -> None:
    (home / "nightscribe.toml").write_text(
        f"""
[archive]
uri = "{archive}"
metadata = "meetings.csv"
[references]
uri = "references.tsv"
[model]
uri = "{model}"
[output]
uri = "{output}"
[transform]
workers = 1
""",
        "utf-8",
    )


@dataclass(frozen=True)
class KeptNight:
    """A night that was made once; each test finds it as it was."""

    home: Path
    kept: Path
    finished: Finished

    @classmethod
    def made(cls, folder: Path, model: Path) -> KeptNight:
        home, kept = furnished(folder / "home", model), folder / "kept"
        (finished,) = carried_out(home)
        shutil.copytree(home, kept)
        return cls(home, kept, finished)

    def put_back(self) -> None:
        """Files' times too: they are part of a recording's version."""
        shutil.rmtree(self.home)
        shutil.copytree(self.kept, self.home)


def runner(home: Path, *overrides: str) -> Runner:
    return Runner(
        config=load_config(home / "nightscribe.toml", overrides),
        platform=LocalPlatform(),
        listener=LogListener(),
        today=lambda: date(2026, 11, 23),
    )


def carried_out(home: Path, *overrides: str) -> list[Finished]:
    made = runner(home, *overrides)
    with made.claimed():
        return made.run()


def rows(home: Path, dataset: str = "transcripts", output: str = "out") -> pd.DataFrame:
    table = pd.read_parquet(home / output / dataset)
    by = ["id", "channel"] if dataset == "transcripts" else ["id", "channel", "start"]
    return table.sort_values(by).reset_index(drop=True).drop(columns=VARYING, errors="ignore")


def same(one: pd.DataFrame, other: pd.DataFrame) -> None:
    assert json.loads(one.to_json(orient="records")) == json.loads(other.to_json(orient="records"))
