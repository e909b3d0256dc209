"""Does the bundle work in the real Hugging Face toolkit, on its model server?

`make toolkit`. For each version of transformers an environment below `.cache/toolkit` (a gigabyte
each, and Java 17, which is why `make test` does not do this), a bundle of the demo model with the
wheels that `nightscribe wheels` downloads, and the toolkit's server on loopback, started with what
the documents of create_model and create_transform_job say. Prints what was asked and what came
back; exit code 1 when anything is not as it should be.
"""

from __future__ import annotations

import argparse
import io
import json
import logging
import os
import platform
import shutil
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import numpy as np
import psutil
import soundfile
from moto.server import ThreadedMotoServer

from batch.bundles import prepare_bundle
from batch.capacity.limits import RESPONSE_BYTES, TransformLimits
from batch.platforms.worker import Worker
from batch.requests import TransformMachines, model_request, transform_request
from batch.wheels import download
from benchmarks.toolkit.environment import VENDORED, environment, versions
from benchmarks.toolkit.server import Answer, Server, serving
from manifests.local_store import uri_of_path
from manifests.pointers import Pointer, write_pointers
from manifests.storage import open_store
from manifests.tarball import unpack_object

ROOT = Path(__file__).parents[2]
VERSIONS = ("5.5.3", "5.23.0")  # the inference image's, and the lock's
JSON_LINES = "application/jsonlines"
SHOWN = ("transformers", "torch", "numpy", "multi-model-server", "sagemaker_inference")
SHOWN += ("sagemaker-huggingface-inference-toolkit", "soundfile", "soxr", VENDORED)
# Of the environment that the container must have, what raises the server's own limits.
LIMITS = ("MMS_MAX_REQUEST_SIZE", "MMS_MAX_RESPONSE_SIZE")


@dataclass(frozen=True, kw_only=True)
class Place:
    """Recordings in a folder and in a bucket, the bundle, and the container's environment."""

    folder: Path
    bundle: str
    here: str
    """Prefixes that the handler may read: of the folder and of the bucket."""
    there: str
    environment: dict[str, str]
    text: list[str]
    """The words of ``a.wav`` as the local platform's worker writes them."""

    @property
    def sound(self) -> bytes:
        return (self.folder / "recordings/a.wav").read_bytes()


@dataclass(kw_only=True)
class Table:
    """What was asked and what came back; ``wrong`` once something was not as it should be."""

    wrong: bool = False

    def add(self, asked: str, good: bool, answer: Answer | str) -> None:  # noqa: FBT001
        self.wrong |= not good
        told = answer if isinstance(answer, str) else told_of(answer)
        print(f"  {'ok   ' if good else 'WRONG'}  {asked:<44} {told}", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=ROOT / ".cache/toolkit")
    parser.add_argument("--version", action="append", help=f"of transformers; {VERSIONS}")
    given = parser.parse_args()
    if shutil.which("java") is None:
        raise SystemExit("the model server needs Java: apt-get install openjdk-17-jre-headless")
    table = Table()
    with tempfile.TemporaryDirectory(prefix="toolkit-") as scratch, storage() as bucket:
        place = prepared(Path(scratch), bucket, given.folder / "wheels")
        for version in given.version or VERSIONS:
            python = environment(given.folder, version)
            print(f"transformers {version}")
            served(python, place, Path(scratch) / version, table)
            without_limits(python, place, Path(scratch) / f"{version} bare", table)
    return int(table.wrong)


