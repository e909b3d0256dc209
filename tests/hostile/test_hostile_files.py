"""Hostile files in an archive: each becomes one row that says what it is, and harms no other."""

from __future__ import annotations

import csv
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner

from batch.cli.main import cli
from tests.hostile.archive import hostile_files, sampled, write_good, write_hostile
from tests.hostile.hostile_file import HostileFile
from tests.hostile.night import Watched, nightscribe
from tests.hostile.stub_bundle import write_stub_bundle

LONG = os.environ.get("NIGHTSCRIBE_TORTURE") == "long"
# Of resident memory, for the process that decodes and for the one that has the model.
MOST_DECODER_MB = 4_096 if LONG else 600
MOST_WORKER_MB = 1_000 if LONG else 500


@dataclass(frozen=True, kw_only=True)
class Night:
    files: dict[str, HostileFile]
    good: list[str]
    rows: pd.DataFrame
    alone: pd.DataFrame
    run: Watched
    home: Path

    @property
    def output(self) -> Path:
        return self.home / "out-archive"


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Night:
    home = tmp_path_factory.mktemp("hostile")
    files = list(hostile_files(home / "outside", long=LONG))
    files = files if LONG else sampled(files)
    folders = sorted({one.name.partition("/")[0] for one in files})
    good = write_good(home / "archive", folders)
    write_good(home / "only-good", folders)
    write_hostile(home / "archive", files)
    write_stub_bundle(home / "model.tar.gz")
    write_references(home / "references.csv", [*good, *(one.name for one in files)])
    alone = carried_out(home, "only-good")
    run = carried_out(home, "archive")
    assert (alone.status, run.status) == (0, 0), run.said
    return Night(
        files={_as_text(one.name): one for one in files},
        good=good,
        rows=rows(home / "out-archive"),
        alone=rows(home / "out-only-good"),
        run=run,
        home=home,
    )


def carried_out(home: Path, archive: str) -> Watched:
    config = home / f"{archive}.toml"
    config.write_text(
        f"""
[archive]
uri = "{archive}"
include = ["*"]
[references]
uri = "references.csv"
[model]
uri = "model.tar.gz"
[output]
uri = "out-{archive}"
[transform]
workers = 1
""",
        "utf-8",
    )
    return nightscribe("run", config)


def write_references(path: Path, names: list[str]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["recording", "text"])
        for name in names:
            if _as_text(name) == name and name.strip() == name:
                table.writerow([name, "=good day"])


def rows(output: Path) -> pd.DataFrame:
    return pd.read_parquet(output / "transcripts").set_index("path").sort_index()


def _as_text(name: str) -> str:
    return os.fsencode(name).decode("utf-8", "replace")


def ending(row: Any) -> str:
    return str(row.error_kind if row.status == "error" else row.status)


def test_every_file_ends_in_one_row_as_it_should(night: Night) -> None:
    assert len(night.files) >= 200
    assert night.rows.index.is_unique
    assert set(night.rows.index) == {*night.files, *night.good}
    wrong = {
        row.Index: (ending(row), row.error_message)
        for row in night.rows.itertuples()
        if row.Index in night.files and ending(row) not in night.files[row.Index].ends
    }
    assert wrong == {}


def test_good_recordings_between_them_have_the_rows_of_a_night_without_them(night: Night) -> None:
    columns = ["status", "text", "confidence", "duration", "speech_seconds", "level_dbfs"]
    found, expected = night.rows.loc[sorted(night.good), columns], night.alone[columns]
    pd.testing.assert_frame_equal(found, expected)
    assert (expected["status"] == "ok").all()
    assert expected["text"].nunique() == len(expected)


def test_every_message_says_something_and_no_place(night: Night) -> None:
    errors = night.rows[night.rows["status"] == "error"]
    for message in errors["error_message"]:
        assert len(message) > 10
        assert str(night.output.parent) not in message
        assert "Error" not in message
        assert "Traceback" not in message
        assert "/" not in message or " / " in message


def test_no_worker_or_decoder_takes_more_memory_than_a_good_recording_might(night: Night) -> None:
    assert night.run.peaks["decoder"] < MOST_DECODER_MB
    assert night.run.peaks["worker"] < MOST_WORKER_MB


def test_the_run_needs_one_round_and_says_nothing_strange(night: Night) -> None:
    assert "Traceback" not in night.run.said
    assert "round 2" not in night.run.said
    assert "nobody foresaw" not in night.run.said


def said_by(night: Night, *words: str) -> str:
    command, *rest = words
    config = str(night.home / "archive.toml")
    result = CliRunner().invoke(cli, [command, "--config", config, *rest])
    assert result.exit_code == 0, result.output
    return result.output


def test_every_transcript_is_exported_into_the_folder_and_nowhere_else(night: Night) -> None:
    before = set(night.home.iterdir())
    said_by(night, "export", "--to", "txt", "--into", str(night.home / "texts"))
    written = [path for path in (night.home / "texts").rglob("*") if path.is_file()]
    assert len(written) == (night.rows["status"] == "ok").sum()
    assert set(night.home.iterdir()) - before == {night.home / "texts"}


def test_a_terminal_shows_every_name_and_obeys_none(night: Night) -> None:
    names = [name for name in night.rows.index if not name.isprintable() or "\ufffd" in name]
    assert len(names) > 3
    for name in names:
        for command in ("show", "why"):
            said = said_by(night, command, "--", name)
            assert all(line.isprintable() for line in said.split("\n")), (command, name)


def test_no_cell_is_a_formula_and_no_name_is_part_of_the_page(night: Night) -> None:
    (reports,) = (night.output / "reports").iterdir()
    with (reports / "errors.csv").open(encoding="utf-8", newline="") as file:
        cells = [cell for row in csv.reader(file) for cell in row]
    assert len(cells) > 100
    assert not [cell for cell in cells if cell[:1] in "=+@|" and cell]
    page = (reports / "report.html").read_text("utf-8")
    assert "alert(1)" not in page
