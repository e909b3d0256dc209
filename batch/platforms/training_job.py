"""A training job on this machine: the container's folders, files and variables, under a prefix.

Layout and names are those of the SageMaker training toolkit ("script mode"): ``input/config``,
``input/data/<channel>``, ``model``, ``output/failure``, ``checkpoints``; the entry script and its
source come from ``sagemaker_program`` and ``sagemaker_submit_directory``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from batch.platforms.base import Document, JobOutcome
from batch.platforms.transform_job import MAX_REASON, available_cores
from manifests.errors import NightscribeError
from manifests.local_store import download
from manifests.storage import open_store
from manifests.tarball import pack, unpack_object

_LAST_LINES = 12


@dataclass(frozen=True, kw_only=True)
class TrainingSpec:
    """What of the request document matters on one machine."""

    name: str
    source_uri: str
    program: str
    hyperparameters: dict[str, Any]
    channels: dict[str, str]
    output_uri: str
    environment: dict[str, str]
    seconds: float

    @classmethod
    def of(cls, job: Document) -> TrainingSpec:
        """Read the document; hyperparameters are JSON texts, as SageMaker sends them."""
        given = {name: json.loads(value) for name, value in job["HyperParameters"].items()}
        return cls(
            name=job["TrainingJobName"],
            source_uri=given.pop("sagemaker_submit_directory"),
            program=given.pop("sagemaker_program"),
            hyperparameters=given,
            channels={
                channel["ChannelName"]: channel["DataSource"]["S3DataSource"]["S3Uri"]
                for channel in job.get("InputDataConfig", ())
            },
            output_uri=job["OutputDataConfig"]["S3OutputPath"],
            environment=dict(job.get("Environment", {})),
            seconds=job["StoppingCondition"]["MaxRuntimeInSeconds"],
        )


def run_training(spec: TrainingSpec, *, on_line: Callable[[str], None]) -> JobOutcome:
    """Carry the job out; the model lands as ``<output>/<job>/output/model.tar.gz``."""
    with tempfile.TemporaryDirectory(prefix="nightscribe-training-") as scratch:
        prefix = Path(scratch)
        try:
            _prepare(spec, prefix)
            status, said = _execute(spec, prefix, on_line)
            if status != 0:
                return _failed(prefix, status, said)
            tarball = prefix / "model.tar.gz"
            model = prefix / "model"
            files = [path for path in sorted(model.rglob("*")) if path.is_file()]
            pack(tarball, {path.relative_to(model).as_posix(): path for path in files})
            open_store(spec.output_uri).put(f"{spec.name}/output/model.tar.gz", tarball)
        except NightscribeError as error:
            return JobOutcome(status="Failed", failure_reason=str(error)[:MAX_REASON])
    return JobOutcome(status="Completed")


def _prepare(spec: TrainingSpec, prefix: Path) -> None:
    config = prefix / "input/config"
    for folder in (config, prefix / "model", prefix / "output", prefix / "checkpoints"):
        folder.mkdir(parents=True)
    (config / "hyperparameters.json").write_text(json.dumps(spec.hyperparameters))
    (config / "inputdataconfig.json").write_text(
        json.dumps({name: {"TrainingInputMode": "File"} for name in spec.channels})
    )
    (config / "resourceconfig.json").write_text(
        json.dumps({"current_host": "algo-1", "hosts": ["algo-1"], "network_interface_name": "lo"})
    )
    for name, uri in spec.channels.items():
        folder = prefix / "input/data" / name
        folder.mkdir(parents=True)
        download(open_store(uri), folder)
    unpack_object(spec.source_uri, prefix / "code")


def _execute(
    spec: TrainingSpec, prefix: Path, on_line: Callable[[str], None]
) -> tuple[int, list[str]]:
    """Run the entry script; returns its exit status and the last lines that it printed."""
    channels = {
        f"SM_CHANNEL_{name.upper()}": str(prefix / "input/data" / name) for name in spec.channels
    }
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": str(available_cores()),
        "HF_HUB_OFFLINE": "1",
        "PYTHONUNBUFFERED": "1",
        "PYTHONPATH": str(prefix / "code"),
        "SM_HPS": json.dumps(spec.hyperparameters),
        "SM_MODEL_DIR": str(prefix / "model"),
        "SM_OUTPUT_DIR": str(prefix / "output"),
        "NIGHTSCRIBE_CHECKPOINT_DIR": str(prefix / "checkpoints"),
        **channels,
        **spec.environment,
    }
    process = subprocess.Popen(
        [sys.executable, str(prefix / "code" / spec.program)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env=environment,
        cwd=prefix / "code",
    )
    said: list[str] = []
    # A script that hangs prints nothing either: the clock must not wait for a line.
    clock = threading.Timer(spec.seconds, process.kill)
    clock.start()
    try:
        assert process.stdout is not None
        for line in process.stdout:
            said = [*said[-_LAST_LINES:], line.rstrip()]
            on_line(line.rstrip())
        return process.wait(), said
    finally:
        clock.cancel()
        if process.poll() is None:
            process.kill()
            process.wait()


def _failed(prefix: Path, status: int, said: list[str]) -> JobOutcome:
    failure = prefix / "output/failure"
    if failure.is_file():
        reason = failure.read_text("utf-8", "replace")
    else:
        lines = [line for line in said if line.strip()]
        reason = f"the training script ended with status {status}: " + " | ".join(lines[-3:])
    return JobOutcome(status="Failed", failure_reason=reason[:MAX_REASON])
