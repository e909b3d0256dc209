"""The golden set: once for each model and setting, outside the archive, and what it says."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner

from batch.cli.listeners import LogListener
from batch.cli.main import cli
from batch.config import load_config
from batch.golden import MARK
from batch.ledger import Result
from batch.platforms.local import LocalPlatform
from batch.run import Finished, Runner
from tests.conftest import make_tiny_model, speechlike, write_sound

pytestmark = pytest.mark.usefixtures("warm_python")


class Ears(LogListener):
    """Keeps what is said."""

    def __init__(self) -> None:
        self.warnings: list[str] = []
        self.steps: list[str] = []

    def warn(self, sentence: str) -> None:
        self.warnings.append(sentence)

    def step(self, name: str, sentence: str) -> None:
        self.steps.append(name)


@pytest.fixture
def home(tmp_path: Path, tiny_model: Path) -> Path:
    return made(tmp_path, tiny_model)


@dataclass(frozen=True)
class Judged:
    """An archive of one referenced meeting, transcribed by two models on two nights."""

    home: Path
    first: Finished
    second: Finished


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Judged:
    folder = tmp_path_factory.mktemp("judged")
    home = made(folder, tiny_model)
    (home / "archive/references.tsv").write_text("meeting\thello\n", "utf-8")
    with (home / "nightscribe.toml").open("a", encoding="utf-8") as file:
        file.write('[references]\nuri = "archive/references.tsv"\n')
    (first,), _ = night(home)
    other = make_tiny_model(folder / "models/other", seed=1)
    (second,), _ = night(home, f"model.uri='{other}'", "run.on_model_change='all'")
    return Judged(home, first, second)


def made(tmp_path: Path, tiny_model: Path) -> Path:
    write_sound(tmp_path / "archive/meeting.wav", speechlike(3, seed=0))
    for number in range(3):
        write_sound(tmp_path / f"golden/{number}.wav", speechlike(2 + number, seed=number))
    references(tmp_path, "hello there", "good day to you all")
    (tmp_path / "nightscribe.toml").write_text(
        f'[archive]\nuri = "archive"\n[model]\nuri = "{tiny_model}"\n[output]\nuri = "out"\n'
        '[transform]\nworkers = 1\n[report]\ngolden = "golden"\n',
        "utf-8",
    )
    return tmp_path


FAILED = Result(
    id="x",
    path="x.wav",
    etag=None,
    version=None,
    size=1,
    channels="mix",
    model_digest="m",
    decode_digest="d",
    status="error",
    error_kind="internal",
    attempts=1,
    duration=None,
    run_id="2026-11-23-001",
)


def references(home: Path, *texts: str) -> None:
    lines = [f"{number}\t{text}" for number, text in enumerate(texts)]
    (home / "golden/references.tsv").write_text("\n".join(lines) + "\n", "utf-8")


def night(home: Path, *overrides: str) -> tuple[list[Finished], Ears]:
    ears = Ears()
    runner = Runner(
        config=load_config(home / "nightscribe.toml", overrides),
        platform=LocalPlatform(),
        listener=ears,
        today=lambda: date(2026, 11, 23),
    )
    with runner.claimed():
        return runner.run(), ears


def marks(home: Path) -> list[Path]:
    return sorted((home / "out/golden").rglob(MARK))


def written(mark: Path) -> dict[str, int]:
    """When each file of transcripts was written."""
    files = (mark.parent / "transcripts").rglob("*.parquet")
    return {file.name: file.stat().st_mtime_ns for file in files}


def test_the_set_is_transcribed_once_and_stays_out_of_the_archive(home: Path) -> None:
    (finished,), _ = night(home)
    assert list(pd.read_parquet(home / "out/transcripts")["path"]) == ["meeting.wav"]
    (mark,) = marks(home)
    rows = pd.read_parquet(mark.parent / "transcripts")
    assert sorted(rows["path"]) == ["0.wav", "1.wav", "2.wav"]
    assert set(rows["model_digest"]) == {finished.plan.model_digest}
    assert finished.figures["golden"] is None
    again, ears = night(home)
    assert (again, "golden" in ears.steps) == ([], False)


def test_a_new_model_is_judged_against_the_one_before(judged: Judged) -> None:
    assert len(marks(judged.home)) == 2
    assert judged.first.figures["golden"] is None
    golden = judged.second.figures["golden"]
    assert (golden["recordings"], golden["words"]) == (2, 7)
    for side, night_of in (("a", judged.first), ("b", judged.second)):
        assert golden[side]["model"]["digest"] == night_of.plan.model_digest
    assert golden["verdict"] in ("cannot tell", "same")
    run_id = judged.second.plan.run_id
    page = (judged.home / f"out/reports/{run_id}/report.html").read_text("utf-8")
    assert "Against the model before" in page


def compared(home: Path, *arguments: str) -> dict:
    command = ["compare", *arguments, "-c", str(home / "nightscribe.toml"), "--json"]
    return json.loads(CliRunner().invoke(cli, command, standalone_mode=False).output)


def test_compare_takes_the_set_where_two_runs_differ_in_model(judged: Judged) -> None:
    figures = compared(judged.home, judged.first.plan.run_id, judged.second.plan.run_id)
    assert "/golden/" in figures["a"]["uri"]
    assert (figures["recordings"], figures["words"]) == (2, 7)


def test_folders_that_a_person_names_are_what_is_compared(judged: Judged) -> None:
    runs = [one.plan.run_id for one in (judged.first, judged.second)]
    folders = [str(judged.home / f"out/reports/{run_id}") for run_id in runs]
    assert compared(judged.home, *folders)["words"] == 1
    assert compared(judged.home, *runs, "--on", "archive")["words"] == 1
    assert compared(judged.home, *folders, "--on", "golden")["words"] == 7


def test_a_set_that_cannot_be_done_costs_the_night_its_verdict_only(home: Path) -> None:
    (home / "golden/references.tsv").write_text("nobody\thas this\n", "utf-8")
    (finished,), ears = night(home)
    assert finished.collected.recordings == 1
    assert any("golden set: [references]" in one for one in ears.warnings)
    assert marks(home) == []


def test_an_empty_set_is_named(home: Path) -> None:
    _, ears = night(home, f"report.golden='{home / 'nothing'}'")
    assert any("[report] golden" in one and "nothing there" in one for one in ears.warnings)


def test_mended_references_score_both_models_again_and_transcribe_nothing(
    home: Path, tmp_path: Path
) -> None:
    night(home)
    other = f"model.uri='{make_tiny_model(tmp_path / 'models/other', seed=1)}'"
    night(home, other)
    before = [written(mark) for mark in marks(home)]
    references(home, "hello there my friends", "good day to you all")
    write_sound(home / "archive/late.wav", speechlike(3, seed=5))
    (finished,), _ = night(home, other)
    golden = finished.figures["golden"]
    assert (golden["recordings"], golden["words"], golden["left_out"]) == (2, 9, {})
    assert [written(mark) for mark in marks(home)] == before


def test_a_set_with_a_recording_that_may_do_tomorrow_is_not_done(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("batch.golden.read_ledger", lambda _: {"x": FAILED})
    night(home)
    assert marks(home) == []
    monkeypatch.setattr("batch.golden.read_ledger", lambda _: {"x": replace(FAILED, attempts=4)})
    night(home)
    assert len(marks(home)) == 1


def test_results_do_not_lie_in_the_set(home: Path) -> None:
    _, ears = night(home, f"output.uri='{home / 'golden'}'", f"archive.uri='{home / 'archive'}'")
    assert any("the results of the set would lie in the set" in one for one in ears.warnings)


def test_without_a_set_nothing_is_said_of_one(home: Path) -> None:
    text = (home / "nightscribe.toml").read_text("utf-8").partition("[report]")[0]
    (home / "nightscribe.toml").write_text(text, "utf-8")
    _, ears = night(home)
    assert not [one for one in ears.warnings if "golden" in one]