@contextmanager
def storage() -> Iterator[str]:
    """A bucket at moto; this process and the server's reach it by these variables."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    os.environ |= {
        "AWS_ENDPOINT_URL": "http://{}:{}".format(*server.get_host_and_port()),
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "us-east-1",
        "NO_PROXY": "127.0.0.1",
    }
    boto3.client("s3").create_bucket(Bucket="toolkit")
    try:
        yield "s3://toolkit/recordings/"
    finally:
        server.stop()


def prepared(folder: Path, bucket: str, wheels: Path) -> Place:
    here = folder / "recordings"
    here.mkdir()
    heard = [soundfile.read(path) for path in sorted((ROOT / "demo/finetune/sound").iterdir())[:3]]
    soundfile.write(here / "a.wav", np.concatenate([sound for sound, _ in heard]), heard[0][1])
    (here / "bad.wav").write_text("minutes of the meeting " * 50)
    boto3.client("s3").upload_file(str(here / "a.wav"), "toolkit", "recordings/a.wav")
    download(wheels, "inference", python=platform.python_version().rpartition(".")[0])
    out = open_store(folder / "out")
    bundle = prepare_bundle(str(ROOT / "models/demo"), out, wheels=str(wheels))
    unpack_object(bundle.uri, folder / "model")
    allowed = uri_of_path(here) + "/"
    variables = container_environment(bundle.uri, [allowed, bucket])
    worker = Worker(folder / "model", variables)
    try:
        said = worker.invoke(
            (here / "a.wav").read_bytes(),
            content_type="audio/wav",
            accept=JSON_LINES,
            timeout=120,
        )
    finally:
        worker.stop()
    return Place(
        folder=folder,
        bundle=bundle.uri,
        here=allowed,
        there=bucket,
        environment=variables,
        text=words(json.loads(said)),
    )


def container_environment(bundle_uri: str, allowed: list[str]) -> dict[str, str]:
    """What a container of a transform job finds: of the model, of the job, of SageMaker's agent."""
    machines = TransformMachines(workers=1, threads=1)
    model = model_request(name="toolkit", bundle_uri=bundle_uri, machines=machines)
    job = transform_request(
        name="toolkit",
        model_name=model["ModelName"],
        manifest_uri="s3://toolkit/manifest.json",
        output_uri="s3://toolkit/out",
        allowed_prefixes=allowed,
        limits=TransformLimits(concurrency=1),
        machines=machines,
    )
    return {
        **model["PrimaryContainer"]["Environment"],
        **job["Environment"],
        "SAGEMAKER_BATCH": "true",
        "SAGEMAKER_MAX_PAYLOAD_IN_MB": str(job["MaxPayloadInMB"]),
        "SAGEMAKER_BATCH_STRATEGY": job["BatchStrategy"],
        "SAGEMAKER_MAX_CONCURRENT_TRANSFORMS": str(job["MaxConcurrentTransforms"]),
        **{name: value for name, value in os.environ.items() if name.startswith("AWS_")},
        # There is no index to fetch from, as in an account without internet.
        "PIP_INDEX_URL": "http://127.0.0.1:9/",
        "PIP_CONFIG_FILE": os.devnull,
    }


def served(python: Path, place: Place, base: Path, table: Table) -> None:
    """Everything with the environment as the documents have it."""
    unpack_object(place.bundle, base / "model")
    with serving(python, base, place.environment) as server:
        ping = server.first_ping()
        table.add("GET /ping as soon as it answers", ping.status == 200, ping)
        answer = server.ask(place.sound, Content_Type="audio/wav", Accept=JSON_LINES)
        table.add("first recording, model not loaded yet", heard(answer, place), answer)
        print(f"         {versions(python, SHOWN)}")
        answer = server.ask(path="/execution-parameters")
        table.add("GET /execution-parameters", answer.status == 404, answer)
        pointers(server, place, table)
        bodies(server, place, table)
        errors(server, table)
        sizes(server, table)
        dying(server, place, table)
        left = server.stop()
        table.add("SIGTERM: what is left running", not left, ", ".join(left) or "nothing")
        table.add("its exit status", server.process.poll() == 0, str(server.process.poll()))


def pointers(server: Server, place: Place, table: Table) -> None:
    answer = server.ask(
        shard(
            {"here": f"{place.here}a.wav", "bad": f"{place.here}bad.wav"}
            | {"gone": f"{place.here}gone.wav", "elsewhere": "file:///etc/passwd"}
            | {"s3": f"{place.there}a.wav", "other bucket": "s3://other/recordings/a.wav"}
        ),
        Content_Type=JSON_LINES,
        Accept=JSON_LINES,
    )
    expected = {
        "here": None,
        "bad": "unsupported_format",
        "gone": "not_found",
        "elsewhere": "forbidden",
        "s3": None,
        "other bucket": "forbidden",
    }
    kinds = {one["id"]: (one["error"] or {}).get("kind") for one in records(answer)}
    table.add("shard: file, bad, gone, elsewhere, s3, other", kinds == expected, answer)
    for one in records(answer):
        if one["status"] == "ok":
            table.add(f"text of pointer {one['id']!r}", words(one) == place.text, "as here")


def bodies(server: Server, place: Place, table: Table) -> None:
    samples, rate = soundfile.read(io.BytesIO(place.sound), dtype="float32")
    flac = io.BytesIO()
    soundfile.write(flac, samples, rate, format="FLAC")
    array = json.dumps({"speech_array": samples.tolist(), "sampling_rate": rate}).encode()
    asked: dict[str, tuple[bytes, dict[str, str]]] = {
        "audio/flac": (flac.getvalue(), {"Content_Type": "audio/flac", "Accept": JSON_LINES}),
        "octet-stream, no Accept": (place.sound, {"Content_Type": "application/octet-stream"}),
        "audio/x-wav, Accept */*": (place.sound, {"Content_Type": "audio/x-wav", "Accept": "*/*"}),
        "speech_array": (array, {"Content_Type": "application/json", "Accept": JSON_LINES}),
    }
    for name, (body, headers) in asked.items():
        answer = server.ask(body, **headers)
        table.add(name, heard(answer, place), answer)
    answer = server.ask(b"not sound at all", Content_Type="audio/wav", Accept=JSON_LINES)
    good = [one["error"]["kind"] for one in records(answer)] == ["unsupported_format"]
    table.add("audio/wav that is no sound", good, answer)


