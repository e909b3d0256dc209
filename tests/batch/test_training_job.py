"""The local platform's training job: SageMaker's tree and entrypoint, with a short script."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import tarfile
import time
from io import BytesIO
from pathlib import Path

import pytest

from batch.fine_tuning.request import Channel, Machines, training_request
from batch.platforms.base import Document, JobOutcome
from batch.platforms.local import LocalPlatform
from batch.platforms.training_job import TrainingSpec
from manifests.errors import InputError
from manifests.manifest_file import write_manifest
from manifests.storage import Store, open_store
from manifests.tarball import pack

START = Path(__file__).parents[2] / "training" / "start.py"
SCRIPT = """
import json, os, signal, sys, time
from pathlib import Path
settings = json.loads(os.environ["SM_HPS"])
checkpoints = Path(os.environ["NIGHTSCRIBE_CHECKPOINT_DIR"])
print("loss=3.1e-05 nan", flush=True)
if settings.get("fail"):
    Path(os.environ["SM_OUTPUT_DIR"], "failure").write_text("the data is odd")
    sys.exit(1)
if settings.get("crash"):
    raise RuntimeError("boom")
if settings.get("wait"):
    def stop(*_):
        (checkpoints / "saved").write_text("5")
        sys.exit(143)
    signal.signal(signal.SIGTERM, stop)
    print("ready", flush=True)
    time.sleep(600)
