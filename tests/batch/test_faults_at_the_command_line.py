"""What a person reads when AWS refuses: ``nightscribe run`` as a process, its last words."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

from manifests.storage import open_store
from tests.batch.faulty_night import RECORDINGS, Night, faulty_night

pytestmark = pytest.mark.usefixtures("warm_python")

ZERO = "The account-level service limit 'ml.m5.xlarge for transform job usage' is 0 Instances."


@pytest.fixture
def night(tmp_path: Path, tiny_model: Path, s3_bucket: str) -> Iterator[Night]:
    with faulty_night(tmp_path, tiny_model, s3_bucket) as night:
        yield night


def started(night: Night, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "batch.cli", "run", str(night.config_path), *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Exit code, standard output, and what stands after the last line of progress."""
    out, errors = process.communicate(timeout=120)
    assert "Traceback" not in errors
    return process.returncode, out, errors[errors.find("error: ") :]


def test_a_quota_and_a_denied_role_are_told_and_the_third_command_completes(night: Night) -> None:
    night.server.refuse("CreateTransformJob", "ResourceLimitExceeded", ZERO)
    status, _, said = ended(started(night))
    assert status == 1
    assert "the account's quota 'ml.m5.xlarge for transform job usage' is 0 in eu-central-1" in said
    assert said.rstrip().endswith("or name another type in [transform] instances")
    night.server.mend()
    denied = "User: me is not authorized to perform: iam:PassRole on resource: role/nightscribe"
    night.server.refuse("CreateTransformJob", "AccessDeniedException", denied)
    status, _, said = ended(started(night))
    assert status == 1
    assert f"not allowed ({denied}); mend the caller's or the role's policy" in said
    night.server.mend()
    status, out, _ = ended(started(night))
    assert status == 0
    assert f"{RECORDINGS} recordings, {RECORDINGS} rows: {RECORDINGS} ok" in out


def test_credentials_that_expire_and_a_driver_that_is_killed_leave_the_job_to_the_next_command(
    night: Night,
) -> None:
    night.jobs.when["transform"] = "when told"

    def expire(name: str) -> None:
        if name == "DescribeTransformJob" and night.jobs.transforms:
            night.server.refuse(".", "ExpiredTokenException", "expired")

    night.server.on_call = expire
    status, _, said = ended(started(night))
    assert status == 1
    assert "the AWS credentials have expired; sign in again, then give the same command" in said
    night.server.mend()

    def kill(name: str) -> None:
        if name == "DescribeTransformJob":
            process.send_signal(signal.SIGKILL)

    night.server.on_call = kill
    process = started(night)
    assert ended(process)[0] == -signal.SIGKILL
    night.server.on_call = lambda _: None
    night.jobs.work()
    assert ended(started(night))[0] == 0
    assert night.statuses() == ["ok"] * RECORDINGS
    assert night.attempts() == ["r1-a1"]


def test_a_bucket_elsewhere_is_for_the_user_to_mend(night: Night) -> None:
    far = f"{night.bucket}-far"
    boto3.client("s3", region_name="us-west-2").create_bucket(
        Bucket=far, CreateBucketConfiguration={"LocationConstraint": "us-west-2"}
    )
    open_store(f"s3://{far}/").put("a.wav", bytes(64_000))
    status, _, said = ended(started(night, "--archive", f"s3://{far}/"))
    assert status == 2
    assert said == (
        f"error: [archive] uri 's3://{far}/': the bucket lies in us-west-2, but jobs run in "
        "eu-central-1; set [sagemaker] region to 'us-west-2' and keep archive and output there, "
        f"or name a bucket in eu-central-1{os.linesep}"
    )
