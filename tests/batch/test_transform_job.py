"""The local platform's transform job, with a container whose code is a few lines."""

from __future__ import annotations

from pathlib import Path

import pytest

from batch.capacity.limits import TransformLimits
from batch.platforms.base import JobOutcome
from batch.platforms.local import LocalPlatform
from batch.platforms.worker import Worker
from batch.requests import model_request, transform_request
from manifests.errors import JobFailedError
from manifests.local_store import LocalStore
from manifests.manifest_file import write_manifest
from manifests.storage import Store, open_store
from manifests.tarball import pack

ECHO = """
import os, sys, time
from pathlib import Path

def model_fn(model_dir):
    return Path(model_dir).name

def input_fn(data, content_type):
    return bytes(data)

def predict_fn(data, model):
    text = data.decode()
    if text == "raise":
        raise ValueError("bad request: " + "x" * 5000)
    if text == "die":
        os._exit(9)
    if text == "hang":
        time.sleep(600)
    if text.startswith("once:"):
        mark = Path(text[5:])
        if not mark.exists():
            mark.touch()
            raise ValueError("first time")
    return text.upper() + "|" + os.environ["SAGEMAKER_BATCH"] + "|" + os.environ.get("X", "")

def output_fn(prediction, accept):
    return prediction
"""


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(tmp_path / "store")


def carried_out(
    store: Store,
    inputs: dict[str, str],
    *,
    code: str = ECHO,
    packages: dict[str, bytes] | None = None,
    manifest: bytes | None = None,
    payload: int = 6,
    seen: list[str] | None = None,
    timeout: int = 30,
    retries: int = 0,
    concurrency: int = 2,
) -> JobOutcome:
    tarball = Path(store.uri[len("file://") :]) / "model.tar.gz"
    tarball.parent.mkdir(exist_ok=True)
    pack(tarball, {"code/inference.py": code.encode(), **(packages or {})})
    for name, text in inputs.items():
        store.put(f"in/{name}", text.encode())
    listed = write_manifest(store.uri_of("in/"), list(inputs))
    store.put("manifest.json", listed if manifest is None else manifest)
    model = model_request(name="m", bundle_uri=store.uri_of("model.tar.gz"))
    job = transform_request(
        name="j",
        model_name=model["ModelName"],
        manifest_uri=store.uri_of("manifest.json"),
        output_uri=store.uri_of("out/"),
        allowed_prefixes=[],
        limits=TransformLimits(concurrency=concurrency, timeout_seconds=timeout, retries=retries),
    )
    job = {**job, "MaxPayloadInMB": payload, "Environment": {**job["Environment"], "X": "y"}}
    names = seen if seen is not None else []
    return LocalPlatform().transform(model, job, on_output=lambda name, _: names.append(name))


def outputs(store: Store) -> dict[str, str]:
    return {e.key.removeprefix("out/"): store.read(e.key).decode() for e in store.list("out/")}


def test_each_input_becomes_one_output_made_by_the_bundles_code(store: Store) -> None:
    seen: list[str] = []
    outcome = carried_out(store, {"a.jsonl": "one", "b.jsonl": "two"}, seen=seen)
    assert outcome == JobOutcome(status="Completed")
    assert outputs(store) == {"a.jsonl.out": "ONE|true|y", "b.jsonl.out": "TWO|true|y"}
    assert sorted(seen) == ["a.jsonl", "b.jsonl"]


