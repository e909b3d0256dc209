"""A run's page with its clips, and the verdicts given on it, at the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from manifests.recordings import recording_id
from tests.batch.command_line import nightscribe
from tests.conftest import speechlike, write_sound

pytestmark = pytest.mark.usefixtures("warm_python")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Path:
    """A folder in which a run with references was carried out."""
    folder = tmp_path_factory.mktemp("verdicts")
    for number in range(2):
        write_sound(folder / f"archive/{number}.wav", speechlike(6, seed=number))
    (folder / "references.tsv").write_text("recording\ttext\n0\thello there\n1\tgood day\n")
    (folder / "nightscribe.toml").write_text(
        f'[archive]\nuri = "archive"\n[references]\nuri = "references.tsv"\n'
        f'[model]\nuri = "{tiny_model}"\n[output]\nuri = "out"\n[report]\nclips = 1\n'
    )
    answer = nightscribe("run", cwd=folder)
    assert answer.returncode == 0, answer.stderr
    return folder


def reports(home: Path) -> Path:
    (folder,) = (home / "out/reports").iterdir()
    return folder


def verdict_file(home: Path, recording: str, **fields: Any) -> Path:
    entry = {"recording": recording, "channel": None, "path": "0.wav", "verdict": "excluded"}
    entry |= {"note": "music", "by": "Ada", "given_at": "2026-11-23T08:12:00Z", **fields}
    content = {"nightscribe": "verdicts", "version": 1, "run_id": "any", "verdicts": [entry]}
    path = home / "verdicts.json"
    path.write_text(json.dumps(content))
    return path


def test_as_many_clips_as_the_configuration_says_lie_beside_the_page(home: Path) -> None:
    names = sorted(path.name for path in (reports(home) / "clips").iterdir())
    assert len(names) == 2
    assert names[1] == "index.json"
    assert (reports(home) / "clips" / names[0]).read_bytes().startswith(b"OggS")


def test_without_clips_there_is_no_folder_of_them(home: Path) -> None:
    answer = nightscribe("report", "--set", "report.clips=0", cwd=home)
    assert answer.returncode == 0, answer.stderr
    assert list((reports(home) / "clips").glob("*")) == []


def test_score_shows_both_figures_and_writes_them_down(home: Path) -> None:
    file = verdict_file(home, recording_id("0.wav"))
    answer = nightscribe("score", "--verdicts", file, cwd=home)
    assert answer.returncode == 0, answer.stderr
    assert "WER adjudicated" in answer.stdout
    assert "1 recordings left out; by Ada, last on 2026-11-23" in answer.stdout
    figures = json.loads((reports(home) / "summary.json").read_text())
    assert figures["adjudicated"]["left_out"] == ["0.wav"]
    assert figures["adjudicated"]["wer"]["reference"] < figures["wer"]["reference"]
    assert nightscribe("score", cwd=home).returncode == 0
    assert "adjudicated" not in json.loads((reports(home) / "summary.json").read_text())


def test_report_writes_the_page_with_the_figure_after_adjudication(home: Path) -> None:
    file = verdict_file(home, recording_id("0.wav"))
    assert nightscribe("report", "--verdicts", file, cwd=home).returncode == 0
    assert "WER after adjudication" in (reports(home) / "report.html").read_text("utf-8")


def test_a_wrong_file_is_for_the_user_to_mend(home: Path) -> None:
    file = verdict_file(home, "x", verdict="fine")
    answer = nightscribe("score", "--verdicts", file, cwd=home)
    assert answer.returncode == 2
    assert "verdicts.json, verdicts[0]: 'verdict' is \"fine\"; expected one of" in answer.stderr
