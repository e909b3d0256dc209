"""A run on SageMaker's API: the rows of the local platform, and nothing lost when jobs fail."""

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
from batch.platforms.base import Document, JobOutcome
from batch.run import Finished, Runner
from batch.transform_machines import transform_platform, workers_of
from manifests.errors import InputError, JobFailedError
from manifests.storage import Store, open_store
from tests.batch.job_runner import ROLE, JobRunner, job_runner
from tests.conftest import speechlike, write_sound

pytestmark = pytest.mark.usefixtures("warm_python")

VARYING = ["run_id", "transcribed_at"]


@pytest.fixture
def runner(aws: str) -> Iterator[JobRunner]:
    with job_runner() as runner:
        yield runner


@pytest.fixture
def bucket(s3_bucket: str, tmp_path: Path) -> str:
    archive = open_store(f"s3://{s3_bucket}/archive/")
    for number in range(4):
        sound = speechlike(2.0 + number, seed=number)
        archive.put(f"day/{number}.wav", write_sound(tmp_path / f"{number}.wav", sound))
    archive.put("day/broken.wav", b"RIFF nothing")
    return s3_bucket


def configured(tmp_path: Path, model: Path, bucket: str, output: str, *more: str) -> Config:
    path = tmp_path / "nightscribe.toml"
    path.write_text(
        f"""
[archive]
uri = "s3://{bucket}/archive/"
[model]
uri = "{model}"
[output]
uri = "s3://{bucket}/{output}/"
[transform]
workers = 1
shard_minutes = 0.1
[sagemaker]
role = "{ROLE}"
region = "eu-central-1"
""",
        "utf-8",
    )
    return load_config(path, more)


def carried_out(config: Config) -> tuple[list[Finished], Runner]:
    listener = LogListener()
    runner = Runner(
        config=config,
        platform=transform_platform(config, listener.warn),
        listener=listener,
        today=lambda: date(2026, 11, 23),
    )
    with runner.claimed():
        return runner.run(), runner


def rows(runner: Runner) -> list[dict[str, Any]]:
    return rows_below(runner.output)


def rows_below(output: Store) -> list[dict[str, Any]]:
    table = read_rows(output, TRANSCRIPTS).to_pandas()
    table = table.sort_values("path").drop(columns=VARYING, errors="ignore")
    found: list[dict[str, Any]] = json.loads(table.to_json(orient="records"))
    return found


def assert_same(found: list[dict[str, Any]], expected: list[dict[str, Any]]) -> None:
    """Equal rows; with other numbers of threads, sums are rounded otherwise in the last digits."""
    sure = [[row.pop("confidence") for row in rows] for rows in (found, expected)]
    assert found == expected
    assert sure[0] == [one if one is None else pytest.approx(one, abs=1e-3) for one in sure[1]]


def test_the_rows_are_those_of_the_local_platform(
    tmp_path: Path, tiny_model: Path, bucket: str, runner: JobRunner
) -> None:
    _, here = carried_out(configured(tmp_path, tiny_model, bucket, "here"))
    config = configured(tmp_path, tiny_model, bucket, "there", "platform.name=sagemaker")
    (finished,), there = carried_out(config)
    assert finished.collected.recordings == 5
    assert_same(rows(there), rows(here))
    (job,) = runner.transforms
    assert job["TransformJobName"].endswith("-r1-a1")
    assert job["TransformResources"] == {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1}
    (model,) = runner.models.values()
    assert model["ExecutionRoleArn"] == ROLE
    assert "transformers5.5.3" in model["PrimaryContainer"]["Image"]
    assert carried_out(config)[0] == []
    assert len(runner.transforms) == 1


def test_the_rows_are_those_of_the_local_platform_where_the_container_has_no_network(
    tmp_path: Path, tiny_model: Path, bucket: str, runner: JobRunner
) -> None:
    _, here = carried_out(configured(tmp_path, tiny_model, bucket, "here"))
    image = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/baked@sha256:" + "0" * 64
    more = ["sagemaker.network_isolation=true", f"sagemaker.inference_image={image}"]
    config = configured(tmp_path, tiny_model, bucket, "there", "platform.name=sagemaker", *more)
    (finished,), there = carried_out(config)
    assert_same(rows(there), rows(here))
    (job,), (model,) = runner.transforms, runner.models.values()
    assert model["EnableNetworkIsolation"] is True
    assert job["TransformInput"]["ContentType"] == "audio/flac"
    assert job["MaxConcurrentTransforms"] * job["MaxPayloadInMB"] <= 100
    assert list(there.output.list(finished.plan.keys.bodies)) == []


