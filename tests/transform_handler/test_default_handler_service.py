"""The bundle's own entry, called as the container calls it: sagemaker's handler service."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from batch.bundles import prepare_bundle
from manifests.local_store import uri_of_path
from manifests.pointers import Pointer, write_pointers
from manifests.storage import open_store
from manifests.tarball import unpack_object
from tests.conftest import speechlike, write_sound
from transform_handler.allowed import VARIABLE
from transform_handler.records import ErrorKind, Status, TranscriptRecord

SERVICE = Path(__file__).with_name("handler_service.py")
JSON_LINES = "application/jsonlines"
SOUND = speechlike(3.0, seed=4)


@dataclass(frozen=True, kw_only=True)
class Answer:
    status: int
    kind: str
    text: str

    @property
    def records(self) -> list[TranscriptRecord]:
        return [TranscriptRecord.from_line(line) for line in self.text.splitlines()]


@pytest.fixture(scope="module")
def model_dir(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle as it lies in storage, unpacked as SageMaker unpacks it."""
    folder = tmp_path_factory.mktemp("opt ml")
    bundle = prepare_bundle(str(tiny_model), open_store(folder / "store"))
    unpack_object(bundle.uri, folder / "model")
    return folder / "model"


def carried_out(model_dir: Path, *arguments: str, stdin: str = "", allowed: str = "") -> Any:
    environment = {
        **os.environ,
        # As the toolkit sets it for its workers; the checkout comes after it.
        "PYTHONPATH": str(model_dir / "code"),
        "SAGEMAKER_PROGRAM": "inference.py",
        VARIABLE: allowed,
    }
    done = subprocess.run(
        [sys.executable, str(SERVICE), str(model_dir), *arguments],
        input=stdin, capture_output=True, text=True, cwd=model_dir, env=environment, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def meetings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("meetings")
    write_sound(folder / "a.wav", SOUND)
    (folder / "bad.wav").write_text("minutes of the meeting " * 50)
    return folder


@pytest.fixture(scope="module")
def service(model_dir: Path, meetings: Path) -> dict[str, Any]:
    """All requests in one go: a process with torch in it takes seconds to start."""
    pointers = [
        Pointer(id=name, uri=uri_of_path(meetings / name)) for name in ("bad.wav", "a.wav", "gone")
    ]
    pointers.append(Pointer(id="elsewhere", uri="s3://elsewhere/x.wav"))
    sound = (meetings / "a.wav").read_bytes()
    array = json.dumps({"speech_array": SOUND.tolist(), "sampling_rate": 16_000})
    asked: dict[str, tuple[bytes, dict[str, str]]] = {
        "pointers": (write_pointers(pointers), {"Content-Type": JSON_LINES, "Accept": JSON_LINES}),
        "wav": (sound, {"Content-Type": "audio/wav", "Accept": JSON_LINES}),
        "lower case": (sound, {"content-type": "audio/x-wav", "accept": JSON_LINES}),
        "octets": (sound, {"Content-Type": "application/octet-stream"}),
        "any": (sound, {"Content-Type": "audio/wav", "Accept": "*/*"}),
        "empty accept": (sound, {"Content-Type": "audio/wav", "Accept": ""}),
        "array": (array.encode(), {"Content-Type": "application/json"}),
        "bad sound": (b"not sound at all", {"Content-Type": "audio/wav"}),
        "empty": (b"", {"Content-Type": JSON_LINES}),
        "text": (b"hello", {"Content-Type": "text/plain"}),
        "pickle": (b"\x93NUMPY", {"Content-Type": "application/x-npy"}),
        "broken": (b'{"speech_array": [', {"Content-Type": "application/json"}),
        "half a line": (b'{"id": "x"', {"Content-Type": JSON_LINES}),
    }
    requests = [
        {"headers": headers, "body": base64.b64encode(body).decode()}
        for body, headers in asked.values()
    ]
    said = carried_out(model_dir, stdin=json.dumps(requests), allowed=uri_of_path(meetings) + "/")
    answers = [Answer(**one) for one in said.pop("answers")]
    return {**said, **dict(zip(asked, answers, strict=True))}


def test_what_is_called_is_the_bundles_code(service: dict[str, Any], model_dir: Path) -> None:
    code = model_dir / "code"
    assert {Path(path).is_relative_to(code) for path in service["modules"].values()} == {True}
    assert service["batch"] is False


def test_pointers_give_a_record_each_whatever_is_wrong_with_them(service: dict[str, Any]) -> None:
    answer = service["pointers"]
    assert (answer.status, answer.kind) == (200, JSON_LINES)
    assert [(one.id, one.error and one.error.kind) for one in answer.records] == [
        ("bad.wav", ErrorKind.UNSUPPORTED_FORMAT),
        ("a.wav", None),
        ("gone", ErrorKind.NOT_FOUND),
        ("elsewhere", ErrorKind.FORBIDDEN),
    ]


@pytest.mark.parametrize("name", ["wav", "lower case", "octets", "any", "empty accept", "array"])
def test_a_recording_in_the_body_gives_the_pointers_text(
    service: dict[str, Any], name: str
) -> None:
    answer = service[name]
    (record,) = answer.records
    assert (answer.status, record.status, record.uri) == (200, Status.OK, "body:")
    pointed = service["pointers"].records[1]
    texts = [[word.text for word in one.words] for one in (record, pointed)]
    assert texts[0] == texts[1] != []


def test_bad_sound_in_the_body_is_a_record(service: dict[str, Any]) -> None:
    answer = service["bad sound"]
    assert answer.status == 200
    assert answer.records[0].error.kind == ErrorKind.UNSUPPORTED_FORMAT


def test_no_pointers_are_no_records(service: dict[str, Any]) -> None:
    assert (service["empty"].status, service["empty"].text) == (200, "")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("text", "content type 'text/plain' is not taken"),
        ("pickle", "content type 'application/x-npy' is not taken"),
        ("broken", 'a JSON body is {"speech_array"'),
        ("half a line", "request body, line 1"),
    ],
)
def test_a_request_that_is_wrong_fails_with_the_reason(
    service: dict[str, Any], name: str, said: str
) -> None:
    answer = service[name]
    assert answer.status == 500  # the Hugging Face toolkit makes 400 of it
    assert said in answer.text.splitlines()[0]


def test_a_worker_loads_the_model_on_the_gpu_that_the_server_gave_it(model_dir: Path) -> None:
    assert carried_out(model_dir, "--device", "3") == "cuda:3"
