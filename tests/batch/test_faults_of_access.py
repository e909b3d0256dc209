"""Missing permissions, expired credentials, wrong buckets: one sentence, and a rerun completes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

from batch.platforms.base import Document, JobOutcome
from manifests.errors import (
    AccessDeniedError,
    BucketNotFoundError,
    InputError,
    JobFailedError,
    NightscribeError,
)
from manifests.storage import open_store
from tests.batch.faulty_night import RECORDINGS, Night, faulty_night

pytestmark = pytest.mark.usefixtures("warm_python")

CALLER = "User: arn:aws:sts::123456789012:assumed-role/analyst/me"
JOB = "arn:aws:sagemaker:eu-central-1:123456789012:transform-job/nightscribe-x"


@pytest.fixture
def night(tmp_path: Path, tiny_model: Path, s3_bucket: str) -> Iterator[Night]:
    with faulty_night(tmp_path, tiny_model, s3_bucket) as night:
        yield night


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (
            "CreateTransformJob",
            f"{CALLER} is not authorized to perform: sagemaker:CreateTransformJob",
        ),
        ("CreateModel", f"{CALLER} is not authorized to perform: iam:PassRole on resource: role/x"),
        (
            "DescribeTransformJob",
            f"{CALLER} is not authorized to perform: sagemaker:Describe on {JOB}",
        ),
    ],
)
def test_what_the_caller_may_not_do_is_said_in_awss_words(
    night: Night, call: str, said: str
) -> None:
    night.server.refuse(call, "AccessDeniedException", said)
    with pytest.raises(AccessDeniedError) as raised:
        night.run()
    assert f"not allowed ({said}); mend the caller's or the role's policy" in str(raised.value)
    assert night.complete()


def test_a_job_that_may_not_be_watched_goes_on(night: Night) -> None:
    night.jobs.when["transform"] = "when told"
    night.on_wait = lambda _: night.server.refuse(
        "DescribeTransformJob", "AccessDeniedException", "no sagemaker:DescribeTransformJob"
    )
    with pytest.raises(AccessDeniedError, match="the job goes on without us, and the same command"):
        night.run()
    night.jobs.work()
    assert night.complete()
    assert night.attempts() == ["r1-a1"]


@pytest.mark.parametrize(
    ("call", "place"),
    [(r"^GET /[^/]+\?.*archive", "archive/"), (r"^PUT /.*/out/runs/.*plan", "out/")],
)
def test_buckets_that_the_caller_may_not_use_are_named(night: Night, call: str, place: str) -> None:
    said = f"{CALLER} is not authorized to perform: s3:Something"
    night.server.refuse(call, "AccessDenied", said, status=403)
    with pytest.raises(AccessDeniedError) as raised:
        night.run()
    assert f"s3://{night.bucket}/{place}" in str(raised.value)
    assert said in str(raised.value)
    assert night.jobs.transforms == []
    assert night.complete()


def test_an_output_that_the_job_may_not_write_is_told_and_nothing_is_lost(night: Night) -> None:
    night.jobs.before = lambda _: JobOutcome(
        status="Failed", failure_reason="ClientError: 403 AccessDenied when writing the output"
    )
    with pytest.raises(JobFailedError, match=r"403 AccessDenied when writing .*nothing was trans"):
        night.run()
    night.jobs.before = lambda _: None
    assert night.complete()


def test_an_archive_that_the_jobs_role_may_not_read_is_told_and_tried_again(night: Night) -> None:
    def forbid(_: Document, outcome: JobOutcome) -> JobOutcome:
        for key in night.outputs():
            records = map(json.loads, night.output.read(key).decode().splitlines())
            error = {"kind": "forbidden", "message": "access denied"}
            lines = [
                json.dumps({**one, "status": "error", "error": error, "segments": []}) + "\n"
                for one in records
            ]
            night.output.put(key, "".join(lines).encode())
        return outcome

    night.jobs.spoil = forbid
    (finished,) = night.run()
    assert finished.collected.kinds == {"forbidden": RECORDINGS}
    assert night.statuses() == ["forbidden"] * RECORDINGS
    (told,) = [line for line in night.said if "may not read" in line]
    assert f"s3://{night.bucket}/archive/" in told
    night.jobs.spoil = lambda _, outcome: outcome
    assert night.complete()


def test_credentials_that_expire_in_mid_run_leave_the_job_to_the_next_command(
    night: Night,
) -> None:
    night.jobs.when["transform"] = "when told"

    def expire(_: int) -> None:
        night.server.refuse(
            ".", "ExpiredToken", "The security token included in the request is expired"
        )

    night.on_wait = expire
    with pytest.raises(AccessDeniedError) as raised:
        night.run()
    assert "the AWS credentials have expired; sign in again, then give the same" in str(
        raised.value
    )
    assert "the job goes on without us" in str(raised.value)
    night.server.mend()
    night.on_wait = lambda _: None
    night.jobs.work()
    assert night.complete()
    assert night.attempts() == ["r1-a1"]


def test_credentials_that_aws_does_not_know_are_no_matter_of_policies(night: Night) -> None:
    night.server.refuse("Describe", "UnrecognizedClientException", "The security token is invalid")
    with pytest.raises(AccessDeniedError, match="AWS does not know these credentials; check"):
        night.run()
    assert night.complete()


@pytest.mark.parametrize("section", ["archive", "output"])
def test_a_bucket_in_another_region_is_told_before_anything_is_paid_for(
    night: Night, section: str
) -> None:
    far = f"{night.bucket}-far"
    boto3.client("s3", region_name="us-west-2").create_bucket(
        Bucket=far, CreateBucketConfiguration={"LocationConstraint": "us-west-2"}
    )
    open_store(f"s3://{far}/").put("a.wav", bytes(64_000))
    with pytest.raises(InputError) as raised:
        night.run(f"{section}.uri=s3://{far}/")
    assert f"[{section}] uri 's3://{far}/': the bucket lies in us-west-2, but jobs run in" in str(
        raised.value
    )
    assert night.jobs.models == {}
    assert night.complete()


@pytest.mark.parametrize("section", ["archive", "output"])
def test_a_bucket_that_is_not_there_is_for_the_user_to_mend(night: Night, section: str) -> None:
    with pytest.raises(BucketNotFoundError, match="there is no bucket 'nobody-has-this'; check"):
        night.run(f"{section}.uri=s3://nobody-has-this/")
    assert night.complete()


def test_a_bundle_that_is_not_there_is_told_before_anything_is_planned(night: Night) -> None:
    uri = f"s3://{night.bucket}/models/model.tar.gz"
    with pytest.raises(InputError, match=r"\[model\] uri .*no such bundle"):
        night.run(f"model.uri={uri}")
    assert night.complete()


def test_model_data_that_sagemaker_cannot_find_is_told(night: Night) -> None:
    night.server.refuse(
        "CreateModel", "ValidationException", "Could not find model data at s3://b/model.tar.gz."
    )
    with pytest.raises(NightscribeError, match=r"Could not find model data at s3://b/model\.tar"):
        night.run()
    assert night.complete()
