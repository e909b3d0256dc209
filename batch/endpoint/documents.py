"""The requests that make an endpoint, as data: its model, its configuration, itself.

Limits are those of InvokeEndpoint and InvokeEndpointAsync in the API reference.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from batch.capacity.limits import BUDGET_SHARE, RESPONSE_BYTES
from batch.platforms.base import Document
from batch.requests import TransformMachines, content_hash, model_request
from manifests.errors import InputError
from transform_handler.allowed import VARIABLE as ALLOWED_VARIABLE
from transform_handler.allowed import encode_prefix
from transform_handler.handler import BUDGET_VARIABLE

Kind = Literal["real-time", "asynchronous"]

PREFIX = "nightscribe-endpoint-"
VARIANT = "AllTraffic"
INPUTS, ANSWERS, FAILURES = "in/", "out/", "failed/"
"""Below an asynchronous endpoint's folder; it may read the first, and nothing else."""
LOG_GROUP = "/aws/sagemaker/Endpoints"
REAL_TIME_BYTES = 6_291_456
"""Of a request's body; AWS refuses a larger one."""
ISOLATED_BYTES = RESPONSE_BYTES
"""Of a body that an isolated asynchronous endpoint takes: the limit of its model server."""
SECONDS: Mapping[Kind, int] = {"real-time": 60, "asynchronous": 3600}
"""That a container may take to answer."""

_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_NAME_LENGTH = 30
_DIGEST = re.compile(r"[0-9a-f]{8}")
# A container installs the handler's requirements before it answers /ping.
_START_SECONDS = 900


@dataclass(frozen=True, kw_only=True)
class EndpointDocuments:
    """``create_model``, ``create_endpoint_config`` and ``create_endpoint`` for one endpoint.

    The names of model and configuration end in a hash of the rest, so that a name is one content.
    """

    name: str
    """As a person gave it: ``trial``."""
    kind: Kind
    model: Document
    config: Document
    endpoint: Document

    @property
    def instance_type(self) -> str:
        """The type of its machine."""
        return str(self.config["ProductionVariants"][0]["InstanceType"])


def endpoint_name(name: str) -> str:
    """The endpoint's name in the account.

    Raises:
        InputError: ``name`` does not fit into one.
    """
    if not _fits(name):
        raise InputError(
            f"--name {name!r}: up to {_NAME_LENGTH} small letters, digits and single dashes are "
            "expected"
        )
    return PREFIX + name


def given_name(endpoint: str) -> str | None:
    """The name that a person gave to an endpoint of the account; None where it is not ours."""
    name = endpoint.removeprefix(PREFIX)
    return name if endpoint.startswith(PREFIX) and _fits(name) else None


def owner(resource: str) -> str | None:
    """The endpoint for which ``endpoint_documents`` named a model or a configuration so."""
    endpoint, _, digest = resource.rpartition("-")
    return given_name(endpoint) if _DIGEST.fullmatch(digest) else None


def _fits(name: str) -> bool:
    return _NAME.fullmatch(name) is not None and len(name) <= _NAME_LENGTH


def folder_of(name: str) -> str:
    """Where below the output an endpoint's inputs and answers pass through."""
    return f"endpoints/{name}/"


def endpoint_documents(
    *, name: str, kind: Kind, bundle_uri: str, machines: TransformMachines, output_uri: str
) -> EndpointDocuments:
    """The documents of an endpoint whose answers, if asynchronous, pass below ``output_uri``.

    The handler may read what was uploaded for this endpoint; a real-time or an isolated one reads
    bodies only. With a pointer to the archive, whoever may invoke the endpoint would hear every
    meeting.

    Raises:
        InputError: ``name`` cannot be an endpoint's.
    """
    endpoint = endpoint_name(name)
    seconds = SECONDS[kind]
    environment = {BUDGET_VARIABLE: str(round(seconds * BUDGET_SHARE, 1))}
    if kind == "asynchronous" and not machines.isolated:
        environment[ALLOWED_VARIABLE] = encode_prefix(output_uri + folder_of(name) + INPUTS)
    model = model_request(
        name=endpoint,
        bundle_uri=bundle_uri,
        machines=machines,
        timeout_seconds=seconds,
        environment=environment,
    )
    config = _config(name, kind, str(model["ModelName"]), machines, output_uri)
    tags = machines.tag_list()
    return EndpointDocuments(
        name=name,
        kind=kind,
        model=model,
        config=config,
        endpoint={
            "EndpointName": endpoint,
            "EndpointConfigName": config["EndpointConfigName"],
            "Tags": tags,
        },
    )


def _config(
    name: str, kind: Kind, model: str, machines: TransformMachines, output_uri: str
) -> Document:
    document: dict[str, Any] = {
        "ProductionVariants": [
            {
                "VariantName": VARIANT,
                "ModelName": model,
                "InstanceType": machines.instance_type,
                "InitialInstanceCount": 1,
                "InitialVariantWeight": 1.0,
                "ContainerStartupHealthCheckTimeoutInSeconds": _START_SECONDS,
            }
        ],
        "Tags": machines.tag_list(),
        **machines.volume_key("KmsKeyId"),
    }
    if kind == "asynchronous":
        document["AsyncInferenceConfig"] = _asynchronous(name, machines, output_uri)
    return {"EndpointConfigName": f"{endpoint_name(name)}-{content_hash(document)}", **document}


def _asynchronous(name: str, machines: TransformMachines, output_uri: str) -> Document:
    folder = output_uri + folder_of(name)
    return {
        "ClientConfig": {"MaxConcurrentInvocationsPerInstance": machines.workers},
        "OutputConfig": {
            "S3OutputPath": folder + ANSWERS,
            "S3FailurePath": folder + FAILURES,
            **machines.key(),
        },
    }
