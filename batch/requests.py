"""Requests as data: the keyword arguments of boto3's calls, built without any I/O.

Field names and limits are those of the SageMaker API reference; a test lets botocore's own
validator check each document.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from batch.platforms.base import Document
from transform_handler.allowed import VARIABLE as ALLOWED_VARIABLE
from transform_handler.allowed import encode_prefix
from transform_handler.handler import BUDGET_VARIABLE, JSON_LINES

# A local role and image in the documents' place for them; the local platform reads neither.
LOCAL_ROLE = "arn:aws:iam::000000000000:role/nightscribe-local"
LOCAL_IMAGE = "nightscribe/local:latest"
PAYLOAD_MB = 6
# The handler stops taking recordings on when this share of the invocation's time is used.
BUDGET_SHARE = 0.85


def job_name(run_id: str, output_uri: str, suffix: str) -> str:
    """A deterministic name: SageMaker's own guard against doing the same work twice."""
    place = hashlib.sha256(output_uri.encode()).hexdigest()[:8]
    return f"nightscribe-{run_id}-{place}-{suffix}"


def model_request(*, name: str, bundle_uri: str) -> Document:
    """``create_model``."""
    return {
        "ModelName": name,
        "PrimaryContainer": {
            "Image": LOCAL_IMAGE,
            "ModelDataUrl": bundle_uri,
            "Environment": {"SAGEMAKER_PROGRAM": "inference.py"},
        },
        "ExecutionRoleArn": LOCAL_ROLE,
    }


@dataclass(frozen=True, kw_only=True)
class TransformLimits:
    """How a transform job may use its instances; times in seconds."""

    concurrency: int
    timeout_seconds: int
    retries: int


def transform_request(
    *,
    name: str,
    model_name: str,
    manifest_uri: str,
    output_uri: str,
    allowed_prefixes: Sequence[str],
    limits: TransformLimits,
) -> Document:
    """``create_transform_job`` over a ManifestFile: one shard, one request, one output."""
    return {
        "TransformJobName": name,
        "ModelName": model_name,
        "MaxConcurrentTransforms": min(limits.concurrency, 100 // PAYLOAD_MB),
        "MaxPayloadInMB": PAYLOAD_MB,
        "BatchStrategy": "SingleRecord",
        "ModelClientConfig": {
            "InvocationsTimeoutInSeconds": limits.timeout_seconds,
            "InvocationsMaxRetries": limits.retries,
        },
        "Environment": {
            ALLOWED_VARIABLE: ",".join(map(encode_prefix, allowed_prefixes)),
            BUDGET_VARIABLE: str(round(limits.timeout_seconds * BUDGET_SHARE, 1)),
        },
        "TransformInput": {
            "DataSource": {"S3DataSource": {"S3DataType": "ManifestFile", "S3Uri": manifest_uri}},
            "ContentType": JSON_LINES,
            "CompressionType": "None",
            "SplitType": "None",
        },
        "TransformOutput": {
            "S3OutputPath": output_uri,
            "Accept": JSON_LINES,
            "AssembleWith": "None",
        },
        "TransformResources": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1},
    }
