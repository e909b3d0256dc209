"""The local platform's training job, with a script of a few lines."""

from __future__ import annotations

import json
import tarfile
from io import BytesIO
from pathlib import Path

import pytest

from batch.platforms.base import JobOutcome
from batch.platforms.local import LocalPlatform
from batch.requests import training_request
from manifests.storage import Store, open_store
from manifests.tarball import pack

SCRIPT = """
import json, os, sys
from pathlib import Path
settings = json.loads(os.environ["SM_HPS"])
print("loss=3.1e-05 nan", flush=True)
if settings.get("fail"):
    Path(os.environ["SM_OUTPUT_DIR"], "failure").write_text("the data is odd")
    sys.exit(1)
if settings.get("crash"):
    raise RuntimeError("boom")
model = Path(os.environ["SM_MODEL_DIR"])
train = Path(os.environ["SM_CHANNEL_TRAIN"])
(model / "seen.json").write_text(json.dumps({
    "settings": settings,
    "train": sorted(p.relative_to(train).as_posix() for p in train.rglob("*") if p.is_file()),
    "config": sorted(p.name for p in (model.parent / "input/config").iterdir()),
}))
"""


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(tmp_path / "store")


def carried_out(store: Store, **settings: str | float | bool) -> tuple[JobOutcome, list[str]]:
    tarball = Path(store.uri[len("file://") :]) / "source.tar.gz"
    tarball.parent.mkdir(exist_ok=True)
    pack(tarball, {"train.py": SCRIPT.encode()})
    store.put("train/manifest.jsonl", b"{}")
    store.put("train/sound/a.opus", b"x")
    request = training_request(
        name="job",
        source_uri=store.uri_of("source.tar.gz"),
        channels={"train": store.uri_of("train/")},
        output_uri=store.uri_of("jobs"),
        hyperparameters=settings,
    )
    lines: list[str] = []
    return LocalPlatform().train(request, on_line=lines.append), lines


def test_the_script_finds_the_containers_tree_and_its_model_comes_back(store: Store) -> None:
    outcome, lines = carried_out(store, steps=3, learning_rate=1e-4)
    assert outcome == JobOutcome(status="Completed")
    assert lines == ["loss=3.1e-05 nan"]
    with tarfile.open(fileobj=BytesIO(store.read("jobs/job/output/model.tar.gz"))) as tar:
        member = tar.extractfile("seen.json")
        assert member is not None
        seen = json.loads(member.read())
    assert seen["settings"] == {"steps": 3, "learning_rate": 1e-4}
    assert seen["train"] == ["manifest.jsonl", "sound/a.opus"]
    assert seen["config"] == [
        "hyperparameters.json",
        "inputdataconfig.json",
        "resourceconfig.json",
    ]


def test_the_failure_file_is_the_failure_reason(store: Store) -> None:
    outcome, _ = carried_out(store, fail=True)
    assert outcome == JobOutcome(status="Failed", failure_reason="the data is odd")


def test_a_crash_is_told_with_the_scripts_last_line(store: Store) -> None:
    outcome, _ = carried_out(store, crash=True)
    assert outcome.status == "Failed"
    assert "RuntimeError: boom" in outcome.failure_reason
    assert store.stat("jobs/job/output/model.tar.gz") is None
