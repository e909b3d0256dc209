"""AWS calls as they are made, and what IAM asks about each of them.

Actions, resources and condition keys are those of the service authorization reference:
https://docs.aws.amazon.com/service-authorization/latest/reference/.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import boto3

from manifests import s3_store
from tests.infra.iam import Request
from tests.infra.template import ACCOUNT, REGION, STACK_ID

_REGISTERED = "provide-client-params.*.*"
# SageMaker's resources, by what operations call them.
_SAGEMAKER = {
    "TransformJob": "transform-job",
    "TrainingJob": "training-job",
    "ProcessingJob": "processing-job",
    "EndpointConfig": "endpoint-config",
    "Endpoint": "endpoint",
    "Model": "model",
    "ModelPackageGroup": "model-package-group",
}
_S3_ACTIONS = {
    "HeadObject": "GetObject",
    "CreateMultipartUpload": "PutObject",
    "UploadPart": "PutObject",
    "CompleteMultipartUpload": "PutObject",
    "ListObjectsV2": "ListBucket",
    "HeadBucket": "ListBucket",
    "GetBucketEncryption": "GetEncryptionConfiguration",
    "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
}
# What needs no permission, or knows no resources.
_FREE = {"sts:GetCallerIdentity"}
_ANYTHING = {"pricing", "servicequotas", "ec2"}
_PREFIXES = {"service-quotas": "servicequotas", "sagemaker-runtime": "sagemaker"}


@dataclass
class Recorder:
    """The calls of each principal; ``principal`` is who makes them just now."""

    principal: str = "nobody"
    requests: dict[str, list[Request]] = field(default_factory=dict)

    @contextmanager
    def acting_as(self, principal: str) -> Iterator[None]:
        """Whatever is called meanwhile is called by ``principal``."""
        before, self.principal = self.principal, principal
        try:
            yield
        finally:
            self.principal = before

    def heard(self, params: Mapping[str, Any], model: Any, **_: Any) -> None:
        """botocore is about to make a call."""
        service = model.service_model.service_name
        asked = requests_of(service, model.name, params)
        self.requests.setdefault(self.principal, []).extend(asked)


@contextmanager
def recorder() -> Iterator[Recorder]:
    """Hears the calls of this process, by clients of boto3's default session."""
    found = Recorder()
    events = boto3._get_default_session().events
    s3_store._client.cache_clear()
    events.register_first(_REGISTERED, found.heard)
    try:
        yield found
    finally:
        events.unregister(_REGISTERED, found.heard)
        s3_store._client.cache_clear()


def requests_of(service: str, operation: str, params: Mapping[str, Any]) -> list[Request]:
    """What IAM asks about one call; a call that this module does not know is an error."""
    prefix = _PREFIXES.get(service, service)
    if f"{prefix}:{operation}" in _FREE:
        return []
    if prefix in _ANYTHING:
        return [Request(f"{prefix}:{operation}", "*")]
    if prefix not in _SERVICES:
        raise NotImplementedError(f"{service}: which resource is {operation} about?")
    return list(_SERVICES[prefix](operation, params))


def _s3(operation: str, params: Mapping[str, Any]) -> Iterator[Request]:
    bucket = f"arn:aws:s3:::{params['Bucket']}"
    action = f"s3:{_S3_ACTIONS.get(operation, operation)}"
    if "Key" not in params:
        prefix = {"s3:prefix": params["Prefix"]} if "Prefix" in params else {}
        yield Request(action, bucket, prefix)
        return
    yield Request(action, f"{bucket}/{params['Key']}")
    if operation in ("HeadObject", "GetObject"):
        # Where there is no such object, S3 says so to those only who may list; without a prefix.
        yield Request("s3:ListBucket", bucket)


def _sagemaker(operation: str, params: Mapping[str, Any]) -> Iterator[Request]:
    if operation.startswith("List"):
        yield Request(f"sagemaker:{operation}", "*")
        return
    noun = re.sub("^(Create|Describe|Delete|Stop|Update|Invoke)|Async$", "", operation)
    resource = f"{_arn('sagemaker', _SAGEMAKER[noun])}/{params[f'{noun}Name']}".lower()
    yield Request(f"sagemaker:{operation}", resource)
    if params.get("Tags"):
        yield Request("sagemaker:AddTags", resource)
    if role := params.get("RoleArn") or params.get("ExecutionRoleArn"):
        yield _passed(role, "sagemaker")


def _scheduler(operation: str, params: Mapping[str, Any]) -> Iterator[Request]:
    group = params.get("GroupName", "default")
    if operation == "ListSchedules":
        resource = "*"
    elif operation.endswith("ScheduleGroup"):
        resource = f"{_arn('scheduler', 'schedule-group')}/{params['Name']}"
    else:
        resource = f"{_arn('scheduler', 'schedule')}/{group}/{params['Name']}"
    yield Request(f"scheduler:{operation}", resource)
    if "Target" in params:
        yield _passed(params["Target"]["RoleArn"], "scheduler")


def _logs(operation: str, params: Mapping[str, Any]) -> Iterator[Request]:
    stream = f":log-stream:{params.get('logStreamName', '')}"
    yield Request(
        f"logs:{operation}", f"{_arn('logs', 'log-group')}:{params['logGroupName']}{stream}"
    )


def _sqs(operation: str, params: Mapping[str, Any]) -> Iterator[Request]:
    name = params.get("QueueName") or params["QueueUrl"].rpartition("/")[2]
    yield Request(f"sqs:{operation}", _arn("sqs", name))


def _cloudformation(operation: str, params: Mapping[str, Any]) -> Iterator[Request]:
    name = params["StackName"]
    id_of_it = STACK_ID.rpartition("/")[2]
    yield Request(
        f"cloudformation:{operation}", f"{_arn('cloudformation', 'stack')}/{name}/{id_of_it}"
    )


def _ecr(operation: str, params: Mapping[str, Any]) -> Iterator[Request]:
    registry = f"arn:aws:ecr:{REGION}:{params['registryId']}"
    yield Request(f"ecr:{operation}", f"{registry}:repository/{params['repositoryName']}")


def _iam(operation: str, params: Mapping[str, Any]) -> Iterator[Request]:
    resource = params.get("PolicySourceArn") or f"arn:aws:iam::{ACCOUNT}:role/{params['RoleName']}"
    yield Request(f"iam:{operation}", resource)


def _passed(role: str, service: str) -> Request:
    return Request("iam:PassRole", role, {"iam:PassedToService": f"{service}.amazonaws.com"})


def _arn(service: str, rest: str) -> str:
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{rest}"


_SERVICES: Mapping[str, Callable[[str, Mapping[str, Any]], Iterator[Request]]] = {
    "s3": _s3,
    "sagemaker": _sagemaker,
    "scheduler": _scheduler,
    "logs": _logs,
    "sqs": _sqs,
    "ecr": _ecr,
    "iam": _iam,
    "cloudformation": _cloudformation,
    "sns": lambda operation, params: iter([Request(f"sns:{operation}", params["TopicArn"])]),
    "kms": lambda operation, params: iter([Request(f"kms:{operation}", params["KeyId"])]),
}


def started_by(schedule: Mapping[str, Any]) -> list[Request]:
    """What EventBridge Scheduler does when a schedule is due, and when it cannot."""
    target = schedule["Target"]
    service, action = target["Arn"].split(":aws-sdk:")[1].split(":")
    operation = action[0].upper() + action[1:]
    found = requests_of(service, operation, json.loads(target["Input"]))
    return [*found, Request("sqs:SendMessage", target["DeadLetterConfig"]["Arn"])]