model, data = Path(os.environ["SM_MODEL_DIR"]), Path(os.environ["SM_OUTPUT_DATA_DIR"])
def seen(name):
    folder = Path(os.environ["SM_CHANNEL_" + name])
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())
(data / "examples.jsonl").write_text("{}")
(model / "seen.json").write_text(json.dumps({
    "settings": settings,
    "train": seen("TRAIN"),
    "sound": seen("TRAIN_SOUND"),
    "read": (Path(os.environ["SM_CHANNEL_TRAIN"]) / "../train_sound/b c.opus").read_text(),
    "config": sorted(p.name for p in (model.parent / "input/config").iterdir()),
    "resumed": sorted(p.name for p in checkpoints.iterdir()),
    "hosts": [os.environ["SM_CURRENT_HOST"], *json.loads(os.environ["SM_HOSTS"])],
    "cwd": os.getcwd(),
}))
(checkpoints / "checkpoint-1").write_text("state")
"""


@pytest.fixture(params=["folder", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param == "folder":
        return open_store(tmp_path / "store")
    return open_store(f"s3://{request.getfixturevalue('s3_bucket')}/store/")


def document(store: Store, **settings: str | float | bool) -> Document:
    script = {"training/__init__.py": b"", "training/start.py": START.read_bytes()}
    tarball = Path(os.environ["PYTEST_SCRATCH"]) / "source.tar.gz"
    pack(tarball, {**script, "training/train.py": SCRIPT.encode()})
    store.put("code/source.tar.gz", tarball)
    store.put("train/manifest.jsonl", b"{}")
    store.put("sound/a.opus", b"x")
    store.put("sound/b c.opus", b"y")
    store.put("sound/other.opus", b"not listed")
    store.put("sound.json", write_manifest(store.uri_of("sound/"), ["a.opus", "b c.opus"]))
    return training_request(
        name="job",
        channels=[
            Channel(name="train", uri=store.uri_of("train/")),
            Channel(name="train_sound", uri=store.uri_of("sound.json"), kind="ManifestFile"),
            Channel(name="code", uri=store.uri_of("code/")),
        ],
        output_uri=store.uri_of("jobs"),
        checkpoint_uri=store.uri_of("checkpoints/job/"),
        hyperparameters=settings,
        machines=Machines(),
    )


@pytest.fixture(autouse=True)
def _scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_SCRATCH", str(tmp_path))


def carried_out(job: Document) -> tuple[JobOutcome, list[str]]:
    lines: list[str] = []
    return LocalPlatform().train(job, on_line=lines.append), lines


def seen(store: Store, artefact: str, name: str) -> bytes:
    with tarfile.open(fileobj=BytesIO(store.read(f"jobs/job/output/{artefact}.tar.gz"))) as tar:
        member = tar.extractfile(name)
        assert member is not None
        return member.read()


def test_the_script_finds_the_containers_tree_and_its_model_comes_back(store: Store) -> None:
    outcome, lines = carried_out(document(store, steps=3, learning_rate=1e-4, name="a"))
    uri = store.uri_of("jobs/job/output/model.tar.gz")
    assert outcome == JobOutcome(status="Completed", artifact_uri=uri)
    assert lines == ["loss=3.1e-05 nan"]
    found = json.loads(seen(store, "model", "seen.json"))
    assert found["settings"] == {"steps": 3, "learning_rate": 1e-4, "name": "a"}
    assert found["train"] == ["manifest.jsonl"]
    assert found["sound"] == ["a.opus", "b c.opus"]
    assert found["read"] == "y"
    assert found["config"] == [
        "hyperparameters.json",
        "inputdataconfig.json",
        "resourceconfig.json",
    ]
    assert found["hosts"] == ["algo-1", "algo-1"]
    assert found["cwd"].endswith("/code")
    assert seen(store, "output", "examples.jsonl") == b"{}"


def test_checkpoints_are_kept_apart_from_the_model_and_found_by_the_next_attempt(
    store: Store,
) -> None:
    carried_out(document(store))
    assert json.loads(seen(store, "model", "seen.json"))["resumed"] == []
    assert store.read("checkpoints/job/checkpoint-1") == b"state"
    carried_out(document(store))
    assert json.loads(seen(store, "model", "seen.json"))["resumed"] == ["checkpoint-1"]


def test_the_failure_file_is_the_failure_reason(store: Store) -> None:
    outcome, _ = carried_out(document(store, fail=True))
    assert outcome == JobOutcome(status="Failed", failure_reason="the data is odd")


def test_a_crash_is_told_with_the_scripts_last_line(store: Store) -> None:
    outcome, _ = carried_out(document(store, crash=True))
    assert outcome.status == "Failed"
    assert "RuntimeError: boom" in outcome.failure_reason
    assert store.stat("jobs/job/output/model.tar.gz") is None


def test_a_job_over_its_time_is_asked_to_save_and_is_stopped(store: Store) -> None:
    job = document(store, wait=True)
    outcome, lines = carried_out({**job, "StoppingCondition": {"MaxRuntimeInSeconds": 2}})
    assert lines[-1] == "ready"
    assert outcome.status == "Stopped"
    assert store.read("checkpoints/job/saved") == b"5"


def test_a_full_disk_is_a_reason_and_no_stack_trace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(target: Path, *_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(target))

    job = document(open_store(tmp_path / "store"))
    monkeypatch.setattr("batch.platforms.training_job.pack", full)
    outcome, _ = carried_out(job)
    assert outcome.status == "Failed"
    assert "No space left on device; TMPDIR names" in outcome.failure_reason


# A driver in a process of its own, which can be killed.
DRIVER = """
import json, sys
from batch.platforms.local import LocalPlatform
LocalPlatform().train(json.loads(sys.stdin.read()), on_line=lambda line: print(line, flush=True))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's end")
def test_a_killed_driver_takes_its_job_with_it_and_the_job_saves(tmp_path: Path) -> None:
    store = open_store(tmp_path / "store")
    driver = subprocess.Popen(
        [sys.executable, "-c", DRIVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert driver.stdin is not None
    assert driver.stdout is not None
    driver.stdin.write(json.dumps(document(store, wait=True)))
    driver.stdin.close()
    assert "ready\n" in iter(driver.stdout.readline, "")
    driver.send_signal(signal.SIGKILL)
    driver.wait()
    driver.stdout.close()
    deadline = time.monotonic() + 60
    while store.stat("checkpoints/job/saved") is None and time.monotonic() < deadline:
        time.sleep(0.01)  # waits for the job's end, not for a time
    assert store.stat("checkpoints/job/saved") is not None


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("AlgorithmSpecification", {"TrainingImage": "x"}, "ContainerEntrypoint is missing"),
        ("ResourceConfig", {"InstanceCount": 2}, "InstanceCount"),
    ],
)
def test_what_one_machine_does_not_have_is_refused(
    tmp_path: Path, key: str, value: object, message: str
) -> None:
    job = {**document(open_store(tmp_path / "store")), key: value}
    with pytest.raises(InputError, match=message):
        TrainingSpec.of(job)