def errors(server: Server, table: Table) -> None:
    for name, body, kind in (
        ("text/plain", b"hello", "text/plain"),
        ("pickled numpy", b"\x93NUMPY", "application/x-npy"),
        ("broken JSON", b'{"speech_array": [', "application/json"),
        ("half a pointer", b'{"id": "x"', JSON_LINES),
    ):
        answer = server.ask(body, Content_Type=kind, Accept=JSON_LINES)
        table.add(name, answer.status == 400, answer)


def sizes(server: Server, table: Table) -> None:
    answer = server.ask(b"\0" * (RESPONSE_BYTES + 1), Content_Type="audio/wav")
    table.add("body over MMS_MAX_REQUEST_SIZE", answer.status == 413, answer)
    answer = server.ask(long_sound(), Content_Type="audio/wav")
    good = answer.status == 200 and len(records(answer)) == 1
    table.add("audio body of 20 MB", good, answer)
    answer = server.ask(big_shard(), Content_Type=JSON_LINES, Accept=JSON_LINES)
    good = answer.status == 200 and len(records(answer)) == 20_000
    table.add("shard whose answer is over 6.5 MB", good, answer)


def dying(server: Server, place: Place, table: Table) -> None:
    """The worker is stopped, so that it surely has the request when it is killed."""
    (worker,) = server.workers()
    children = worker.children(recursive=True)
    worker.suspend()
    answers: list[Answer] = []

    def ask() -> None:
        answers.append(server.ask(place.sound, Content_Type="audio/wav", Accept=JSON_LINES))

    asking = threading.Thread(target=ask)
    asking.start()
    asking.join(2.0)
    worker.kill()
    asking.join(120)
    table.add("the worker is killed at work", answers[0].status == 500, answers[0])
    alive = psutil.wait_procs(children, 10)[1]
    table.add("its decoding child", not alive, f"{len(children)} before, {len(alive)} left")
    answer = server.ask(place.sound, Content_Type="audio/wav", Accept=JSON_LINES)
    table.add("the next recording", heard(answer, place), answer)


def without_limits(python: Path, place: Place, base: Path, table: Table) -> None:
    """The same where the document would not raise the server's own limits: it breaks."""
    unpack_object(place.bundle, base / "model")
    bare = {name: value for name, value in place.environment.items() if name not in LIMITS}
    with serving(python, base, {**bare, "SAGEMAKER_MAX_PAYLOAD_IN_MB": "100"}) as server:
        server.first_ping()
        answer = server.ask(place.sound, Content_Type="audio/wav", Accept=JSON_LINES)
        print(f"  without {' and '.join(LIMITS)}:")
        table.add("a recording", heard(answer, place), answer)
        answer = server.ask(big_shard(), Content_Type=JSON_LINES, Accept=JSON_LINES)
        table.add("shard whose answer is over 6.5 MB: breaks", answer.status != 200, answer)


def shard(uris: dict[str, str]) -> bytes:
    return write_pointers([Pointer(id=name, uri=uri) for name, uri in uris.items()])


def big_shard() -> bytes:
    """20,000 pointers whose records are some 10 MB, and cost nothing to make."""
    return shard({f"{number:020}": f"s3://x/{number}" for number in range(20_000)})


def long_sound() -> bytes:
    """Eleven minutes of silence, 20 MB."""
    samples = np.zeros(10_400_000, np.float32)
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, 16_000, format="WAV", subtype="PCM_16")
    return buffer.getvalue()


def records(answer: Answer) -> list[dict[str, Any]]:
    """The answer's records; none where it is something else."""
    if answer.status != 200 or not answer.body.startswith(b'{"id"'):
        return []
    return [json.loads(line) for line in answer.body.splitlines()]


def heard(answer: Answer, place: Place) -> bool:
    """Whether there is one record with the words of ``a.wav``."""
    return [words(one) for one in records(answer)] == [place.text] and bool(place.text)


def words(record: dict[str, Any]) -> list[str]:
    return [word["text"] for part in record["segments"] for word in part["words"]]


def told_of(answer: Answer) -> str:
    if len(answer.body) > 100_000:
        body = f"{len(answer.body) / 1e6:.1f} MB"
    elif found := records(answer):
        kinds = [(one["error"] or {}).get("kind") or one["status"] for one in found]
        body = ", ".join(kinds)
    else:
        body = " ".join(answer.body.decode("utf-8", "replace").split())[:90]
    return f"{answer.status or 'no answer':>3}  {answer.seconds:5.1f} s  {body}"


if __name__ == "__main__":
    sys.exit(main())
