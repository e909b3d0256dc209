"""What moto leaves out of endpoints: they take their time, fail, are updated, and answer.

An invocation is answered by the model server of the local platform, from the bundle that the
endpoint's model names.
"""

from __future__ import annotations

import json
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest

from batch.platforms.worker import InvocationError, Worker
from manifests.storage import open_store, parent_store
from manifests.tarball import unpack_object

_COMING = ("Creating", "Updating")


@dataclass(kw_only=True)
class EndpointServer:
    """``endings`` are what the next creations and updates come to; then they serve.

    ``quota_zero`` names instance types that the account may not have. With ``lose_answers``, the
    answer to an update gets lost once, and the client asks again.
    """

    endings: list[tuple[str, str]] = field(default_factory=list)
    quota_zero: set[str] = field(default_factory=set)
    lose_answers: bool = False
    invoked: list[dict[str, str]] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    _workers: dict[str, tuple[Worker, tempfile.TemporaryDirectory[str]]] = field(
        default_factory=dict
    )

    def answer(self, endpoint: str, body: bytes, headers: dict[str, str]) -> bytes:
        """What the container answers."""
        kinds = {"content_type": headers["Content-Type"], "accept": headers["Accept"]}
        self.invoked.append({"endpoint": endpoint, **kinds})
        return self._worker(endpoint).invoke(body, **kinds, timeout=60.0)

    def under_way(self, record: Any, status: str) -> None:
        """A creation or an update has begun."""
        record.endpoint_status = status
        record.coming = self.endings.pop(0) if self.endings else ("InService", "")

    def _worker(self, endpoint: str) -> Worker:
        sagemaker = boto3.client("sagemaker")
        config = sagemaker.describe_endpoint(EndpointName=endpoint)["EndpointConfigName"]
        name = config_of(config)["ProductionVariants"][0]["ModelName"]
        if name not in self._workers:
            container = sagemaker.describe_model(ModelName=name)["PrimaryContainer"]
            folder = tempfile.TemporaryDirectory()
            unpack_object(container["ModelDataUrl"], Path(folder.name) / "model")
            worker = Worker(Path(folder.name) / "model", container["Environment"])
            worker.start()
            self._workers[name] = worker, folder
        return self._workers[name][0]

    def close(self) -> None:
        for worker, folder in self._workers.values():
            worker.stop()
            folder.cleanup()


def config_of(name: str) -> Any:
    return boto3.client("sagemaker").describe_endpoint_config(EndpointConfigName=name)


@contextmanager
def endpoint_server() -> Iterator[EndpointServer]:
    """A server for moto's endpoints (fixture ``aws``); nobody waits."""
    server = EndpointServer()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("batch.endpoint.standing._POLL_SECONDS", 0.0)
        patch.setattr("batch.endpoint.asynchronous._FIRST_PAUSE", 0.0)
        _hear_beginnings(server, patch)
        _hear_ends(patch)
        _hear_invocations(server, patch)
        try:
            yield server
        finally:
            server.close()


def _hear_beginnings(server: EndpointServer, patch: pytest.MonkeyPatch) -> None:
    from moto.core.exceptions import JsonRESTError
    from moto.core.responses import ActionResult
    from moto.sagemaker.exceptions import ValidationError
    from moto.sagemaker.responses import SageMakerResponse

    create: Any = SageMakerResponse.create_endpoint

    def checked(response: Any) -> tuple[str, str]:
        document = json.loads(response.body)
        server.calls.append(response.headers["X-Amz-Target"].rpartition(".")[2])
        config = document["EndpointConfigName"]
        variant = response.sagemaker_backend.describe_endpoint_config(config)
        kind = variant["ProductionVariants"][0]["InstanceType"]
        if kind in server.quota_zero:
            raise JsonRESTError(
                "ResourceLimitExceeded",
                f"The account-level service limit '{kind} for endpoint usage' is 0 Instances, "
                "with current utilization of 0 Instances and a request delta of 1 Instances.",
            )
        return document["EndpointName"], config

    def create_endpoint(response: Any) -> Any:
        name, _ = checked(response)
        if name in response.sagemaker_backend.endpoints:
            raise ValidationError(f'Cannot create already existing endpoint "{name}".')
        answer = create(response)
        server.under_way(response.sagemaker_backend.endpoints[name], "Creating")
        return answer

    def update_endpoint(response: Any) -> Any:
        name, config = checked(response)
        record = response.sagemaker_backend.endpoints[name]
        if record.endpoint_status in _COMING:
            raise ValidationError(f'Cannot update in-progress endpoint "{record.arn}".')
        record.before, record.endpoint_config_name = record.endpoint_config_name, config
        server.under_way(record, "Updating")
        if server.lose_answers:
            server.lose_answers = False
            lost = JsonRESTError("InternalFailure", "The answer is lost.")
            lost.code = 500
            raise lost
        return ActionResult({"EndpointArn": record.arn})

    patch.setattr(SageMakerResponse, "create_endpoint", create_endpoint)
    patch.setattr(SageMakerResponse, "update_endpoint", update_endpoint, raising=False)


