"""The training job as data: the keyword arguments of ``create_training_job``, built without I/O.

Field names and limits are those of the SageMaker API reference.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from batch.platforms.base import Document
from batch.requests import JobMachines
from manifests.errors import InputError

MAX_CHANNELS = 20
MAX_HYPERPARAMETER = 2500  # characters
# The bundle arrives as a channel; the process that starts is the one that gets SageMaker's SIGTERM.
_START = (
    "mkdir -p /opt/ml/code && tar -xzf /opt/ml/input/data/code/source.tar.gz -C /opt/ml/code"
    " && cd /opt/ml/code && exec python3 -m training.start"
)
ENTRYPOINT = ("bash", "-c", _START)
CHECKPOINT_FOLDER = "/opt/ml/checkpoints"

_NUMBER = r"([+-]?(?:nan|inf|[0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?))(?:\s|$)"
METRICS: Mapping[str, str] = {
    "train:loss": rf"(?:^|\s)loss={_NUMBER}",
    "train:learning_rate": rf"(?:^|\s)lr={_NUMBER}",
    "train:audio_seconds_per_second": rf"(?:^|\s)audio_seconds_per_second={_NUMBER}",
    "validation:loss": rf"(?:^|\s)eval_loss={_NUMBER}",
    "validation:wer": rf"(?:^|\s)wer={_NUMBER}",
    "validation:cer": rf"(?:^|\s)cer={_NUMBER}",
}
"""What CloudWatch reads off the lines that training prints: exponents, ``nan`` and ``inf`` too."""


@dataclass(frozen=True, kw_only=True)
class Channel:
    """Objects that a job finds as files in ``/opt/ml/input/data/<name>``."""

    name: str
    uri: str
    kind: Literal["S3Prefix", "ManifestFile"] = "S3Prefix"


@dataclass(frozen=True, kw_only=True)
class Machines(JobMachines):
    """Where a training job runs and what it may do there; times in seconds."""

    volume_gb: int = 30
    max_seconds: int = 86_400
    spot_wait_seconds: int | None = None
    """Spot machines, and how long to wait for them and run on them in all; None: on demand."""
    keep_alive_seconds: int = 0
    """How long a warm pool keeps the machines after the job."""
    input_mode: Literal["File", "FastFile"] = "File"
    network_isolation: bool = False


def training_request(
    *,
    name: str,
    channels: Sequence[Channel],
    output_uri: str,
    checkpoint_uri: str,
    hyperparameters: Mapping[str, str | int | float | bool],
    machines: Machines,
) -> Document:
    """``create_training_job``; one of the channels is ``code``, the source bundle's folder.

    Raises:
        InputError: more channels or longer hyperparameters than SageMaker takes.
    """
    return {
        "TrainingJobName": name,
        "RoleArn": machines.role,
        "AlgorithmSpecification": {
            "TrainingImage": machines.image,
            "TrainingInputMode": machines.input_mode,
            "ContainerEntrypoint": list(ENTRYPOINT),
            "MetricDefinitions": [{"Name": n, "Regex": regex} for n, regex in METRICS.items()],
        },
        "HyperParameters": {n: _checked(n, json.dumps(v)) for n, v in hyperparameters.items()},
        "InputDataConfig": _input(channels),
        "OutputDataConfig": {"S3OutputPath": output_uri, **machines.key()},
        "CheckpointConfig": {"S3Uri": checkpoint_uri, "LocalPath": CHECKPOINT_FOLDER},
        **_where(machines),
        "Tags": machines.tag_list(),
    }


def _input(channels: Sequence[Channel]) -> list[dict[str, Any]]:
    if len(channels) > MAX_CHANNELS:
        raise InputError(
            f"[training]: the recordings lie in so many places that the job needs {len(channels)} "
            f"channels; SageMaker takes {MAX_CHANNELS}. Copy them below one prefix"
        )
    return [
        {
            "ChannelName": channel.name,
            "DataSource": {
                "S3DataSource": {
                    "S3DataType": channel.kind,
                    "S3Uri": channel.uri,
                    "S3DataDistributionType": "FullyReplicated",
                }
            },
        }
        for channel in channels
    ]


def _checked(name: str, text: str) -> str:
    if len(text) > MAX_HYPERPARAMETER:
        raise InputError(
            f"[training] settings.{name}: {len(text)} characters; "
            f"SageMaker takes {MAX_HYPERPARAMETER} a hyperparameter"
        )
    return text


def _where(machines: Machines) -> dict[str, Any]:
    stopping = {"MaxRuntimeInSeconds": machines.max_seconds}
    resources = {
        "InstanceType": machines.instance_type,
        "InstanceCount": machines.instance_count,
        "VolumeSizeInGB": machines.volume_gb,
        **machines.volume_key(),
    }
    where: dict[str, Any] = {
        "ResourceConfig": resources,
        "StoppingCondition": stopping,
        "EnableManagedSpotTraining": machines.spot_wait_seconds is not None,
        "EnableNetworkIsolation": machines.network_isolation,
        # An InternalServerError of SageMaker's is none of the job's.
        "RetryStrategy": {"MaximumRetryAttempts": 2},
    }
    if machines.spot_wait_seconds is not None:
        stopping["MaxWaitTimeInSeconds"] = machines.spot_wait_seconds
    if machines.keep_alive_seconds:
        resources["KeepAlivePeriodInSeconds"] = machines.keep_alive_seconds
    where |= machines.vpc()
    if machines.instance_count > 1:
        where["EnableInterContainerTrafficEncryption"] = machines.kms_key is not None
    return where


def model_package_request(
    *,
    group: str,
    image: str,
    model_uri: str,
    description: str,
    metrics_uri: str,
    metadata: Mapping[str, str],
) -> Document:
    """``create_model_package``: a version in the Model Registry, to be approved by a person."""
    return {
        "ModelPackageGroupName": group,
        "ModelPackageDescription": description,
        "ModelApprovalStatus": "PendingManualApproval",
        "InferenceSpecification": {
            "Containers": [
                {
                    "Image": image,
                    "ModelDataUrl": model_uri,
                    "Environment": {"SAGEMAKER_PROGRAM": "inference.py"},
                }
            ],
            "SupportedContentTypes": ["application/jsonlines", "audio/wav", "audio/flac"],
            "SupportedResponseMIMETypes": ["application/jsonlines"],
        },
        "ModelMetrics": {
            "ModelQuality": {
                "Statistics": {"ContentType": "application/json", "S3Uri": metrics_uri}
            }
        },
        "CustomerMetadataProperties": dict(metadata),
    }
