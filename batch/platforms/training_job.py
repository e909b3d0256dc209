"""A training job on this machine: the container's tree under a prefix, and its entrypoint in it.

The tree is SageMaker's ``/opt/ml``: ``input/config``, ``input/data/<channel>``, ``model``,
``output/failure``, ``output/data``, ``checkpoints``. What is on this machine already is linked,
what is in S3 is fetched.
"""

from __future__ import annotations

import errno
import json
import os
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from batch.platforms.base import Document, JobOutcome
from batch.platforms.checkpoints import synchronised
from batch.platforms.this_machine import available_cores
from batch.platforms.transform_job import MAX_REASON
from manifests.errors import InputError, NightscribeError
from manifests.local_store import LocalStore, fetch
from manifests.manifest_file import read_manifest
from manifests.scratch import scratch_folder
from manifests.storage import open_store, parent_store
from manifests.tarball import pack

CONTAINER_PREFIX = "/opt/ml"
# SageMaker gives a job that long between SIGTERM and SIGKILL.
GRACE_SECONDS = 120.0
TERMINATED = 143
_LAST_LINES = 12
# Linux sends this process's child a SIGTERM when it is gone, however it went (prctl(2): 1 is
# PR_SET_PDEATHSIG). Set in the child and kept through exec: a hook between fork and exec is not
# safe beside threads.
_DIE_WITH_PARENT = """\
import ctypes, os, signal, sys
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)
os.execvp(sys.argv[1], sys.argv[1:])
"""


@dataclass(frozen=True, kw_only=True)
class ChannelSpec:
    """Where a channel's files come from; ``listed`` by a ManifestFile, or all below a prefix."""

    uri: str
    listed: bool


@dataclass(frozen=True, kw_only=True)
class TrainingSpec:
    """What of the request document matters on one machine."""

    name: str
    entrypoint: list[str]
    hyperparameters: dict[str, str]
    channels: dict[str, ChannelSpec]
    output_uri: str
    checkpoint_uri: str | None
    environment: dict[str, str]
    seconds: float

    @classmethod
    def of(cls, job: Document) -> TrainingSpec:
        """Read the document.

        Raises:
            InputError: a value that this platform does not have.
        """
        algorithm = job["AlgorithmSpecification"]
        if not algorithm.get("ContainerEntrypoint"):
            raise InputError("ContainerEntrypoint is missing; the local platform has no images")
        if job["ResourceConfig"].get("InstanceCount", 1) != 1:
            raise InputError("InstanceCount: this machine is one; expected 1")
        return cls(
            name=job["TrainingJobName"],
            entrypoint=[
                *algorithm["ContainerEntrypoint"],
                *algorithm.get("ContainerArguments", ()),
            ],
            hyperparameters=dict(job.get("HyperParameters", {})),
            channels={
                channel["ChannelName"]: ChannelSpec(
                    uri=channel["DataSource"]["S3DataSource"]["S3Uri"],
                    listed=channel["DataSource"]["S3DataSource"]["S3DataType"] == "ManifestFile",
                )
                for channel in job.get("InputDataConfig", ())
            },
            output_uri=job["OutputDataConfig"]["S3OutputPath"],
            checkpoint_uri=job.get("CheckpointConfig", {}).get("S3Uri"),
            environment=dict(job.get("Environment", {})),
            seconds=job["StoppingCondition"]["MaxRuntimeInSeconds"],
        )


def run_training(spec: TrainingSpec, *, on_line: Callable[[str], None]) -> JobOutcome:
    """Carry the job out; the model lands as ``<output>/<job>/output/model.tar.gz``."""
    with scratch_folder("training") as scratch:
        prefix = scratch
        try:
            _prepare(spec, prefix)
            with synchronised(spec.checkpoint_uri, prefix / "checkpoints"):
                status, said = _Process(spec, prefix, on_line).run()
            if status == TERMINATED:
                reason = "stopped; its checkpoints are kept, and the same command goes on from them"
                return JobOutcome(status="Stopped", failure_reason=reason)
            if status != 0:
                return _failed(prefix, status, said)
            uri = _delivered(spec, prefix)
        except NightscribeError as error:
            return JobOutcome(status="Failed", failure_reason=str(error)[:MAX_REASON])
        except BrokenPipeError:
            raise  # nobody reads what the job prints
        except OSError as error:
            reason = f"{error.filename or prefix}: {error.strerror or error}"
            if error.errno == errno.ENOSPC:
                reason += "; TMPDIR names the folder where jobs work"
            return JobOutcome(status="Failed", failure_reason=reason[:MAX_REASON])
    return JobOutcome(status="Completed", artifact_uri=uri)


