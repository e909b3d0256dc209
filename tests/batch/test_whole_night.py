"""The whole night at AWS's APIs: schedule, driver, transform job, rows, report, message."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

from batch.config import load_config
from batch.schedule.requests import schedule_prefix
from manifests.storage import open_store
from tests.batch.job_runner import JobRunner, fire, job_runner
from tests.batch.scheduled import GROUP, Account, OpenNight, driver_log, nightscribe
from tests.batch.test_run_on_sagemaker import assert_same, carried_out, rows_below
from tests.conftest import DEMO_MODEL

DEMO = Path(__file__).parents[2] / "demo"
RECORDINGS = [
    "2026-11-17/damaged upload.flac",
    "2026-11-18/planning/week 47.wav",
    "2026-11-19/empty room.flac",
]


@pytest.fixture
def runner(aws: str) -> Iterator[JobRunner]:
    with job_runner() as runner:
        yield runner


@pytest.fixture
def config(s3_bucket: str, tmp_path: Path) -> Path:
    archive = open_store(f"s3://{s3_bucket}/archive/")
    for name in RECORDINGS:
        archive.put(name, DEMO / "archive" / name)
    lines = (DEMO / "references.tsv").read_text("utf-8").splitlines()
    kept = [line for line in lines if line.startswith(("recording\t", *RECORDINGS))]
    (tmp_path / "references.tsv").write_text("\n".join(kept) + "\n", "utf-8")
    path = tmp_path / "nightscribe.toml"
    path.write_text(
        f"""
[archive]
uri = "s3://{s3_bucket}/archive/"
[references]
uri = "references.tsv"
[model]
uri = "{DEMO_MODEL}"
[output]
uri = "s3://{s3_bucket}/out/"
[transform]
price_per_hour = 0.23
price_date = "2026-11-01"
"""
        + Account.at_moto(s3_bucket).section(),
        "utf-8",
    )
    return path


def test_a_scheduled_night_gives_the_rows_of_the_local_platform_and_one_message(
    s3_bucket: str, config: Path, runner: JobRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NIGHTSCRIBE_INSTALL", "no")
    account, night = Account.at_moto(s3_bucket), OpenNight.of_now()
    said = nightscribe("schedule", "put", config, *night.options)
    assert "schedule nightly is set" in said
    prefix = schedule_prefix("nightly", f"s3://{s3_bucket}/out/")

    # Two deliveries of the first firing, in processes of their own, from the driver's bundle.
    for execution in ("one", "two"):
        fire(f"{prefix}first-day", group=GROUP, at=night.begins, execution=execution)
    runner.join()
    (job,) = runner.transforms
    assert job["TransformJobName"].startswith(f"nightscribe-{night.night}-001-")
    assert account.messages() == []

    # The closing firing tells, and its second delivery does not.
    for execution in ("three", "four"):
        fire(f"{prefix}closing", group=GROUP, at=night.ends, execution=execution)
    runner.join()
    drivers = [driver["ProcessingJobName"] for driver in runner.processings]
    assert drivers == [f"nightscribe-nightly-{name}" for name in ("one", "two", "three", "four")]
    assert {status(driver) for driver in drivers} == {"Completed"}
    assert len(runner.transforms) == 1
    (message,) = account.messages()
    assert message["Subject"].startswith(f"nightscribe nightly {night.night}: 3 recordings, WER ")
    assert "3 in 3 rows: 1 ok, 1 empty, 1 error" in message["Message"]
    assert f"s3://{s3_bucket}/out/reports/{night.night}-001/report.html" in message["Message"]

    there = rows_below(open_store(f"s3://{s3_bucket}/out/"))
    carried_out(load_config(config, ["platform.name=local", f"output.uri=s3://{s3_bucket}/here/"]))
    assert_same(there, rows_below(open_store(f"s3://{s3_bucket}/here/")))

    spoken = there[1]["text"].split()
    assert len(spoken) > 10
    for secret in ("week 47", "empty room", "damaged", " ".join(spoken[:3])):
        assert secret not in message["Message"]
        assert not any(secret in driver_log(driver) for driver in drivers)
    assert message["Subject"] in nightscribe("schedule", "show", "-c", config)


def status(job: str) -> str:
    return str(
        boto3.client("sagemaker").describe_processing_job(ProcessingJobName=job)[
            "ProcessingJobStatus"
        ]
    )
