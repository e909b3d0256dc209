"""Several processes train one model: torchrun's contract, here with gloo on the CPU."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from safetensors.torch import load_file

from training.evaluating.curves import PARQUET
from training.running.interruption import EXIT_INTERRUPTED

pytestmark = pytest.mark.usefixtures("warm_python")

ROOT = Path(__file__).resolve().parents[2]
STEPS = 12
SETTINGS = {
    "steps": STEPS,
    "warmup_steps": 2,
    "batch_seconds": 2,
    "evaluation_steps": 6,
    "logging_steps": 1,
    "head_only_steps": 2,
    "mask_time_prob": 0.3,
}


def _start(folder, name, given, process, *, checkpoints=None):
    channel, architecture, port = given
    environment = {
        **os.environ,
        "SM_HPS": json.dumps({**SETTINGS, "architecture": str(architecture)}),
        "SM_CHANNEL_TRAIN": str(channel),
        "SM_CHANNEL_VALIDATION": str(channel),
        "SM_MODEL_DIR": str(folder / name),
        "NIGHTSCRIBE_CHECKPOINT_DIR": str(checkpoints or folder / f"{name}-checkpoints"),
        "OMP_NUM_THREADS": "1",
        "RANK": str(process),
        "LOCAL_RANK": str(process),
        "WORLD_SIZE": "2",
        "LOCAL_WORLD_SIZE": "2",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
    }
    for variable in ("SM_CHANNEL_MODEL", "SM_OUTPUT_DIR", "SM_CHANNEL_TEST", "SM_CHANNEL_DOMAIN"):
        environment.pop(variable, None)
    return subprocess.Popen(
        [sys.executable, "-m", "training.train"],
        env=environment,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )


def _train(folder, name, given, *, stop_at=None):
    """The statuses and the lines of both processes; one of them may get SIGTERM at a step."""
    both = [_start(folder, name, given, process) for process in (0, 1)]
    lines = []
    for line in both[0].stdout:
        lines.append(line.strip())
        if stop_at and line.startswith(f"step={stop_at} "):
            both[1].send_signal(signal.SIGTERM)
    said = both[1].stdout.read()
    return [process.wait() for process in both], lines, said


@pytest.fixture
def port():
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_two_processes_train_stop_together_and_end_as_if_undisturbed(
    tmp_path, long_channel, lively_architecture, port
):
    given = (long_channel, lively_architecture, port)
    statuses, lines, said = _train(tmp_path, "whole", given)
    assert statuses == [0, 0]
    assert said == "", "only the first process prints"
    steps = [line.split()[0] for line in lines if " loss=" in line and "eval" not in line]
    assert steps == [f"step={n}" for n in range(1, STEPS + 1)]

    statuses, _, _ = _train(tmp_path, "parts", given, stop_at=3)
    assert statuses == [EXIT_INTERRUPTED, EXIT_INTERRUPTED]
    assert not (tmp_path / "parts").exists()
    statuses, lines, _ = _train(tmp_path, "parts", given)
    assert statuses == [0, 0]
    assert any(line.startswith("resumed_at=") for line in lines)
    whole, parts = (load_file(tmp_path / n / "model.safetensors") for n in ("whole", "parts"))
    assert all(whole[name].equal(parts[name]) for name in whole)
    rows = pq.read_table(tmp_path / "whole" / PARQUET).to_pylist()
    assert [row["step"] for row in rows if row["loss"] is not None] == list(range(1, STEPS + 1))


def test_machines_have_checkpoint_folders_of_their_own(
    tmp_path, long_channel, lively_architecture, port
):
    """Only the first machine writes to its folder, and only it writes the model."""
    given = (long_channel, lively_architecture, port)
    both = [
        _start(tmp_path, "model", given, process, checkpoints=tmp_path / f"machine-{process}")
        for process in (0, 1)
    ]
    for process in both:
        process.communicate()
    assert [process.returncode for process in both] == [0, 0]
    assert (tmp_path / "model" / "model.safetensors").exists()