def _prepare(spec: TrainingSpec, prefix: Path) -> None:
    config = prefix / "input/config"
    for folder in (config, prefix / "model", prefix / "output/data", prefix / "input/data"):
        folder.mkdir(parents=True)
    documents = {
        "hyperparameters": spec.hyperparameters,
        "inputdataconfig": {
            name: {"TrainingInputMode": "File", "S3DistributionType": "FullyReplicated"}
            for name in spec.channels
        },
        "resourceconfig": {
            "current_host": "algo-1",
            "hosts": ["algo-1"],
            "network_interface_name": "lo",
        },
    }
    for name, content in documents.items():
        (config / f"{name}.json").write_text(json.dumps(content), "utf-8")
    for name, channel in spec.channels.items():
        _fill(channel, prefix / "input/data" / name)


def _fill(channel: ChannelSpec, folder: Path) -> None:
    """Link or fetch a channel's files; a manifest's names become paths below its folder."""
    if channel.listed:
        source, key = parent_store(channel.uri)
        place, names = read_manifest(source.read(key), name=channel.uri)
        store = open_store(place)
    else:
        store = open_store(channel.uri)
        names = [entry.key for entry in store.list()]
    folder.mkdir()
    if not isinstance(store, LocalStore):
        fetch(store, names, folder)
        return
    # File by file: through a linked folder, ".." would lead somewhere else.
    target = LocalStore(folder)
    for name in names:
        link = target.path_of(name)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(store.path_of(name))


def _delivered(spec: TrainingSpec, prefix: Path) -> str:
    """Pack and upload the two artefacts, as SageMaker does; the model's URI."""
    store = open_store(spec.output_uri)
    for name, folder in (("output", prefix / "output/data"), ("model", prefix / "model")):
        files = {
            path.relative_to(folder).as_posix(): path
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }
        if files:
            tarball = prefix / f"{name}.tar.gz"
            pack(tarball, files)
            store.put(f"{spec.name}/output/{name}.tar.gz", tarball)
    return store.uri_of(f"{spec.name}/output/model.tar.gz")


class _Process:
    """The entrypoint as a process that ends with this one, and is asked before it is killed."""

    def __init__(self, spec: TrainingSpec, prefix: Path, on_line: Callable[[str], None]) -> None:
        self._spec = spec
        self._prefix = prefix
        self._on_line = on_line
        self._over = False

    def run(self) -> tuple[int, list[str]]:
        """Exit status, and the last lines that were printed."""
        process = self._started()
        said: list[str] = []
        # A script that hangs prints nothing either: the clock must not wait for a line.
        clock = threading.Timer(self._spec.seconds, self._time_is_up, [process])
        clock.daemon = True
        clock.start()
        try:
            assert process.stdout is not None
            for line in process.stdout:
                said = [*said[-_LAST_LINES:], line.rstrip()]
                self._on_line(line.rstrip())
            status = _shell_status(process.wait())
            # torchrun has a status of its own for workers that were asked to stop.
            return TERMINATED if self._over and status else status, said
        finally:
            clock.cancel()
            _end(process)

    def _time_is_up(self, process: subprocess.Popen[str]) -> None:
        self._over = True
        _end(process)

    def _started(self) -> subprocess.Popen[str]:
        prefix = shlex.quote(str(self._prefix))
        return subprocess.Popen(
            [
                *(sys.executable, "-c", _DIE_WITH_PARENT),
                *(word.replace(CONTAINER_PREFIX, prefix) for word in self._spec.entrypoint),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env=self._environment(),
            cwd=self._prefix,
            # Ctrl-C is for this process, which then asks the job to save and stop.
            start_new_session=True,
        )

    def _environment(self) -> dict[str, str]:
        return {
            **os.environ,
            # `python3` of the entrypoint is the interpreter that runs this.
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
            "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS") or str(available_cores()),
            "HF_HUB_OFFLINE": "1",
            "PYTHONUNBUFFERED": "1",
            "TRAINING_JOB_NAME": self._spec.name,
            "NIGHTSCRIBE_ML_PREFIX": str(self._prefix),
            "NIGHTSCRIBE_INSTALL": "no",
            **self._spec.environment,
        }


def _shell_status(status: int) -> int:
    """A process that a signal ended has the status that a shell would give it."""
    return 128 - status if status < 0 else status


def _end(process: subprocess.Popen[str]) -> None:
    """Ask the process to save and stop; kill its group where it does not."""
    if process.poll() is None:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(GRACE_SECONDS)
    if process.poll() is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _failed(prefix: Path, status: int, said: list[str]) -> JobOutcome:
    failure = prefix / "output/failure"
    if failure.is_file():
        reason = failure.read_text("utf-8", "replace").strip()
    else:
        lines = [line for line in said if line.strip()]
        reason = f"the training script ended with status {status}: " + " | ".join(lines[-3:])
    return JobOutcome(status="Failed", failure_reason=reason[:MAX_REASON])
