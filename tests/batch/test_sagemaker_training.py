"""Training on SageMaker, with botocore's real client against recorded answers: no job is lost."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.stub import ANY, Stubber

from batch.fine_tuning.request import Channel, Machines, training_request
from batch.platforms.aws import QuotaError
from batch.platforms.sagemaker_images import training_image
from batch.platforms.sagemaker_registry import register_package
from batch.platforms.sagemaker_training import SageMakerTraining
from manifests.errors import AccessDeniedError, InputError
from manifests.storage import open_store

NAME = "nightscribe-x-abc"
CAPACITY = "CapacityError: Unable to provision requested ML compute capacity."


@pytest.fixture
def sagemaker(aws: str) -> Any:
    return boto3.client("sagemaker", region_name="eu-central-1")


@pytest.fixture
def stubber(sagemaker: Any) -> Iterator[Stubber]:
    with Stubber(sagemaker) as stubber:
        yield stubber
    stubber.assert_no_pending_responses()


def document() -> dict[str, Any]:
    return dict(
        training_request(
            name=NAME,
            channels=[Channel(name="code", uri="s3://b/code/")],
            output_uri="s3://b/jobs",
            checkpoint_uri="s3://b/checkpoints/",
            hyperparameters={},
            machines=Machines(
                role="arn:aws:iam::123456789012:role/trainer", instance_type="ml.g5.xlarge"
            ),
        )
    )


def platform(sagemaker: Any, *types: str) -> tuple[SageMakerTraining, list[float]]:
    waited: list[float] = []
    return (
        SageMakerTraining(sagemaker=sagemaker, instance_types=types, wait=waited.append),
        waited,
    )


def described(stubber: Stubber, attempt: int, status: str | None, **more: Any) -> None:
    name = f"{NAME}-a{attempt}"
    if status is None:
        stubber.add_client_error(
            "describe_training_job",
            "ValidationException",
            "Requested resource not found.",
            expected_params={"TrainingJobName": name},
        )
        return
    answer = {
        "TrainingJobName": name,
        "TrainingJobArn": f"arn:aws:sagemaker:eu-central-1:123456789012:training-job/{name}",
        "ModelArtifacts": {"S3ModelArtifacts": "s3://b/x"},
        "TrainingJobStatus": status,
        "SecondaryStatus": more.pop("secondary", "Training"),
        "AlgorithmSpecification": {"TrainingInputMode": "File"},
        "ResourceConfig": {
            "InstanceType": more.pop("instance_type", "ml.g5.xlarge"),
            "InstanceCount": 1,
            "VolumeSizeInGB": 30,
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
        "CreationTime": datetime(2026, 11, 23, tzinfo=UTC),
        **more,
    }
    stubber.add_response("describe_training_job", answer, {"TrainingJobName": name})


def created(stubber: Stubber, attempt: int, instance_type: str) -> None:
    name = f"{NAME}-a{attempt}"
    expected = dict.fromkeys(document(), ANY) | {
        "TrainingJobName": name,
        "ResourceConfig": {**document()["ResourceConfig"], "InstanceType": instance_type},
    }
    answer = {"TrainingJobArn": f"arn:aws:sagemaker:eu-central-1:123456789012:training-job/{name}"}
    stubber.add_response("create_training_job", answer, expected)


def test_a_job_is_created_once_and_watched_to_its_end(sagemaker: Any, stubber: Stubber) -> None:
    described(stubber, 1, None)
    created(stubber, 1, "ml.g5.xlarge")
    described(stubber, 1, "InProgress", secondary="Starting")
    described(stubber, 1, "InProgress", secondary="Training")
    described(stubber, 1, "Completed", secondary="Completed")
    lines: list[str] = []
    trainer, waited = platform(sagemaker, "ml.g5.xlarge")
    outcome = trainer.train(document(), on_line=lines.append)
    assert outcome.status == "Completed"
    assert outcome.artifact_uri == f"s3://b/jobs/{NAME}-a1/output/model.tar.gz"
    assert lines == [f"{NAME}-a1: {phase}" for phase in ("Starting", "Training", "Completed")]
    assert len(waited) == 2


def test_a_job_that_runs_already_is_watched_not_started_again(
    sagemaker: Any, stubber: Stubber
) -> None:
    described(stubber, 1, "Failed", FailureReason="boom")
    described(stubber, 2, "InProgress")
    described(stubber, 3, None)
    described(stubber, 2, "Completed")
    trainer, _ = platform(sagemaker, "ml.g5.xlarge")
    outcome = trainer.train(document(), on_line=lambda _: None)
    assert outcome.artifact_uri == f"s3://b/jobs/{NAME}-a2/output/model.tar.gz"


def test_a_stopped_attempt_is_gone_on_with_under_a_new_name(
    sagemaker: Any, stubber: Stubber
) -> None:
    described(stubber, 1, "Stopped", secondary="Interrupted")
    described(stubber, 2, None)
    created(stubber, 2, "ml.g5.xlarge")
    described(stubber, 2, "Stopped", secondary="MaxWaitTimeExceeded")
    trainer, _ = platform(sagemaker, "ml.g5.xlarge")
    outcome = trainer.train(document(), on_line=lambda _: None)
    assert outcome.status == "Stopped"
    assert "MaxWaitTimeExceeded; its checkpoints are kept" in outcome.failure_reason


def test_where_a_machine_is_not_to_be_had_the_next_type_is_tried(
    sagemaker: Any, stubber: Stubber
) -> None:
    described(stubber, 1, None)
    created(stubber, 1, "ml.g5.xlarge")
    described(stubber, 1, "Failed", FailureReason=CAPACITY)
    created(stubber, 2, "ml.g6.xlarge")
    described(stubber, 2, "Failed", FailureReason=CAPACITY, instance_type="ml.g6.xlarge")
    created(stubber, 3, "ml.g5.xlarge")
    described(stubber, 3, "Completed")
    lines: list[str] = []
    trainer, waited = platform(sagemaker, "ml.g5.xlarge", "ml.g6.xlarge")
    outcome = trainer.train(document(), on_line=lines.append)
    assert outcome.artifact_uri == f"s3://b/jobs/{NAME}-a3/output/model.tar.gz"
    assert "no ml.g5.xlarge is to be had now; trying ml.g6.xlarge" in lines
    assert len(waited) == 1
    assert waited[0] > 60


def test_where_no_type_is_to_be_had_it_is_said_where_to_name_more(
    sagemaker: Any, stubber: Stubber
) -> None:
    described(stubber, 1, None)
    for attempt in (1, 2, 3):
        created(stubber, attempt, "ml.g5.xlarge")
        described(stubber, attempt, "Failed", FailureReason=CAPACITY)
    trainer, _ = platform(sagemaker, "ml.g5.xlarge")
    outcome = trainer.train(document(), on_line=lambda _: None)
    assert outcome.status == "Failed"
    assert f"{NAME}-a3: AWS has no ml.g5.xlarge to give now (3 attempts" in outcome.failure_reason
    assert "name more types in [training] instances" in outcome.failure_reason


def test_a_training_job_is_watched_through_a_silence(sagemaker: Any, stubber: Stubber) -> None:
    described(stubber, 1, "InProgress")
    described(stubber, 2, None)
    stubber.add_client_error("describe_training_job", "ThrottlingException", "Rate exceeded")
    stubber.add_client_error("describe_training_job", "InternalFailure", http_status_code=500)
    described(stubber, 1, "Completed")
    lines: list[str] = []
    trainer, _ = platform(sagemaker)
    assert trainer.train(document(), on_line=lines.append).status == "Completed"
    assert sum("asking again for 30 minutes" in line for line in lines) == 1


def test_a_quota_of_zero_on_the_way_does_not_hide_the_types_after_it(
    sagemaker: Any, stubber: Stubber
) -> None:
    described(stubber, 1, None)
    created(stubber, 1, "ml.g5.xlarge")
    described(stubber, 1, "Failed", FailureReason=CAPACITY)
    stubber.add_client_error("create_training_job", "ResourceLimitExceeded", "g6 is 0 Instances.")
    created(stubber, 2, "ml.p3.2xlarge")
    described(stubber, 2, "Completed", instance_type="ml.p3.2xlarge")
    lines: list[str] = []
    trainer, _ = platform(sagemaker, "ml.g5.xlarge", "ml.g6.xlarge", "ml.p3.2xlarge")
    outcome = trainer.train(document(), on_line=lines.append)
    assert (outcome.status, outcome.instance_type) == ("Completed", "ml.p3.2xlarge")
    assert any("g6 is 0 Instances" in line for line in lines)


def test_a_finished_job_whose_model_was_deleted_is_done_again(
    sagemaker: Any, stubber: Stubber, s3_bucket: str
) -> None:
    job = document() | {"OutputDataConfig": {"S3OutputPath": f"s3://{s3_bucket}/jobs"}}
    described(stubber, 1, "Completed")
    described(stubber, 2, None)
    created(stubber, 2, "ml.g5.xlarge")
    trainer, _ = platform(sagemaker, "ml.g5.xlarge")
    assert trainer.submit(job).name == f"{NAME}-a2"
    open_store(f"s3://{s3_bucket}/").put(f"jobs/{NAME}-a2/output/model.tar.gz", b"x")
    described(stubber, 1, "Completed")
    described(stubber, 2, "Completed")
    described(stubber, 3, None)
    assert trainer.submit(job).name == f"{NAME}-a2"


def test_a_log_that_may_not_be_read_does_not_end_the_wait(
    sagemaker: Any, stubber: Stubber, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(*_: Any) -> None:
        raise AccessDeniedError("logs:DescribeLogStreams")

    monkeypatch.setattr("batch.platforms.sagemaker_training_logs.client", denied)
    described(stubber, 1, None)
    created(stubber, 1, "ml.g5.xlarge")
    for status in ("InProgress", "Completed"):
        described(stubber, 1, status)
    lines: list[str] = []
    trainer, _ = platform(sagemaker, "ml.g5.xlarge")
    assert trainer.train(document(), on_line=lines.append).status == "Completed"
    assert sum("log is not shown: logs:DescribeLogStreams" in line for line in lines) == 1


def test_a_failed_job_says_why(sagemaker: Any, stubber: Stubber) -> None:
    described(stubber, 1, None)
    created(stubber, 1, "ml.g5.xlarge")
    described(stubber, 1, "Failed", FailureReason="AlgorithmError: the data is odd")
    trainer, _ = platform(sagemaker, "ml.g5.xlarge")
    outcome = trainer.train(document(), on_line=lambda _: None)
    assert outcome.failure_reason == f"{NAME}-a1: AlgorithmError: the data is odd"
    assert outcome.artifact_uri == ""


def test_a_quota_of_zero_is_explained_when_no_type_is_left(
    sagemaker: Any, stubber: Stubber
) -> None:
    described(stubber, 1, None)
    for kind in ("ml.g5.xlarge", "ml.g6.xlarge"):
        stubber.add_client_error(
            "create_training_job",
            "ResourceLimitExceeded",
            f"The account-level service limit '{kind} for training job usage' is 0 Instances.",
        )
    trainer, _ = platform(sagemaker, "ml.g5.xlarge", "ml.g6.xlarge")
    with pytest.raises(QuotaError, match=r"ml\.g6\.xlarge for training job usage' is 0") as raised:
        trainer.train(document(), on_line=lambda _: None)
    assert "Service Quotas" in str(raised.value)
    assert str(raised.value).endswith("or name another type in [training] instances")


def test_a_lost_answer_does_not_start_the_job_twice(sagemaker: Any, stubber: Stubber) -> None:
    described(stubber, 1, None)
    stubber.add_client_error("create_training_job", "ResourceInUse", "already exists")
    described(stubber, 1, "Completed")
    trainer, _ = platform(sagemaker, "ml.g5.xlarge")
    assert trainer.train(document(), on_line=lambda _: None).status == "Completed"


@pytest.mark.parametrize(
    ("code", "error", "message"),
    [
        ("ExpiredTokenException", AccessDeniedError, "expired; sign in again"),
        ("AccessDeniedException", AccessDeniedError, "mend the caller's or the role's policy"),
        ("ValidationException", InputError, "SageMaker refused it: no"),
    ],
)
def test_botocores_errors_become_sentences(
    sagemaker: Any, stubber: Stubber, code: str, error: type[Exception], message: str
) -> None:
    stubber.add_client_error("describe_training_job", code, "no")
    trainer, _ = platform(sagemaker)
    with pytest.raises(error, match=message):
        list(trainer.attempts(NAME))


def test_a_running_attempt_can_be_asked_to_stop(sagemaker: Any, stubber: Stubber) -> None:
    described(stubber, 1, "InProgress")
    described(stubber, 2, None)
    stubber.add_response("stop_training_job", {}, {"TrainingJobName": f"{NAME}-a1"})
    trainer, _ = platform(sagemaker)
    attempt = trainer.stop(NAME)
    assert attempt is not None
    assert attempt.name == f"{NAME}-a1"


def test_the_newest_training_image_comes_from_sagemakers_tables() -> None:
    image = training_image("eu-central-1", "ml.g5.xlarge")
    assert image.startswith("763104351884.dkr.ecr.eu-central-1.amazonaws.com/")
    assert "huggingface-pytorch-training:2.9.0-transformers5.3.0-gpu-py312" in image
    with pytest.raises(InputError, match=r"no Hugging Face training image for ml\.m5\.xlarge"):
        training_image("eu-central-1", "ml.m5.xlarge")


@pytest.mark.parametrize(("region", "profile"), [("eu central", None), ("eu-central-1", "nobody")])
def test_settings_of_aws_that_are_not_whole_are_a_sentence(
    aws: str, monkeypatch: pytest.MonkeyPatch, region: str, profile: str | None
) -> None:
    if profile:
        monkeypatch.setenv("AWS_PROFILE", profile)
    with pytest.raises(InputError, match="AWS cannot be asked"):
        list(SageMakerTraining(region=region).attempts(NAME))


def test_a_model_is_registered_under_a_token_so_that_a_second_call_makes_no_second_version(
    sagemaker: Any, stubber: Stubber
) -> None:
    package = {"ModelPackageGroupName": "meetings", "ModelPackageDescription": "x"}
    arn = "arn:aws:sagemaker:eu-central-1:123456789012:model-package/meetings/1"
    tokens = []
    sagemaker.meta.events.register(
        "provide-client-params.sagemaker.CreateModelPackage",
        lambda params, **_: tokens.append(params["ClientToken"]),
    )
    for _ in range(2):
        group = {
            "ModelPackageGroupName": "meetings",
            "ModelPackageGroupArn": "arn:aws:sagemaker:eu-central-1:123456789012:x/meetings",
            "CreationTime": 0,
            "ModelPackageGroupStatus": "Completed",
        }
        answer = {"ModelPackageGroupSummaryList": [group]}
        stubber.add_response("list_model_package_groups", answer, {"NameContains": "meetings"})
        stubber.add_response("create_model_package", {"ModelPackageArn": arn})
        assert register_package(package, sagemaker=sagemaker) == arn
    assert tokens[0] == tokens[1] != ""
