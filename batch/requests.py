"""Requests as data: the keyword arguments of boto3's calls, built without any I/O.

Field names and limits are those of the SageMaker API reference; a test lets botocore's own
validator check each document.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from batch.capacity.limits import LONGEST_TIMEOUT, RESPONSE_BYTES, TransformLimits
from batch.instances import has_local_disk
from batch.platforms.base import Document
from transform_handler.allowed import VARIABLE as ALLOWED_VARIABLE
from transform_handler.allowed import encode_prefix
from transform_handler.handler import BUDGET_VARIABLE, FLAC, JSON_LINES

# A local role and image in the documents' place for them; the local platform reads neither.
LOCAL_ROLE = "arn:aws:iam::000000000000:role/nightscribe-local"
LOCAL_IMAGE = "nightscribe/local:latest"


def job_name(run_id: str, output_uri: str, suffix: str) -> str:
    """A deterministic name: SageMaker's own guard against doing the same work twice."""
    place = hashlib.sha256(output_uri.encode()).hexdigest()[:8]
    return f"nightscribe-{run_id}-{place}-{suffix}"


@dataclass(frozen=True, kw_only=True)
class JobMachines:
    """Where jobs of either kind run, as whom, and what their network and keys are."""

    role: str = LOCAL_ROLE
    image: str = LOCAL_IMAGE
    instance_type: str = "ml.m5.xlarge"
    instance_count: int = 1
    subnets: Sequence[str] = ()
    security_groups: Sequence[str] = ()
    kms_key: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)

    def tag_list(self) -> list[dict[str, str]]:
        """The tags as a document has them."""
        return [{"Key": key, "Value": value} for key, value in self.tags.items()]

    def vpc(self) -> dict[str, Any]:
        """``VpcConfig`` as a document has it; nothing without subnets."""
        if not self.subnets:
            return {}
        groups = list(self.security_groups)
        return {"VpcConfig": {"Subnets": list(self.subnets), "SecurityGroupIds": groups}}

    def key(self, field_name: str = "KmsKeyId") -> dict[str, str]:
        """The key under the name that a document has for it; nothing without one."""
        return {field_name: self.kms_key} if self.kms_key else {}

    def volume_key(self, field_name: str = "VolumeKmsKeyId") -> dict[str, str]:
        """The key for the instances' volumes; nothing where they have disks of their own."""
        return {} if has_local_disk(self.instance_type) else self.key(field_name)


@dataclass(frozen=True, kw_only=True)
class TransformMachines(JobMachines):
    """Where transform jobs run; the model server has a worker for each concurrent request."""

    workers: int = 1
    """Recordings that one instance transcribes at a time."""
    threads: int | None = None
    """Of each worker; None leaves the choice to the platform."""
    isolated: bool = False
    """Whether the container reaches nothing, so that requests bring the sound."""


def model_request(
    *,
    name: str,
    bundle_uri: str,
    machines: TransformMachines | None = None,
    timeout_seconds: int = LONGEST_TIMEOUT,
    environment: Mapping[str, str] | None = None,
) -> Document:
    """``create_model``; the name gets a hash of the rest, so that a name is one model for ever."""
    machines = machines or TransformMachines()
    document: dict[str, Any] = {
        "PrimaryContainer": {
            "Image": machines.image,
            "ModelDataUrl": bundle_uri,
            "Environment": {
                "SAGEMAKER_PROGRAM": "inference.py",
                # The server's own limits are 6.5 MB and a minute; both end an invocation.
                "MMS_MAX_REQUEST_SIZE": str(RESPONSE_BYTES),
                "MMS_MAX_RESPONSE_SIZE": str(RESPONSE_BYTES),
                "SAGEMAKER_MODEL_SERVER_TIMEOUT_SECONDS": str(timeout_seconds),
                "SAGEMAKER_MODEL_SERVER_WORKERS": str(machines.workers),
                **_threads(machines),
                **(environment or {}),
            },
        },
        "ExecutionRoleArn": machines.role,
        "Tags": machines.tag_list(),
        **machines.vpc(),
        **({"EnableNetworkIsolation": True} if machines.isolated else {}),
    }
    return {"ModelName": f"{name[: 63 - 9]}-{content_hash(document)}", **document}


def content_hash(document: Document) -> str:
    """Eight digits that make a name stand for one content."""
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()[:8]


def _threads(machines: TransformMachines) -> dict[str, str]:
    if machines.threads is None:
        return {}
    return {"NIGHTSCRIBE_THREADS": str(machines.threads), "OMP_NUM_THREADS": str(machines.threads)}


def _allowed(prefixes: Sequence[str]) -> dict[str, str]:
    return {ALLOWED_VARIABLE: ",".join(map(encode_prefix, prefixes))}


def transform_request(
    *,
    name: str,
    model_name: str,
    manifest_uri: str,
    output_uri: str,
    allowed_prefixes: Sequence[str],
    limits: TransformLimits,
    machines: TransformMachines | None = None,
) -> Document:
    """``create_transform_job`` over a ManifestFile: one object, one request, one output."""
    machines = machines or TransformMachines()
    return {
        "TransformJobName": name,
        "ModelName": model_name,
        "MaxConcurrentTransforms": limits.concurrency,
        "MaxPayloadInMB": limits.payload_mb,
        "BatchStrategy": "SingleRecord",
        "ModelClientConfig": {
            "InvocationsTimeoutInSeconds": limits.timeout_seconds,
            "InvocationsMaxRetries": limits.retries,
        },
        "Environment": {
            **({} if machines.isolated else _allowed(allowed_prefixes)),
            BUDGET_VARIABLE: str(limits.budget_seconds),
        },
        "TransformInput": {
            "DataSource": {"S3DataSource": {"S3DataType": "ManifestFile", "S3Uri": manifest_uri}},
            "ContentType": FLAC if machines.isolated else JSON_LINES,
            "CompressionType": "None",
            "SplitType": "None",
        },
        "TransformOutput": {
            "S3OutputPath": output_uri,
            "Accept": JSON_LINES,
            "AssembleWith": "None",
            **machines.key(),
        },
        "TransformResources": {
            "InstanceType": machines.instance_type,
            "InstanceCount": machines.instance_count,
            **machines.volume_key(),
        },
        "Tags": machines.tag_list(),
    }