def test_the_next_input_is_read_while_the_first_is_being_worked_on(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mark = tmp_path / "second was read"
    read = LocalStore.read

    def watched(self: LocalStore, key: str) -> bytes:
        if key.endswith("b.jsonl"):
            mark.touch()
        return read(self, key)

    monkeypatch.setattr(LocalStore, "read", watched)
    # The first answer waits for the second input to have been read.
    waiting = ECHO.replace(
        'if text == "raise":',
        f'while text == "one" and not Path({str(mark)!r}).exists():\n        time.sleep(0.01)\n'
        '    if text == "raise":',
    )
    inputs = {"a.jsonl": "one", "b.jsonl": "two"}
    assert carried_out(store, inputs, code=waiting, concurrency=1).status == "Completed"
    assert len(outputs(store)) == 2


def test_a_failed_object_leaves_no_output_and_the_others_are_kept(store: Store) -> None:
    outcome = carried_out(store, {"a": "one", "b": "raise", "c": "three"})
    assert outcome.status == "Failed"
    assert "1 of 3 objects failed" in outcome.failure_reason
    assert "bad request" in outcome.failure_reason
    assert len(outcome.failure_reason) <= 1024
    assert set(outputs(store)) == {"a.out", "c.out"}


def test_a_worker_that_dies_is_replaced(store: Store) -> None:
    outcome = carried_out(store, {"a": "die", "b": "two"}, concurrency=1)
    assert "worker died" in outcome.failure_reason
    assert set(outputs(store)) == {"b.out"}


def test_an_invocation_that_takes_too_long_is_ended(store: Store) -> None:
    outcome = carried_out(store, {"a": "hang", "b": "two"}, timeout=1, concurrency=1)
    assert "no answer within 1 s" in outcome.failure_reason
    assert set(outputs(store)) == {"b.out"}


def test_a_failed_invocation_is_tried_again(store: Store, tmp_path: Path) -> None:
    outcome = carried_out(store, {"a": f"once:{tmp_path / 'mark'}"}, retries=1)
    assert outcome.status == "Completed"


def test_what_has_an_output_is_not_transformed_again(store: Store) -> None:
    store.put("out/a.out", b"kept")
    seen: list[str] = []
    assert carried_out(store, {"a": "one", "b": "two"}, seen=seen).status == "Completed"
    assert outputs(store)["a.out"] == "kept"
    assert seen == ["b"]


def test_a_payload_over_the_limit_is_refused(store: Store) -> None:
    outcome = carried_out(store, {"a": "x" * (1 << 20) + "y"}, payload=1)
    assert "over MaxPayloadInMB" in outcome.failure_reason


def test_a_model_that_cannot_be_loaded_fails_the_job_with_its_last_words(store: Store) -> None:
    code = "def model_fn(d):\n    raise RuntimeError('no head')\n"
    outcome = carried_out(store, {"a": "one"}, code=code)
    assert (outcome.status, outcome.model_loaded) == ("Failed", False)
    assert "no head" in outcome.failure_reason


def test_what_the_bundle_prints_does_no_harm(store: Store) -> None:
    code = ECHO.replace(
        "    text = data.decode()", "    text = data.decode()\n    print('x' * 300_000)"
    )
    code = "print('loading')\n" + code
    assert carried_out(store, {"a": "one"}, code=code).status == "Completed"


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"{}", "a JSON list is expected"), (b"[", "not JSON"), (b'[{"prefix": 1}]', "first entry")],
)
def test_a_broken_manifest_fails_the_job(store: Store, content: bytes, said: str) -> None:
    outcome = carried_out(store, {"a": "one"}, manifest=content)
    assert (outcome.status, outcome.model_loaded) == ("Failed", False)
    assert said in outcome.failure_reason


def test_a_worker_ends_when_its_driver_is_gone(tmp_path: Path) -> None:
    folder = tmp_path / "model" / "code"
    folder.mkdir(parents=True)
    (folder / "inference.py").write_text(ECHO)
    worker = Worker(folder.parent, {"SAGEMAKER_BATCH": "true"})
    worker.start()
    process = worker._process
    assert process is not None
    assert process.stdin is not None
    process.stdin.close()  # what the kernel does when the driver is killed
    assert process.wait(timeout=20) == 0
    worker.stop()


def test_a_bundle_is_unpacked_and_run_never_the_checkout(store: Store) -> None:
    code = ECHO.replace("text.upper()", "__import__('transform_handler').__file__")
    carried_out(store, {"a": "x"}, code=code, packages={"code/transform_handler/__init__.py": b""})
    where = outputs(store)["a.out"].partition("|")[0]
    assert where.endswith("model/code/transform_handler/__init__.py")
    assert "nscribe-model-" in where


def test_the_worker_says_what_the_model_server_said(tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code/inference.py").write_text("raise SystemExit('weights are missing')")
    with pytest.raises(JobFailedError, match="weights are missing"):
        Worker(tmp_path, {}).start()
