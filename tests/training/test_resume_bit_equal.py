"""Killed at any step and started again, a run ends with the weights of one that was not."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from safetensors.torch import load_file
from transformers import Trainer

from tests.training.conftest import LIVELY, noise_channel
from training.evaluating.curves import PARQUET
from training.job import Job
from training.running.interruption import EXIT_INTERRUPTED, InterruptedTrainingError, Interruption
from training.settings import Settings
from training.train import run

pytestmark = pytest.mark.usefixtures("no_picture")

ROOT = Path(__file__).resolve().parents[2]
STEPS = 13
GIVEN = {
    "steps": STEPS,
    "warmup_steps": 2,
    "batch_seconds": 3,
    "gradient_accumulation": 2,
    "evaluation_steps": 4,
    "logging_steps": 1,
    "head_only_steps": 2,
    "thaw_encoder_at": 6,
    "mask_time_prob": 0.3,
    "mask_feature_prob": 0.1,
    "label_smoothing": 0.1,
    "layer_decay": 0.9,
    "speed_share": 0.5,
    "reverb_share": 0.3,
    "babble_share": 0.3,
    "telephone_share": 0.3,
}


def _job(folder, name, channel, architecture, **changes):
    return Job(
        settings=Settings.of({**GIVEN, "architecture": str(architecture), **changes}),
        train=channel,
        validation=channel,
        base=None,
        output=folder / name,
        checkpoints=folder / f"{name}-checkpoints",
    )


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("undisturbed")


@pytest.fixture(scope="module")
def long_channel(place):
    return noise_channel(place / "long-channel", rounds=4)


@pytest.fixture(scope="module")
def lively_architecture(place):
    path = place / "lively.json"
    path.write_text(json.dumps(LIVELY))
    return path


@pytest.fixture(scope="module")
def whole(place, long_channel, lively_architecture, no_picture):
    job = _job(place, "whole", long_channel, lively_architecture)
    run(job)
    return job.output


def same_course(one, other):
    weights, others = (load_file(path / "model.safetensors") for path in (one, other))
    assert weights.keys() == others.keys()
    assert all(weights[name].equal(others[name]) for name in weights)
    rows, twins = (pq.read_table(path / PARQUET).to_pylist() for path in (one, other))
    timeless = [{k: v for k, v in row.items() if k != "seconds"} for row in rows]
    assert timeless == [{k: v for k, v in row.items() if k != "seconds"} for row in twins]
    losses = [row["step"] for row in rows if row["loss"] is not None]
    assert losses == list(range(1, STEPS + 1))


def test_two_runs_are_equal(whole, tmp_path, long_channel, lively_architecture):
    run(_job(tmp_path, "again", long_channel, lively_architecture))
    same_course(whole, tmp_path / "again")


def test_processes_that_read_ahead_change_nothing(
    whole, tmp_path, long_channel, lively_architecture
):
    run(_job(tmp_path, "ahead", long_channel, lively_architecture, workers=2))
    same_course(whole, tmp_path / "ahead")


def test_less_memory_for_activations_changes_nothing(
    whole, tmp_path, long_channel, lively_architecture
):
    run(_job(tmp_path, "frugal", long_channel, lively_architecture, gradient_checkpointing=True))
    same_course(whole, tmp_path / "frugal")


def test_interrupted_in_any_step_it_ends_the_same(
    whole, tmp_path, long_channel, lively_architecture, monkeypatch
):
    """In the first step, where an evaluation is due, in mid-epoch, twice in a row, in the last."""
    job = _job(tmp_path, "resumed", long_channel, lively_architecture)
    for step in (1, 4, 7, 8, 13):
        _ask_in(monkeypatch, step)
        with pytest.raises(InterruptedTrainingError, match=f"step={step}:"):
            run(job, Interruption())
        assert not job.output.exists()
    run(job)
    same_course(whole, job.output)


def _ask_in(monkeypatch, step):
    """SIGTERM arrives while this step is being taken."""
    take = Trainer.training_step

    def training_step(trainer, *args, **kwargs):
        if trainer.state.global_step + 1 == step:
            trainer.interruption.ask()
        return take(trainer, *args, **kwargs)

    monkeypatch.setattr(Trainer, "training_step", training_step)


@pytest.mark.parametrize("case", [(signal.SIGTERM, 0), (signal.SIGKILL, 0), (signal.SIGTERM, 2)])
def test_killed_in_mid_epoch_and_started_again_it_ends_the_same(
    whole, tmp_path, long_channel, lively_architecture, case
):
    """The signal meets the whole group, as that of a terminal or of a supervisor does."""
    sent, workers = case
    job = _job(tmp_path, "killed", long_channel, lively_architecture, workers=workers)
    status = _run_and_kill(job, sent, at=6)
    assert status == {signal.SIGTERM: EXIT_INTERRUPTED, signal.SIGKILL: -signal.SIGKILL}[sent]
    assert not job.output.exists()
    run(job)
    same_course(whole, job.output)


def _run_and_kill(job, sent, *, at):
    """The status of the entry script, killed when it has reported a step."""
    settings = {
        **GIVEN,
        "architecture": job.settings.architecture,
        "workers": job.settings.workers,
    }
    environment = {
        **os.environ,
        "SM_HPS": json.dumps(settings),
        "SM_CHANNEL_TRAIN": str(job.train),
        "SM_CHANNEL_VALIDATION": str(job.validation),
        "SM_MODEL_DIR": str(job.output),
        "NIGHTSCRIBE_CHECKPOINT_DIR": str(job.checkpoints),
    }
    for name in ("SM_CHANNEL_MODEL", "SM_OUTPUT_DIR", "SM_CHANNEL_TEST", "SM_CHANNEL_DOMAIN"):
        environment.pop(name, None)
    command = [sys.executable, "-m", "training.train"]
    with subprocess.Popen(
        command,
        env=environment,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        for line in process.stdout:
            if line.startswith(f"step={at} "):
                os.killpg(process.pid, sent)
        return process.wait()
