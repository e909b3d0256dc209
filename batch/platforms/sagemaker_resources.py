"""Models and endpoint configurations: their names are made of their content, so one is enough."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from batch.platforms.aws import translated
from batch.platforms.base import Document
from manifests.errors import InputError, ObjectNotFoundError


@dataclass(frozen=True, kw_only=True)
class ResourceKind:
    """What one kind of resource is called in the API."""

    noun: str
    verb: str
    """``endpoint_config`` in ``create_endpoint_config``."""
    prefix: str
    """``EndpointConfig`` in ``EndpointConfigName`` and ``EndpointConfigs``."""

    @property
    def name(self) -> str:
        """The document's key that holds the resource's name."""
        return f"{self.prefix}Name"


MODEL = ResourceKind(noun="model", verb="model", prefix="Model")
ENDPOINT_CONFIG = ResourceKind(
    noun="endpoint configuration", verb="endpoint_config", prefix="EndpointConfig"
)


def ensure_created(api: Any, kind: ResourceKind, document: Document) -> None:
    """Create a resource unless it is there.

    Raises:
        InputError: SageMaker refuses the document.
    """
    name = document[kind.name]
    try:
        with translated(f"{kind.noun} {name}"):
            getattr(api, f"describe_{kind.verb}")(**{kind.name: name})
    except ObjectNotFoundError:
        try:
            with translated(f"{kind.noun} {name}"):
                getattr(api, f"create_{kind.verb}")(**document)
        except InputError as error:
            # Somebody else made it between our question and our answer.
            if "already existing" not in str(error):
                raise


def names_with(api: Any, kind: ResourceKind, part: str) -> list[str]:
    """The names of the account's resources of a kind that contain ``part``."""
    with translated(f"listing {kind.noun}s"):
        pages = api.get_paginator(f"list_{kind.verb}s").paginate(NameContains=part)
        return [one[kind.name] for page in pages for one in page[f"{kind.prefix}s"]]


def delete(api: Any, kind: ResourceKind, name: str) -> bool:
    """Delete a resource; False where there is none."""
    try:
        with translated(f"deleting {kind.noun} {name}"):
            getattr(api, f"delete_{kind.verb}")(**{kind.name: name})
    except ObjectNotFoundError:
        return False
    return True
