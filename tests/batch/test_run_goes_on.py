"""A run that is killed, repeated, or does not get what it needs: it goes on to the same rows."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from manifests.errors import InputError, JobFailedError
from tests.batch.small_night import KeptNight, carried_out, rows, runner, same

pytestmark = pytest.mark.usefixtures("warm_python")

# The same night in a process of its own, which can be killed.
NIGHT_OF_ITS_OWN = """
import sys
from datetime import date
from pathlib import Path
from batch.cli.listeners import LogListener
from batch.config import load_config
from batch.platforms.local import LocalPlatform
from batch.run import Runner

if __name__ == "__main__":
    config = load_config(Path(sys.argv[1]))
    runner = Runner(
        config=config,
        platform=LocalPlatform(),
        listener=LogListener(),
        today=lambda: date(2026, 11, 23),
    )
    with runner.claimed():
        runner.run()
"""


def test_a_run_that_was_killed_goes_on_to_the_same_rows(night: KeptNight) -> None:
    home = night.home
    undisturbed, segments = rows(home), rows(home, "segments")
    shutil.rmtree(home / "out")
    process = subprocess.Popen(
        [sys.executable, "-c", NIGHT_OF_ITS_OWN, str(home / "nightscribe.toml")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    runs = home / "out/runs"
    while process.poll() is None and not list(runs.glob("*/plan.json")):
        time.sleep(0.01)  # waits for the run itself, not for a time
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert not list(runs.glob("*/summary.json"))
    (finished,) = carried_out(home)
    same(rows(home), undisturbed)
    same(rows(home, "segments"), segments)
    assert finished.plan.recordings == 4
    assert carried_out(home) == []


def test_each_step_can_be_repeated_alone(night: KeptNight) -> None:
    home, finished = night.home, night.finished
    before = rows(home)
    repeated = runner(home)
    assert repeated.transform(finished.plan).status == "Completed"
    assert repeated.collect(finished.plan).recordings == 4
    assert repeated.score(finished.plan)[1]["wer"] == finished.figures["wer"]
    again = repeated.report(finished.plan)
    assert again.figures["wer"] == finished.figures["wer"]
    assert again.collected == finished.collected
    same(rows(home), before)


def test_a_run_made_step_by_step_is_finished_by_its_report(home: Path) -> None:
    made = runner(home)
    plan = made.plan()
    assert plan is not None
    with pytest.raises(InputError, match="has no rows yet"):
        made.report(plan)
    made.transform(plan)
    made.collect(plan)
    made.report(plan)
    assert carried_out(home) == []


def test_a_recording_that_brings_the_worker_down_is_alone_in_its_row(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Over this many bytes a shard's invocation is refused: no output ever, whatever is tried.
    made = runner(home)
    poisoned: list[str] = []
    transform = made.platform.transform

    def poison(model: Any, job: Any, **told: Any) -> Any:
        outcome = transform(model, job, **told)
        for path in (home / "out/runs").glob("*/out/*.out"):
            if "day/1.wav" in path.read_text("utf-8"):
                poisoned.append(path.name)
                path.unlink()
        return outcome

    monkeypatch.setattr(made.platform, "transform", poison)
    with made.claimed():
        (finished,) = made.run()
    assert finished.collected.kinds == {"not_transcribed": 1}
    found = rows(home).set_index("path")
    assert found.loc["day/1.wav", "error_kind"] == "not_transcribed"
    assert (found.drop("day/1.wav")["error_kind"].isna()).all()
    assert len(poisoned) == 3
    # The next run tries it again.
    (again,) = carried_out(home)
    assert dict(again.plan.reasons) == {"retry": 1}
    assert rows(home)["error_kind"].isna().all()


def test_a_model_that_cannot_be_loaded_costs_no_recording_its_tries(
    home: Path, tiny_model: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "models/broken"
    shutil.copytree(tiny_model, broken)
    (broken / "model.safetensors").write_bytes(b"no weights")
    with pytest.raises(JobFailedError, match="nothing was transcribed"):
        carried_out(home, f"model.uri='{broken}'")
    assert not (home / "out/transcripts").exists()
    (finished,) = carried_out(home)
    assert finished.collected.statuses.get("error") is None
    assert len(rows(home)) == 4


def test_an_output_that_cannot_be_read_is_made_again(home: Path) -> None:
    made = runner(home)
    plan = made.plan()
    assert plan is not None
    made.transform(plan)
    for path in (home / "out/runs").glob("*/out/*.out"):
        path.write_text(path.read_text("utf-8").replace('"status"', '"state"'), "utf-8")
    (finished,) = carried_out(home)
    assert finished.collected.kinds == {}
    assert len(rows(home)) == 4