def test_what_a_failed_job_leaves_over_goes_again_in_a_new_round(
    tmp_path: Path,
    tiny_model: Path,
    bucket: str,
    runner: JobRunner,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("batch.shards.MIN_SHARD_SECONDS", 3.0)
    config = configured(tmp_path, tiny_model, bucket, "out", "platform.name=sagemaker")
    output = open_store(config.output.uri)

    def lose_outputs(job: Document, outcome: JobOutcome) -> JobOutcome:
        if "-r1-" not in job["TransformJobName"]:
            return outcome
        lost = [entry.key for entry in output.list("runs/") if entry.key.endswith(".out")][1:]
        for key in lost:
            output.delete(key)
        return JobOutcome(status="Failed", failure_reason="ClientError: 2 objects failed")

    runner.spoil = lose_outputs
    (finished,), there = carried_out(config)
    assert finished.collected.recordings == 5
    assert {row["status"] for row in rows(there)} == {"ok", "error"}
    assert [job["TransformJobName"][-5:] for job in runner.transforms] == ["r1-a1", "r2-a1"]


def test_a_model_that_does_not_load_writes_no_rows_and_the_next_run_tries_again(
    tmp_path: Path, tiny_model: Path, bucket: str, runner: JobRunner
) -> None:
    config = configured(tmp_path, tiny_model, bucket, "out", "platform.name=sagemaker")
    output = open_store(config.output.uri)

    def crash(job: Document, outcome: JobOutcome) -> JobOutcome:
        if not job["TransformJobName"].endswith("-a1"):
            return outcome
        for entry in output.list("runs/"):
            if entry.key.endswith(".out"):
                output.delete(entry.key)
        return JobOutcome(status="Failed", failure_reason="AlgorithmError: no model")

    runner.spoil = crash
    with pytest.raises(JobFailedError) as raised:
        carried_out(config)
    assert "AlgorithmError: no model" in str(raised.value)
    assert "container said hello" in str(raised.value)
    (finished,), _ = carried_out(config)
    assert finished.collected.recordings == 5
    assert [job["TransformJobName"][-5:] for job in runner.transforms] == ["r1-a1", "r1-a2"]


def test_a_driver_that_died_is_followed_by_one_that_watches_its_job(
    tmp_path: Path, tiny_model: Path, bucket: str, runner: JobRunner
) -> None:
    config = configured(tmp_path, tiny_model, bucket, "out", "platform.name=sagemaker")
    with runner.driver_dies():
        carried_out(config)
    (finished,), _ = carried_out(config)
    assert finished.collected.recordings == 5
    assert len(runner.transforms) == 1


def test_an_unfinished_run_of_another_platform_is_planned_anew(
    tmp_path: Path, tiny_model: Path, bucket: str, runner: JobRunner
) -> None:
    there = configured(tmp_path, tiny_model, bucket, "out", "platform.name=sagemaker")
    listener = LogListener()
    planned = Runner(
        config=there, platform=transform_platform(there, listener.warn), listener=listener
    )
    with planned.claimed():
        planned.plan()
    (finished,), _ = carried_out(configured(tmp_path, tiny_model, bucket, "out"))
    assert finished.collected.recordings == 5
    assert runner.transforms == []


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["output.uri=out"], "[output]"),
        (["archive.uri=archive"], "[archive]"),
        (['sagemaker.subnets=["subnet-1"]'], "give both, or neither"),
        (["sagemaker.network_isolation=true"], "needs wheels"),
    ],
)
def test_what_cannot_run_there_is_said_before_anything_is_planned(
    tmp_path: Path, tiny_model: Path, bucket: str, more: list[str], message: str
) -> None:
    (tmp_path / "archive").mkdir()
    write_sound(tmp_path / "archive/a.wav", speechlike(1.0))
    config = configured(tmp_path, tiny_model, bucket, "out", "platform.name=sagemaker", *more)
    with pytest.raises(InputError) as raised:
        carried_out(config)
    assert message in str(raised.value)


@pytest.mark.parametrize(
    ("instance_type", "workers"),
    [
        ("ml.m5.large", 1),
        ("ml.m5.xlarge", 2),
        ("ml.c5.9xlarge", 18),
        ("ml.g5.xlarge", 1),
        ("ml.g5.12xlarge", 4),
    ],
)
def test_an_instance_has_a_worker_for_each_gpu_or_core(instance_type: str, workers: int) -> None:
    assert workers_of(instance_type, "eu-central-1") == workers
