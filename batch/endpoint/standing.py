"""How an endpoint stands at SageMaker, and waiting until it stands still."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from batch.endpoint.documents import ANSWERS, LOG_GROUP, VARIANT, Kind, endpoint_name
from batch.platforms.aws import client, translated
from batch.platforms.sagemaker_logs import last_words
from manifests.errors import ObjectNotFoundError
from transform_handler.allowed import VARIABLE as ALLOWED_VARIABLE

_BUSY = frozenset({"Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting"})
# DeleteEndpoint is the only thing that can be done with one of these.
_SPENT = frozenset({"Failed", "OutOfService"})
_POLL_SECONDS = 15.0
_TELL_SECONDS = 60.0


@dataclass(frozen=True, kw_only=True)
class Standing:
    """An endpoint as SageMaker describes it."""

    name: str
    status: str
    config: str
    created: datetime
    instances: int
    failure_reason: str = ""

    @property
    def busy(self) -> bool:
        """Whether it is on its way to another status."""
        return self.status in _BUSY

    @property
    def spent(self) -> bool:
        """Whether it can only be deleted."""
        return self.status in _SPENT

    @property
    def serves(self) -> bool:
        """Whether it can be invoked."""
        return self.status == "InService"


@dataclass(frozen=True, kw_only=True)
class Variant:
    """What an endpoint's configuration says.

    ``folder_uri`` is where an asynchronous one's inputs and answers pass through; else empty.
    """

    kind: Kind
    instance_type: str
    model: str
    folder_uri: str = ""


@dataclass(kw_only=True)
class Watch:
    """Looks at endpoints by the name that a person gave; ``on_line`` hears how one comes along."""

    region: str | None = None
    on_line: Callable[[str], None] = field(default=lambda _: None)
    wait: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    sagemaker: Any = None

    @cached_property
    def api(self) -> Any:
        """The client."""
        return self.sagemaker or client("sagemaker", self.region)

    def standing(self, name: str) -> Standing | None:
        """An endpoint as it stands; None where there is none."""
        try:
            with translated(f"endpoint {name}"):
                answer = self.api.describe_endpoint(EndpointName=endpoint_name(name))
        except ObjectNotFoundError:
            return None
        return Standing(
            name=name,
            status=answer["EndpointStatus"],
            config=answer["EndpointConfigName"],
            created=answer["CreationTime"],
            instances=sum(
                one.get("CurrentInstanceCount", 0) for one in answer.get("ProductionVariants", ())
            ),
            failure_reason=answer.get("FailureReason", ""),
        )

    def variant(self, config: str) -> Variant | None:
        """What a configuration says; None where it was deleted behind the endpoint's back."""
        try:
            with translated(f"endpoint configuration {config}"):
                answer = self.api.describe_endpoint_config(EndpointConfigName=config)
        except ObjectNotFoundError:
            return None
        one = answer["ProductionVariants"][0]
        asynchronous = answer.get("AsyncInferenceConfig")
        answers = asynchronous["OutputConfig"]["S3OutputPath"] if asynchronous else ""
        return Variant(
            kind="asynchronous" if asynchronous else "real-time",
            instance_type=one["InstanceType"],
            model=one["ModelName"],
            folder_uri=f"{answers.rstrip('/')}/".removesuffix(ANSWERS) if answers else "",
        )

    def may_read(self, model: str) -> bool:
        """Whether a model's container may read what a pointer names; an isolated one may not."""
        with translated(f"model {model}"):
            container = self.api.describe_model(ModelName=model)["PrimaryContainer"]
        return ALLOWED_VARIABLE in container.get("Environment", {})

    def settled(self, name: str) -> Standing | None:
        """The endpoint when it stands still; None once it is gone."""
        begun, told, status = self.clock(), self.clock(), ""
        while (found := self.standing(name)) is not None and found.busy:
            now = self.clock()
            if found.status != status or now - told >= _TELL_SECONDS:
                minutes = f", {(now - begun) / 60:.0f} min" if now - begun >= _TELL_SECONDS else ""
                self.on_line(f"{name} is {found.status.lower()}{minutes}")
                told, status = now, found.status
            self.wait(_POLL_SECONDS)
        return found

    def why(self, standing: Standing) -> str:
        """Why an endpoint does not serve, with its container's last lines."""
        group = f"{LOG_GROUP}/{endpoint_name(standing.name)}"
        said = last_words(group, VARIANT, region=self.region)
        silent = "it came back as it was, and SageMaker does not say why"
        return (
            f"{standing.failure_reason or (silent if standing.serves else standing.status)}{said}"
        )
