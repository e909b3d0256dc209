"""The training job's document: what SageMaker takes, and what its users ask of it."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import botocore.session
import pytest
from botocore.validate import ParamValidator

from batch.fine_tuning.request import (
    METRICS,
    Channel,
    Machines,
    model_package_request,
    training_request,
)
from batch.platforms.sagemaker_jobs import TRAINING, on_instance_type
from manifests.errors import InputError

GPU = Machines(
    role="arn:aws:iam::123456789012:role/trainer",
    image="763104351884.dkr.ecr.eu-central-1.amazonaws.com/huggingface-pytorch-training:2.9.0",
    instance_type="ml.g5.xlarge",
    instance_count=2,
    volume_gb=100,
    max_seconds=3600,
    spot_wait_seconds=7200,
    input_mode="FastFile",
    subnets=["subnet-1"],
    security_groups=["sg-1"],
    kms_key="arn:aws:kms:eu-central-1:123456789012:key/k",
    network_isolation=True,
    tags={"team": "speech"},
)


def document(machines: Machines = GPU, **settings: Any) -> dict[str, Any]:
    return dict(
        training_request(
            name="nightscribe-fine-tuned-abc",
            channels=[
                Channel(name="train", uri="s3://b/labels/"),
                Channel(name="train_sound", uri="s3://b/sound.json", kind="ManifestFile"),
                Channel(name="code", uri="s3://b/code/"),
            ],
            output_uri="s3://b/jobs",
            checkpoint_uri="s3://b/checkpoints/x/",
            hyperparameters={"steps": 3, "learning_rate": 1e-4, **settings},
            machines=machines,
        )
    )


def complaints(operation: str, given: dict[str, Any]) -> str:
    model = botocore.session.get_session().get_service_model("sagemaker")
    shape = model.operation_model(operation).input_shape
    return str(ParamValidator().validate(given, shape).generate_report())


@pytest.mark.parametrize("machines", [Machines(), GPU, replace(GPU, spot_wait_seconds=None)])
def test_botocore_has_no_complaint(machines: Machines) -> None:
    assert complaints("CreateTrainingJob", document(machines)) == ""


def test_spot_vpc_keys_and_isolation_stand_where_sagemaker_looks_for_them() -> None:
    found = document()
    assert found["EnableManagedSpotTraining"]
    assert found["StoppingCondition"] == {
        "MaxRuntimeInSeconds": 3600,
        "MaxWaitTimeInSeconds": 7200,
    }
    assert found["CheckpointConfig"]["LocalPath"] == "/opt/ml/checkpoints"
    assert found["VpcConfig"] == {"Subnets": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}
    assert found["OutputDataConfig"]["KmsKeyId"] == GPU.kms_key
    assert found["EnableNetworkIsolation"]
    assert found["Tags"] == [{"Key": "team", "Value": "speech"}]
    assert found["AlgorithmSpecification"]["TrainingInputMode"] == "FastFile"


@pytest.mark.parametrize(
    ("instance_type", "refuses"),
    [
        ("ml.g5.xlarge", True),
        ("ml.g4dn.xlarge", True),
        ("ml.p4d.24xlarge", True),
        ("ml.p6-b200.48xlarge", True),
        ("ml.g7e.2xlarge", True),
        ("ml.trn1.2xlarge", True),
        ("ml.m5d.large", True),
        ("ml.m5.xlarge", False),
        ("ml.p3.2xlarge", False),
        ("ml.c5.xlarge", False),
    ],
)
def test_a_volume_key_is_left_out_where_the_machine_brings_its_own_disk(
    instance_type: str, refuses: bool
) -> None:
    resources = document(replace(GPU, instance_type=instance_type))["ResourceConfig"]
    assert ("VolumeKmsKeyId" in resources) is not refuses


@pytest.mark.parametrize("first", ["ml.g5.xlarge", "ml.p3.2xlarge"])
def test_another_instance_type_is_asked_for_with_the_key_that_it_takes(first: str) -> None:
    job = document(replace(GPU, instance_type=first))
    for other in ("ml.g5.xlarge", "ml.p3.2xlarge"):
        wanted = document(replace(GPU, instance_type=other))
        assert on_instance_type(TRAINING, job, other) == wanted


def test_a_warm_pool_is_kept_alive_only_where_it_is_asked_for() -> None:
    warm = replace(GPU, spot_wait_seconds=None, keep_alive_seconds=600)
    assert document(warm)["ResourceConfig"]["KeepAlivePeriodInSeconds"] == 600
    assert "KeepAlivePeriodInSeconds" not in document()["ResourceConfig"]


def test_what_sagemaker_would_refuse_is_refused_before_it_is_sent() -> None:
    with pytest.raises(InputError, match=r"settings\.text_rules: 300\d characters"):
        document(text_rules="x" * 3000)
    channels = [Channel(name=f"c{n}", uri="s3://b/") for n in range(21)]
    with pytest.raises(InputError, match="21 channels; SageMaker takes 20"):
        training_request(
            name="a",
            channels=channels,
            output_uri="s3://b/",
            checkpoint_uri="s3://b/",
            hyperparameters={},
            machines=Machines(),
        )


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            "step=10 loss=1.51657 lr=3.1e-05",
            {"train:loss": "1.51657", "train:learning_rate": "3.1e-05"},
        ),
        ("step=10 loss=nan lr=0.0005", {"train:loss": "nan", "train:learning_rate": "0.0005"}),
        (
            "step=50 eval_loss=0.726297 wer=0.685567 cer=0.2",
            {"validation:loss": "0.726297", "validation:wer": "0.685567", "validation:cer": "0.2"},
        ),
        ("step=1 loss=inf", {"train:loss": "inf"}),
        ("audio_seconds_per_second=12.5", {"train:audio_seconds_per_second": "12.5"}),
        ("steps=150 utterances=80", {}),
    ],
)
def test_metric_expressions_catch_whole_numbers_and_nothing_else(
    line: str, expected: dict[str, str]
) -> None:
    found = {name: m[1] for name, regex in METRICS.items() if (m := re.search(regex, line))}
    assert found == expected


def test_a_registry_package_waits_for_a_person_and_carries_the_metrics() -> None:
    package = model_package_request(
        group="speech",
        image=GPU.image,
        model_uri="s3://b/model.tar.gz",
        description="a model",
        metrics_uri="s3://b/metrics.json",
        metadata={"wer": "0.2"},
    )
    assert complaints("CreateModelPackage", dict(package)) == ""
    assert package["ModelApprovalStatus"] == "PendingManualApproval"
    quality = package["ModelMetrics"]["ModelQuality"]["Statistics"]
    assert quality["S3Uri"] == "s3://b/metrics.json"
