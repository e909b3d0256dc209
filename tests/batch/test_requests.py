"""The documents are what boto3 would send: botocore's own validator has no complaint."""

from __future__ import annotations

import json

import botocore.session
import pytest
from botocore.validate import ParamValidator

from batch.capacity.limits import TransformLimits
from batch.platforms.transform_job import TransformSpec
from batch.requests import (
    TransformMachines,
    job_name,
    model_request,
    transform_request,
)
from manifests.errors import InputError
from transform_handler.allowed import VARIABLE as ALLOWED


def complaints(operation: str, document: dict) -> str:
    model = botocore.session.get_session().get_service_model("sagemaker")
    return (
        ParamValidator()
        .validate(document, model.operation_model(operation).input_shape)
        .generate_report()
    )


ISOLATED = TransformMachines(isolated=True)


def transform(machines: TransformMachines | None = None) -> dict:
    return dict(
        transform_request(
            name=job_name("2026-11-23-001", "s3://b/out/", "r1"),
            model_name=model()["ModelName"],
            manifest_uri="s3://b/out/runs/x/manifest.json",
            output_uri="s3://b/out/runs/x/out/",
            allowed_prefixes=["s3://b/in/"],
            limits=TransformLimits(concurrency=64, timeout_seconds=3600, retries=1),
            machines=machines,
        )
    )


def model(machines: TransformMachines | None = None) -> dict:
    bundle = "s3://b/m/model.tar.gz"
    return dict(model_request(name="nightscribe-model", bundle_uri=bundle, machines=machines))


@pytest.mark.parametrize(
    ("operation", "document"),
    [
        ("CreateTransformJob", transform()),
        ("CreateModel", model()),
        ("CreateTransformJob", transform(ISOLATED)),
        ("CreateModel", model(ISOLATED)),
    ],
)
def test_botocore_accepts_the_document(operation: str, document: dict) -> None:
    assert complaints(operation, document) == ""


def test_botocore_would_say_so_if_it_did_not() -> None:
    assert "Missing required parameter" in complaints("CreateTransformJob", {"ModelName": "x"})


def test_limits_of_batch_transform_are_kept() -> None:
    document = transform()
    assert document["MaxConcurrentTransforms"] * document["MaxPayloadInMB"] <= 100
    assert len(document["Environment"]) <= 16
    assert document["ModelClientConfig"]["InvocationsTimeoutInSeconds"] <= 3600


def test_an_isolated_job_is_sent_sound_and_allowed_nothing_else() -> None:
    job, made = transform(ISOLATED), model(ISOLATED)
    assert job["TransformInput"]["ContentType"] == "audio/flac"
    assert ALLOWED not in job["Environment"]
    assert ALLOWED in transform()["Environment"]
    assert made["EnableNetworkIsolation"] is True
    assert made["ModelName"] != model()["ModelName"]


def test_job_names_are_deterministic_short_and_differ_by_output() -> None:
    name = job_name("2026-11-23-001", "s3://b/out/", "r1")
    assert name == job_name("2026-11-23-001", "s3://b/out/", "r1")
    assert name != job_name("2026-11-23-001", "s3://b/other/", "r1")
    assert len(name) <= 63


def test_the_local_platform_reads_what_was_written() -> None:
    spec = TransformSpec.of(model(), transform())
    assert spec.manifest_uri.endswith("manifest.json")
    assert spec.environment["NIGHTSCRIBE_ALLOWED_PREFIXES"] == "s3://b/in/"
    assert spec.environment["SAGEMAKER_BATCH"] == "true"


@pytest.mark.parametrize(
    ("where", "value"),
    [("SplitType", "Line"), ("BatchStrategy", "MultiRecord"), ("MaxPayloadInMB", 50)],
)
def test_the_local_platform_refuses_what_it_would_do_differently(where: str, value: object) -> None:
    document = json.loads(json.dumps(transform()))
    target = document["TransformInput"] if where == "SplitType" else document
    target[where] = value
    with pytest.raises(InputError, match=where):
        TransformSpec.of(model(), document)