def _hear_ends(patch: pytest.MonkeyPatch) -> None:
    """A status passes once it was seen."""
    from moto.core.responses import ActionResult
    from moto.sagemaker.exceptions import ValidationError
    from moto.sagemaker.responses import SageMakerResponse

    api: Any = SageMakerResponse
    describe, delete = api.describe_endpoint, api.delete_endpoint

    def describe_endpoint(response: Any) -> Any:
        answer = describe(response)
        record = _record(response)
        if record.endpoint_status == "Deleting":
            delete(response)
        elif record.endpoint_status in _COMING:
            status, record.failure_reason = record.coming
            if record.endpoint_status == "Updating" and status == "Failed":
                status, record.endpoint_config_name = "InService", record.before
            record.endpoint_status = status
        return answer

    def delete_endpoint(response: Any) -> Any:
        record = _record(response)
        if record is None:
            return delete(response)
        if record.endpoint_status in _COMING:
            raise ValidationError("Cannot update in-progress endpoint.")
        record.endpoint_status = "Deleting"
        return ActionResult({})

    patch.setattr(api, "describe_endpoint", describe_endpoint)
    patch.setattr(api, "delete_endpoint", delete_endpoint)


def _record(response: Any) -> Any:
    return response.sagemaker_backend.endpoints.get(json.loads(response.body)["EndpointName"])


def _hear_invocations(server: EndpointServer, patch: pytest.MonkeyPatch) -> None:
    from moto.sagemakerruntime.responses import SageMakerRuntimeResponse

    def invoke_endpoint(response: Any) -> Any:
        name = response.path.split("/")[2]
        try:
            body = server.answer(name, response.body, dict(response.headers))
        except InvocationError as error:
            return (
                424,
                {"status": 424, "x-amzn-ErrorType": "ModelError"},
                json.dumps(_model_error(str(error))),
            )
        return 200, {"Content-Type": response.headers["Accept"]}, body

    def invoke_endpoint_async(response: Any) -> Any:
        name, request = response.path.split("/")[2], dict(response.headers)
        places = config_of(
            boto3.client("sagemaker").describe_endpoint(EndpointName=name)["EndpointConfigName"]
        )["AsyncInferenceConfig"]["OutputConfig"]
        token = str(uuid.uuid4())
        out = places["S3OutputPath"] + f"{token}.out"
        failure = places["S3FailurePath"] + f"{token}-error.out"
        store, key = parent_store(request["X-Amzn-Sagemaker-Inputlocation"])
        kinds = {
            "Content-Type": request["X-Amzn-Sagemaker-Content-Type"],
            "Accept": request["X-Amzn-Sagemaker-Accept"],
        }
        try:
            body, place = server.answer(name, store.read(key), kinds), out
        except InvocationError as error:
            body, place = str(error).encode(), failure
        target = open_store(place.rpartition("/")[0] + "/")
        target.put(place.rpartition("/")[2], body)
        headers = {
            "X-Amzn-SageMaker-OutputLocation": out,
            "X-Amzn-SageMaker-FailureLocation": failure,
        }
        return 202, headers, json.dumps({"InferenceId": token})

    def setup_class(response: Any, *words: Any, **_: Any) -> None:
        # A body is sound, not text.
        super(SageMakerRuntimeResponse, response).setup_class(*words, use_raw_body=True)

    patch.setattr(SageMakerRuntimeResponse, "setup_class", setup_class, raising=False)
    patch.setattr(SageMakerRuntimeResponse, "invoke_endpoint", invoke_endpoint)
    patch.setattr(SageMakerRuntimeResponse, "invoke_endpoint_async", invoke_endpoint_async)


def _model_error(said: str) -> dict[str, Any]:
    """As the runtime wraps what a model server's JSON says."""
    _, status, message = said.replace(":", "", 1).split(" ", 2)
    answer = {"code": int(status), "type": "InternalServerException", "message": message}
    wrapped = (
        f"Received client error ({status}) from primary with message {json.dumps(answer)}. "
        "See https://eu-central-1.console.aws.amazon.com/cloudwatch/home for more information."
    )
    return {
        "Message": wrapped,
        "OriginalStatusCode": int(status),
        "OriginalMessage": json.dumps(answer),
    }
