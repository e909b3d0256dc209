"""Jobs that fail, never start or are stopped: one sentence, nothing lost, a rerun completes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import boto3
import pytest

from batch.plan import read_plan
from batch.platforms.aws import QuotaError
from batch.platforms.base import DeadlineError, Document, JobOutcome, JobStoppedError
from batch.runs import latest
from manifests.errors import JobFailedError
from tests.batch.faulty_night import RECORDINGS, Night, faulty_night

pytestmark = pytest.mark.usefixtures("warm_python")

CAPACITY = "CapacityError: Unable to provision requested ML compute capacity. Please retry."
ZERO = (
    "The account-level service limit 'ml.m5.xlarge for transform job usage' is 0 Instances, with "
    "current utilization of 0 Instances and a request delta of 1 Instances. Please use AWS Service "
    "Quotas to request an increase for this quota."
)


@pytest.fixture
def night(tmp_path: Path, tiny_model: Path, s3_bucket: str) -> Iterator[Night]:
    with faulty_night(tmp_path, tiny_model, s3_bucket) as night:
        yield night


def test_a_job_that_fails_half_its_shards_is_completed_in_the_same_night(night: Night) -> None:
    def fail_half(job: Document, outcome: JobOutcome) -> JobOutcome:
        if "-r1-" not in job["TransformJobName"]:
            return outcome
        for key in night.outputs()[::2]:
            night.output.delete(key)
        return JobOutcome(status="Failed", failure_reason="ClientError: 2 objects failed")

    night.jobs.spoil = fail_half
    (finished,) = night.run()
    assert finished.collected.statuses == {"ok": RECORDINGS}
    assert night.attempts() == ["r1-a1", "r2-a1"]
    (told,) = [line for line in night.said if line.startswith("round 1: ")]
    assert "2 objects failed; the container's last lines: container said hello" in told
    assert night.complete()


def test_a_job_that_gets_no_machine_is_tried_on_the_other_types(night: Night) -> None:
    def scarce(job: Document) -> JobOutcome | None:
        if job["TransformResources"]["InstanceType"] == "ml.c5.2xlarge":
            return None
        return JobOutcome(status="Failed", failure_reason=CAPACITY)

    night.jobs.before = scarce
    (finished,) = night.run('transform.instances=["ml.m5.xlarge", "ml.c5.2xlarge"]')
    assert finished.collected.statuses == {"ok": RECORDINGS}
    assert night.attempts() == ["r1-a1", "r1-a2"]
    assert "no ml.m5.xlarge is to be had now; trying ml.c5.2xlarge" in night.said


def test_a_job_that_never_gets_a_machine_ends_with_what_to_do(night: Night) -> None:
    night.jobs.before = lambda _: JobOutcome(status="Failed", failure_reason=CAPACITY)
    with pytest.raises(JobFailedError) as raised:
        night.run()
    assert "AWS has no ml.m5.xlarge to give now (3 attempts" in str(raised.value)
    assert "name more types in [transform] instances" in str(raised.value)
    assert max(night.waits) > 60
    night.jobs.before = lambda _: None
    assert night.complete()
    assert night.attempts() == ["r1-a1", "r1-a2", "r1-a3", "r1-a4"]


def test_want_of_machines_in_a_later_round_costs_no_recording_a_try(night: Night) -> None:
    def fail_one(job: Document, outcome: JobOutcome) -> JobOutcome:
        if not job["TransformJobName"].endswith("-r1-a1"):
            return outcome
        night.output.delete(night.outputs()[0])
        night.jobs.before = lambda _: JobOutcome(status="Failed", failure_reason=CAPACITY)
        return JobOutcome(status="Failed", failure_reason="ClientError: 1 object failed")

    night.jobs.spoil = fail_one
    with pytest.raises(JobFailedError, match="AWS has no ml"):
        night.run()
    night.jobs.before = lambda _: None
    assert night.complete()
    assert night.attempts()[-1] == "r2-a4"


def test_a_quota_of_zero_is_named_with_its_value_and_the_way_to_raise_it(night: Night) -> None:
    night.server.refuse("CreateTransformJob", "ResourceLimitExceeded", ZERO)
    quota = {
        "QuotaName": "ml.m5.xlarge for transform job usage",
        "QuotaCode": "L-1234ABCD",
        "Value": 0.0,
    }
    night.server.answer("ListServiceQuotas", {"Quotas": [quota]})
    with pytest.raises(QuotaError) as raised:
        night.run()
    assert str(raised.value).partition(" on ml.m5.xlarge: ")[2] == (
        "the account's quota 'ml.m5.xlarge for transform job usage' is 0 in eu-central-1; "
        "raise it:\n"
        "  aws service-quotas request-service-quota-increase --region eu-central-1 "
        "--service-code sagemaker --quota-code L-1234ABCD --desired-value 1\n"
        "  (or in the console, Service Quotas: https://eu-central-1.console.aws.amazon.com/"
        "servicequotas/home/services/sagemaker/quotas/L-1234ABCD)\n"
        "or name another type in [transform] instances"
    )
    assert night.complete()


def test_a_quota_is_explained_too_where_service_quotas_may_not_be_asked(night: Night) -> None:
    said = ZERO.replace("is 0", "is 2").replace("utilization of 0", "utilization of 2")
    night.server.refuse("CreateTransformJob", "ResourceLimitExceeded", said)
    night.server.refuse("Quotas", "AccessDeniedException", "no")
    with pytest.raises(QuotaError) as raised:
        night.run()
    assert "is 2 in eu-central-1, and 2 are in use; wait until they are free" in str(raised.value)
    assert "--query \"Quotas[?QuotaName=='ml.m5.xlarge for transform" in str(raised.value)
    assert "--quota-code $CODE --desired-value 3" in str(raised.value)
    assert night.complete()


def test_a_type_without_quota_is_passed_over(night: Night) -> None:
    night.server.refuse("CreateTransformJob", "ResourceLimitExceeded", ZERO, times=1)
    night.run('transform.instances=["ml.m5.xlarge", "ml.c5.2xlarge"]')
    (job,) = night.jobs.transforms
    assert job["TransformResources"]["InstanceType"] == "ml.c5.2xlarge"


def test_a_job_that_somebody_stops_ends_the_run_and_the_next_goes_on_with_what_is_left(
    night: Night,
) -> None:
    night.jobs.when["transform"] = "when told"

    def stop_it(_: int) -> None:
        (job,) = night.jobs.transforms
        boto3.client("sagemaker").stop_transform_job(TransformJobName=job["TransformJobName"])

    night.on_wait = stop_it
    with pytest.raises(JobStoppedError, match=r"-r1-a1: somebody stopped the job; what is done is"):
        night.run()
    night.jobs.when["transform"] = "at once"
    assert night.complete()
    assert night.attempts() == ["r1-a1", "r1-a2"]


def test_stops_cost_no_recording_its_tries(night: Night) -> None:
    """Four stopped jobs that each did one shard: more than a run has rounds."""

    def stopped_after_one(job: Document, outcome: JobOutcome) -> JobOutcome:
        if job["TransformJobName"][-4] > "4":
            return outcome
        for key in night.outputs()[1:]:
            night.output.delete(key)
        return JobOutcome(status="Stopped")

    night.jobs.spoil = stopped_after_one
    for _ in range(4):
        with pytest.raises(JobStoppedError):
            night.run()
    night.jobs.spoil = lambda _, outcome: outcome
    assert night.complete()


def test_a_deadline_stops_the_job_and_the_next_run_goes_on(night: Night) -> None:
    night.jobs.when["transform"] = "when told"
    with pytest.raises(DeadlineError, match=r"\[transform\] deadline_hours has passed; the job is"):
        night.run("transform.deadline_hours=0.000001")
    name = night.jobs.transforms[0]["TransformJobName"]
    described = boto3.client("sagemaker").describe_transform_job(TransformJobName=name)
    assert described["TransformJobStatus"] == "Stopped"
    night.jobs.when["transform"] = "at once"
    assert night.complete()


def test_the_job_of_a_run_that_is_given_up_is_stopped(night: Night) -> None:
    """It would cost money for nobody, and the quota that the new one needs."""

    def die(_: int) -> NoReturn:
        raise KeyboardInterrupt

    night.jobs.when["transform"], night.on_wait = "when told", die
    with pytest.raises(KeyboardInterrupt):
        night.run()
    night.jobs.when["transform"] = "at once"
    (finished,) = night.run("archive.channels=split")
    assert finished.collected.statuses == {"ok": RECORDINGS}
    given_up, new = (job["TransformJobName"] for job in night.jobs.transforms)
    api = boto3.client("sagemaker")
    statuses = [
        api.describe_transform_job(TransformJobName=name)["TransformJobStatus"]
        for name in (given_up, new)
    ]
    assert statuses == ["Stopped", "Completed"]


def test_a_given_up_job_that_may_not_be_stopped_holds_nothing_up(night: Night) -> None:
    night.jobs.before = lambda _: JobOutcome(status="Failed", failure_reason=CAPACITY)
    with pytest.raises(JobFailedError):
        night.run()
    night.jobs.before = lambda _: None
    night.server.refuse("DescribeTransformJob", "AccessDeniedException", "no", times=1)
    (finished,) = night.run("archive.channels=split")
    assert finished.collected.statuses == {"ok": RECORDINGS}
    assert any("a job of it that still runs is not stopped" in line for line in night.said)


def test_the_deadline_is_that_of_all_rounds_together(night: Night) -> None:
    clock = [0.0]

    def leave_one(job: Document, outcome: JobOutcome) -> JobOutcome:
        night.output.delete(night.outputs()[0])
        night.jobs.when["transform"] = "when told"
        return JobOutcome(status="Failed", failure_reason="ClientError: 1 object failed")

    def half_an_hour(count: int) -> None:
        clock[0] += 1800.0
        if count == 1:
            night.jobs.work()

    night.jobs.when["transform"] = "when told"
    night.jobs.spoil, night.on_wait, night.clock = leave_one, half_an_hour, lambda: clock[0]
    with pytest.raises(DeadlineError, match="-r2-a1"):
        night.run("transform.deadline_hours=1.2")
    # Half of it went to the first round.
    assert clock[0] == 3 * 1800.0


def test_a_job_that_ends_while_it_is_asked_to_stop_has_ended(night: Night) -> None:
    night.jobs.when["transform"] = "when told"

    def work_first(name: str) -> None:
        if name == "StopTransformJob":
            night.jobs.work()

    night.server.on_call = work_first
    with pytest.raises(DeadlineError):
        night.run("transform.deadline_hours=0.000001")
    assert night.complete()
    assert night.attempts() == ["r1-a1"]


def test_a_lost_answer_starts_no_second_job(night: Night) -> None:
    night.server.hang_up("CreateTransformJob", times=1, after=True)
    night.run()
    assert night.attempts() == ["r1-a1"]
    assert night.server.count("CreateTransformJob") == 2
    assert night.complete()


def test_a_job_of_another_driver_is_watched(night: Night) -> None:
    def made_by_another(name: str) -> None:
        if name == "CreateTransformJob" and not night.jobs.transforms:
            night.server.on_call = lambda _: None
            boto3.client("sagemaker").create_transform_job(**_planned(night))

    night.server.on_call = made_by_another
    night.run()
    assert night.attempts() == ["r1-a1"]
    assert night.complete()


def _planned(night: Night) -> Document:
    job = read_plan(night.output, latest(night.output)).transform_request
    return {**job, "TransformJobName": f"{job['TransformJobName']}-a1"}


def test_a_bundle_that_vanished_is_put_back_by_the_next_run(night: Night) -> None:
    def lose_bundle(_: Document) -> None:
        night.output.delete(
            next(one.key for one in night.output.list("models/") if one.key.endswith(".tar.gz"))
        )

    night.jobs.before = lose_bundle
    with pytest.raises(JobFailedError, match=r"model\.tar\.gz: no such object"):
        night.run()
    night.jobs.before = lambda _: None
    assert night.complete()
    assert night.attempts() == ["r1-a1", "r1-a2"]
