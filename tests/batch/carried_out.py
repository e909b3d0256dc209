"""Jobs carried out as SageMaker would: by the local platform, or a processing job's own command.

    python -m tests.batch.carried_out < {"kind": …, "job": …, "model": …}

prints what the containers print, then the outcome; SIGTERM ends it with whatever it started.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from batch.platforms.base import Document, JobOutcome
from batch.platforms.local import LocalPlatform
from batch.requests import LOCAL_ROLE
from manifests.errors import NightscribeError
from manifests.local_store import fetch
from manifests.manifest_file import read_manifest
from manifests.pointers import Pointer, read_pointers
from manifests.storage import open_store, parent_store
from manifests.tarball import unpack_object
from transform_handler.identity import BundleCard
from transform_handler.records import Segment, Status, TranscriptRecord, Word

CHECKOUT = Path(__file__).parents[2]
CONTAINER_PREFIX = "/opt/ml"
_OUTCOME = "outcome: "


@dataclass(kw_only=True)
class Carried:
    """What a job has printed so far, and its process where it has one."""

    lines: list[str] = field(default_factory=list)
    exit_message: str = ""
    stopped: bool = False
    process: subprocess.Popen[str] | None = None

    def stop(self) -> None:
        """End the process, now or as soon as it is there."""
        self.stopped = True
        if self.process is not None:
            self.process.terminate()

    def run(self, command: list[str], *, stdin: str = "", **options: Any) -> int:
        """Run a command to its end, line by line; its exit status."""
        with subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            **options,
        ) as self.process:
            if self.stopped:
                self.process.terminate()
            assert self.process.stdin is not None
            assert self.process.stdout is not None
            try:
                self.process.stdin.write(stdin)
                self.process.stdin.close()
            except BrokenPipeError:
                pass  # it was stopped before it read
            self.lines.extend(line.rstrip() for line in self.process.stdout)
        return self.process.returncode


Transform = Callable[[Document, Document, Carried], JobOutcome]
"""Carries a transform job out, in this process: the job, its model, and where its lines go."""


def carried_out(kind: str, job: Document, model: Document | None, carried: Carried) -> JobOutcome:
    """Carry a job of any kind out, in a process that can be stopped."""
    outcome = (
        _processing(job, carried) if kind == "processing" else _apart(kind, job, model, carried)
    )
    return JobOutcome(status="Stopped") if carried.stopped else outcome


def real_container(job: Document, model: Document, carried: Carried) -> JobOutcome:
    """The bundle on the local platform."""
    assert model["ExecutionRoleArn"] != LOCAL_ROLE
    carried.lines.append("container said hello")
    return LocalPlatform().transform(model, job, on_output=lambda *_: None)


def stand_in(job: Document, model: Document, carried: Carried) -> JobOutcome:
    """Every recording is two seconds long and says its own id; nothing is loaded or heard."""
    try:
        card = _card_of(model["PrimaryContainer"]["ModelDataUrl"])
    except NightscribeError as error:
        return JobOutcome(status="Failed", failure_reason=f"ClientError: {error}")
    carried.lines.append("container said hello")
    source, key = parent_store(job["TransformInput"]["DataSource"]["S3DataSource"]["S3Uri"])
    place, names = read_manifest(source.read(key), name=key)
    output = open_store(job["TransformOutput"]["S3OutputPath"])
    for name in names:
        pointers = read_pointers(open_store(place).read(name).decode(), name=name)
        lines = [_said(pointer, card).to_line() + "\n" for pointer in pointers]
        output.put(f"{name}.out", "".join(lines).encode())
    return JobOutcome(status="Completed")


def _said(pointer: Pointer, card: BundleCard) -> TranscriptRecord:
    word = Word(text=pointer.id, start=0.0, end=1.0, confidence=1.0)
    segment = Segment(
        start=0.0, end=1.0, channel=None, text=pointer.id, confidence=1.0, words=(word,)
    )
    return TranscriptRecord(
        id=pointer.id,
        uri=pointer.uri,
        status=Status.OK,
        offset=pointer.offset,
        duration=2.0,
        channels=1,
        segments=(segment,),
        model={"name": card.name, "digest": card.model_digest},
        decode={"digest": card.decode_digest},
    )


def _card_of(bundle: str) -> BundleCard:
    with tempfile.TemporaryDirectory() as scratch:
        unpack_object(bundle, Path(scratch) / "model")
        return BundleCard.read(Path(scratch) / "model")


def _apart(kind: str, job: Document, model: Document | None, carried: Carried) -> JobOutcome:
    request = json.dumps({"kind": kind, "job": job, "model": model})
    command = [sys.executable, "-m", "tests.batch.carried_out"]
    carried.run(command, stdin=request, cwd=CHECKOUT)
    if carried.lines and carried.lines[-1].startswith(_OUTCOME):
        return JobOutcome(**json.loads(carried.lines.pop().removeprefix(_OUTCOME)))
    return JobOutcome(status="Failed", failure_reason="InternalServerError: the job died")


def _processing(job: Document, carried: Carried) -> JobOutcome:
    """The container's tree below a folder, and the entrypoint as a process in it."""
    with tempfile.TemporaryDirectory(prefix="nightscribe-processing-") as scratch:
        place = _Tree(Path(scratch))
        for one in job.get("ProcessingInputs", ()):
            place.fill(one["S3Input"])
        (place.root / "output").mkdir(exist_ok=True)
        container = job["AppSpecification"]
        words = [*container["ContainerEntrypoint"], *container.get("ContainerArguments", ())]
        environment = {name: place.here(value) for name, value in job["Environment"].items()}
        status = carried.run(
            [place.here(word) for word in words],
            cwd=scratch,
            env={
                **os.environ,
                "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
                "NIGHTSCRIBE_ML_PREFIX": scratch,
                **environment,
            },
        )
        message = place.root / "output/message"
        carried.exit_message = message.read_text() if message.is_file() else ""
        for one in job.get("ProcessingOutputConfig", {}).get("Outputs", ()):
            place.deliver(one["S3Output"])
    if status == 0:
        return JobOutcome(status="Completed")
    return JobOutcome(status="Failed", failure_reason=f"AlgorithmError: , exit code: {status}")


@dataclass(frozen=True)
class _Tree:
    """``/opt/ml`` below a folder."""

    root: Path

    def here(self, text: str) -> str:
        """Container paths in a word or a variable, as paths below the folder."""
        return text.replace(CONTAINER_PREFIX, str(self.root))

    def fill(self, source: Mapping[str, Any]) -> None:
        """An object, or everything below a prefix."""
        folder = Path(self.here(source["LocalPath"]))
        folder.mkdir(parents=True, exist_ok=True)
        if not source["S3Uri"].endswith("/"):
            store, key = parent_store(source["S3Uri"])
            if store.stat(key) is not None:
                fetch(store, [key], folder)
                return
        store = open_store(source["S3Uri"])
        fetch(store, [entry.key for entry in store.list()], folder)

    def deliver(self, target: Mapping[str, Any]) -> None:
        """What lies in an output's folder at the job's end."""
        folder, store = Path(self.here(target["LocalPath"])), open_store(target["S3Uri"])
        for path in folder.rglob("*"):
            if path.is_file():
                store.put(path.relative_to(folder).as_posix(), path)


def _main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    request = json.load(sys.stdin)
    platform = LocalPlatform()
    if request["kind"] == "training":
        outcome = platform.train(request["job"], on_line=_say)
    else:
        outcome = platform.transform(request["model"], request["job"], on_output=lambda *_: None)
    _say(_OUTCOME + json.dumps(asdict(outcome)))


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    _main()
