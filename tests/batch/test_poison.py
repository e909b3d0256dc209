"""A recording that takes the model server down is alone in the end, and costs no neighbour."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from batch.cli.listeners import LogListener
from batch.config import Config, load_config
from batch.datasets import read_rows
from batch.layout import TRANSCRIPTS
from batch.outputs import shard_names
from batch.plan import read_shard
from batch.run import Finished, Runner
from batch.transform_machines import transform_platform
from manifests.recordings import recording_id
from manifests.storage import open_store
from manifests.tarball import pack
from tests.batch.job_runner import ROLE, JobRunner, job_runner
from tests.conftest import speechlike, write_sound
from transform_handler.bundle import bundle_card, bundle_files
from transform_handler.identity import DecodeSettings

pytestmark = pytest.mark.usefixtures("warm_python")

NAMES = [f"day/{number:02d}.wav" for number in range(20)]
POISON = "day/07.wav"
VARYING = ["uri", "etag", "version", "run_id", "transcribed_at"]

# The handler without its model: it says the recording's id, and dies of one.
INFERENCE = """
import os
from pathlib import Path

from manifests.pointers import read_pointers
from transform_handler.identity import BundleCard
from transform_handler.records import Status, TranscriptRecord, Word
from transform_handler.decoding.segments import segments_of
from transform_handler.staged_body import BodyFacts

POISON = {poison!r}


def model_fn(model_dir):
    card = BundleCard.read(Path(model_dir))
    return {{"digest": card.model_digest}}, {{"digest": card.decode_digest}}


def input_fn(data, content_type):
    if content_type == "audio/flac":
        return [BodyFacts.of(bytes(data)).pointer("body:")]
    return list(read_pointers(bytes(data).decode(), name="shard"))


def predict_fn(pointers, stamp):
    if any(pointer.id == POISON for pointer in pointers):
        os._exit(9)
    model, decode = stamp
    return [
        TranscriptRecord(
            id=one.id, uri=one.uri, offset=one.offset, status=Status.OK, duration=1.0, channels=1,
            segments=segments_of([Word(text=one.id, start=0, end=1, confidence=1)], channel=None),
            model=model, decode=decode,
        )
        for one in pointers
    ]


def output_fn(records, accept):
    return "".join(record.to_line() + chr(10) for record in records)
"""


@pytest.fixture
def runner(aws: str) -> Iterator[JobRunner]:
    with job_runner() as runner:
        yield runner


@pytest.fixture
def home(tmp_path: Path, tiny_model: Path) -> Path:
    for number, name in enumerate(NAMES):
        write_sound(tmp_path / "archive" / name, speechlike(1.0, seed=number))
    card = bundle_card(tiny_model, name="tiny", decode=DecodeSettings())
    for name, poison in (("poisoned", recording_id(POISON)), ("clean", "")):
        (tmp_path / name).mkdir()
        code = {"code/inference.py": INFERENCE.format(poison=poison).encode()}
        pack(tmp_path / name / "model.tar.gz", bundle_files(tiny_model, card) | code)
    return tmp_path


def configured(home: Path, *more: str, archive: str = "archive", output: str = "out") -> Config:
    (home / "nightscribe.toml").write_text(
        f"""
[archive]
uri = "{archive}"
[model]
uri = "poisoned/model.tar.gz"
[output]
uri = "{output}"
[transform]
workers = 1
[sagemaker]
role = "{ROLE}"
region = "eu-central-1"
""",
        "utf-8",
    )
    return load_config(home / "nightscribe.toml", more)


def carried_out(config: Config) -> tuple[Finished, Runner]:
    listener = LogListener()
    made = Runner(
        config=config,
        platform=transform_platform(config, listener.warn),
        listener=listener,
        today=lambda: date(2026, 11, 23),
    )
    with made.claimed():
        (finished,) = made.run()
    return finished, made


def rows(made: Runner) -> dict[str, dict[str, Any]]:
    table = read_rows(made.output, TRANSCRIPTS).to_pandas().drop(columns=VARYING, errors="ignore")
    return {row["path"]: row for row in json.loads(table.to_json(orient="records"))}


def check(finished: Finished, made: Runner, clean: Runner, *, rounds: int) -> None:
    """One row is not ok and says why; the others are those of a run without poison."""
    found, undisturbed = rows(made), rows(clean)
    bad = found.pop(POISON)
    assert (bad["status"], bad["error_kind"]) == ("error", "not_transcribed")
    assert bad["error_message"] == (
        f"tried in {rounds} rounds of this run without an output, at last alone in its shard"
    )
    assert undisturbed.pop(POISON)["status"] == "ok"
    assert found == undisturbed
    assert len(found) == len(NAMES) - 1
    assert finished.collected.kinds == {"not_transcribed": 1}


def sizes(finished: Finished, made: Runner, number: int) -> list[int]:
    names = shard_names(made.output, finished.plan, number)
    return [len(read_shard(made.output, finished.plan.keys, name)) for name in names]


def test_on_this_machine_with_pointers(home: Path) -> None:
    _, clean = carried_out(configured(home, "model.uri=clean/model.tar.gz", output="clean-out"))
    finished, made = carried_out(configured(home))
    check(finished, made, clean, rounds=3)
    assert [sizes(finished, made, number) for number in (1, 2, 3)] == [
        [20],
        [2, 3, 2, 3, 2, 3, 2, 3],
        [1] * 3,
    ]
    # The next run tries it alone from the beginning, and beside it what is new.
    write_sound(home / "archive/new.wav", speechlike(1.0, seed=99))
    again, made = carried_out(configured(home))
    assert [sizes(again, made, number) for number in (1, 2)] == [[1, 1], [1]]
    assert rows(made)["new.wav"]["status"] == "ok"


def test_on_this_machine_with_bodies(home: Path) -> None:
    isolated = "sagemaker.network_isolation=true"
    clean_model = "model.uri=clean/model.tar.gz"
    _, clean = carried_out(configured(home, isolated, clean_model, output="clean-out"))
    finished, made = carried_out(configured(home, isolated))
    check(finished, made, clean, rounds=3)
    # A body is a request of its own: no neighbour has to go again.
    assert [sizes(finished, made, number) for number in (1, 2, 3)] == [[20], [1], [1]]


@pytest.mark.parametrize("isolated", [False, True])
def test_on_sagemaker(home: Path, s3_bucket: str, runner: JobRunner, *, isolated: bool) -> None:
    archive = open_store(f"s3://{s3_bucket}/archive/")
    for name in NAMES:
        archive.put(name, home / "archive" / name)
    there = {"archive": archive.uri, "output": f"s3://{s3_bucket}/out/"}
    more = ["platform.name=sagemaker"]
    if isolated:
        image = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/baked@sha256:" + "0" * 64
        more += ["sagemaker.network_isolation=true", f"sagemaker.inference_image={image}"]
    finished, made = carried_out(configured(home, *more, **there))
    _, clean = carried_out(configured(home, "model.uri=clean/model.tar.gz", output="clean-out"))
    check(finished, made, clean, rounds=3)
    assert [job["TransformJobName"][-5:] for job in runner.transforms] == [
        "r1-a1",
        "r2-a1",
        "r3-a1",
    ]
    (model,) = runner.models.values()
    assert model.get("EnableNetworkIsolation", False) is isolated
    kind = "audio/flac" if isolated else "application/jsonlines"
    assert {job["TransformInput"]["ContentType"] for job in runner.transforms} == {kind}
    assert not list(made.output.list(finished.plan.keys.bodies))
