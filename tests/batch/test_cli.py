"""The command line as a person meets it: what it prints, where, and with which exit code."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.batch.command_line import nightscribe
from tests.conftest import speechlike, write_sound

pytestmark = pytest.mark.usefixtures("warm_python")

COMMANDS = ["run", "plan", "transform", "collect", "score", "report", "train", "evaluate"]
COMMANDS += [
    "estimate",
    "transcribe",
    "status",
    "show",
    "search",
    "export",
    "ddl",
    "init",
    "completion",
]
COMMANDS += ["endpoint", "doctor"]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Path:
    """A folder in which a run was carried out."""
    folder = tmp_path_factory.mktemp("cli")
    for number in range(2):
        write_sound(folder / f"archive/meeting {number}.wav", speechlike(6, seed=number))
    (folder / "archive/broken.mp3").write_text("no sound at all")
    (folder / "nightscribe.toml").write_text(
        f'[archive]\nuri = "archive"\n[model]\nuri = "{tiny_model}"\n[output]\nuri = "out"\n'
    )
    # A process, so that nothing but the JSON is what it prints.
    command = [sys.executable, "-m", "batch.cli", "run", "--json"]
    answer = subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False)
    assert answer.returncode == 0, answer.stderr
    (folder / "run.json").write_text(answer.stdout)
    return folder


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str) -> None:
    answer = nightscribe(command, "--help")
    assert answer.returncode == 0
    assert answer.stdout.startswith("Usage: ")


def test_the_run_prints_json_for_machines_and_progress_apart(home: Path) -> None:
    (run,) = json.loads((home / "run.json").read_text())["runs"]
    assert run["recordings"] == run["rows"] == 3
    assert run["error_kinds"] == {"unsupported_format": 1}
    assert Path(run["report"].removeprefix("file://")).is_file()


def test_a_second_run_says_that_there_is_nothing_to_do(home: Path) -> None:
    answer = nightscribe("run", cwd=home)
    assert (answer.returncode, answer.stdout.splitlines()[0]) == (
        0,
        "nothing to do: every recording of the archive has its row",
    )


def test_a_dry_run_says_what_a_run_would_take_on_and_writes_nothing(home: Path) -> None:
    before = sorted((home / "out/runs").rglob("*"))
    answer = nightscribe("plan", "--dry-run", "--json", "--on-model-change", "all", cwd=home)
    assert json.loads(answer.stdout)["would_transcribe"] == 0
    assert sorted((home / "out/runs").rglob("*")) == before


def test_status_lists_runs(home: Path) -> None:
    answer = nightscribe("status", cwd=home)
    assert "finished" in answer.stdout
    assert "3 recordings" in answer.stdout
    found = json.loads(nightscribe("status", "--json", cwd=home).stdout)
    assert [one["state"] for one in found["runs"]] == ["finished"]
    assert found["trainings"] == []


def test_show_prints_a_transcript_with_times(home: Path) -> None:
    answer = nightscribe("show", "meeting 0", cwd=home)
    assert answer.stdout.startswith("meeting 0.wav, 0:06\n  0:0")
    assert "not transcribed (unsupported_format)" in nightscribe("show", "broken", cwd=home).stdout


def test_search_finds_the_meeting_and_the_time_of_a_phrase(home: Path) -> None:
    text = json.loads(nightscribe("show", "meeting 1", "--json", cwd=home).stdout)
    words = [word["text"] for segment in text["segments"] for word in segment["words"]]
    answer = nightscribe("search", *words[1:3], cwd=home)
    assert answer.returncode == 0
    assert "meeting 1.wav  0:0" in answer.stdout
    assert nightscribe("search", "never", "said", "anywhere", cwd=home).returncode == 1


def test_export_writes_a_file_for_each_recording_and_format(home: Path, tmp_path: Path) -> None:
    answer = nightscribe("export", "--to", "txt,srt,vtt,json", "--into", tmp_path, cwd=home)
    assert answer.returncode == 0
    found = sorted(path.suffix for path in tmp_path.rglob("*") if path.is_file())
    assert {".txt", ".srt", ".vtt", ".json"} == set(found)
    assert found.count(".srt") == 2
    assert "broken.mp3: not transcribed" in answer.stderr
    wrong = nightscribe("export", "--to", "doc", cwd=home)
    assert (wrong.returncode, "'doc' is not one of" in wrong.stderr) == (2, True)


def test_ddl_makes_the_parquet_a_table(home: Path) -> None:
    athena = nightscribe("ddl", cwd=home).stdout
    assert "CREATE EXTERNAL TABLE IF NOT EXISTS nightscribe_transcripts" in athena
    assert "`words` array<struct<" in athena
    duckdb = nightscribe("ddl", "--dialect", "duckdb", cwd=home).stdout
    assert f"read_parquet('{home}/out/transcripts/dt=*/*.parquet'" in duckdb


def test_one_file_is_transcribed_at_once(home: Path, tiny_model: Path) -> None:
    whole = nightscribe("transcribe", home / "archive/meeting 0.wav", "--model", tiny_model)
    shown = json.loads(nightscribe("show", "meeting 0", "--json", cwd=home).stdout)
    said = " ".join(segment["text"] for segment in shown["segments"])
    assert " ".join(whole.stdout.split()) == " ".join(said.split())
    broken = nightscribe("transcribe", home / "archive/broken.mp3", "--model", tiny_model)
    assert broken.returncode == 1
    assert "unsupported_format" in broken.stderr
    assert "Traceback" not in broken.stderr


def test_init_writes_a_configuration_that_is_valid(tmp_path: Path) -> None:
    from batch.config import load_config

    answer = nightscribe("init", "--archive", 'a "quoted" folder', cwd=tmp_path)
    assert answer.returncode == 0
    config = load_config(tmp_path / "nightscribe.toml")
    assert config.archive.uri == str(tmp_path / 'a "quoted" folder')
    again = nightscribe("init", cwd=tmp_path)
    assert (again.returncode, "exists" in again.stderr) == (2, True)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_are_printed(shell: str) -> None:
    assert "_NIGHTSCRIBE_COMPLETE" in nightscribe("completion", shell).stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["run", "none.toml"], "no such file; 'nightscribe init' writes one"),
        (["run", "--set", "transform.worker=2"], "did you mean 'workers'?"),
        (["run", "--frob"], "No such option"),
        (["show", "nothing like it"], "is no recording with a row"),
        (["status", "2020-01-01-001"], "no run '2020-01-01-001'"),
        (["frobnicate"], "No such command"),
        (["train"], "[training] is missing"),
        (["run", "--archive", ""], "key 'archive.uri': found ''"),
        (["transcribe", "nofile.wav"], "'nofile.wav' does not exist"),
        (["transcribe", "archive"], "'archive' is a directory"),
    ],
)
def test_what_a_person_must_mend_is_one_sentence_and_exit_code_2(
    home: Path, words: list[str], said: str
) -> None:
    answer = nightscribe(*words, cwd=home)
    assert answer.returncode == 2
    assert said in answer.stderr
    assert "Traceback" not in answer.stderr


def test_a_bug_is_told_without_a_stack_trace(home: Path) -> None:
    script = (
        "import batch.config\n"
        "def broken(*_):\n    raise RuntimeError('unforeseen')\n"
        "batch.config.load_config = broken\n"
        "from batch.cli import main; main()"
    )
    answer = subprocess.run(
        [sys.executable, "-c", script, "status"],
        capture_output=True,
        text=True,
        cwd=home,
        check=False,
    )
    assert answer.returncode == 1
    assert "Traceback" not in answer.stderr
    place = answer.stderr.split(" with ")[-1].strip()
    assert "unforeseen" in Path(place).read_text()
    Path(place).unlink()


def test_an_output_that_is_a_file_is_said_in_one_sentence(home: Path) -> None:
    answer = nightscribe("run", "--output", "archive/broken.mp3", cwd=home)
    assert answer.returncode == 1
    assert answer.stderr.strip().endswith("a file lies where a folder is expected")


def test_before_the_first_run_every_command_says_so(home: Path, tmp_path: Path) -> None:
    config = tmp_path / "nightscribe.toml"
    text = (home / "nightscribe.toml").read_text("utf-8")
    config.write_text(text.replace('uri = "out"', f'uri = "{tmp_path / "fresh"}"'), "utf-8")
    for words, code, said in (
        (["status"], 0, "no runs below"),
        (["show", "x"], 2, "'nightscribe run' makes them"),
        (["search", "x"], 1, "not said in any transcript"),
        (["export"], 2, "'nightscribe run' makes one"),
    ):
        answer = nightscribe(*words, "-c", config)
        assert (words, answer.returncode) == (words, code)
        assert said in answer.stdout + answer.stderr


def test_reading_leaves_no_thread_behind_that_could_abort_the_end(home: Path) -> None:
    script = (
        "import os, sys\n"
        "from batch.datasets import read_rows\n"
        "from manifests.storage import open_store\n"
        "tasks = '/proc/self/task'\n"
        "names = lambda: [open(f'{tasks}/{one}/comm').read() for one in os.listdir(tasks)]\n"
        # The allocator's own thread comes and goes.
        "threads = lambda: sum('jemalloc' not in name for name in names())\n"
        "before = threads()\n"
        "rows = read_rows(open_store(sys.argv[1]), 'segments', columns=['id', 'words'])\n"
        "print(len(rows) > 0, threads() - before)\n"
    )
    answer = subprocess.run(
        [sys.executable, "-c", script, home / "out"], capture_output=True, text=True, check=True
    )
    assert answer.stdout.split() == ["True", "0"]
