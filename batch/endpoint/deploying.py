"""An endpoint brought up, or brought up to date; safe to repeat after a death between any calls."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from batch.endpoint.documents import EndpointDocuments
from batch.endpoint.removing import take_down, tidy
from batch.endpoint.standing import Standing, Watch
from batch.platforms.aws import QuotaError, translated
from batch.platforms.quotas import explained
from batch.platforms.sagemaker_resources import ENDPOINT_CONFIG, MODEL, ensure_created
from manifests.errors import InputError, JobFailedError

_UNDER_WAY = re.compile(r"already existing|in-progress")
_CAPACITY = re.compile(r"CapacityError|InsufficientInstanceCapacity|compute capacity")


@dataclass(frozen=True, kw_only=True)
class Deployed:
    """What became of a deployment."""

    how: Literal["was there", "made", "updated"]
    documents: EndpointDocuments
    removed: Sequence[str] = ()
    """Configurations and models of earlier deployments."""


def deploy(watch: Watch, candidates: Sequence[EndpointDocuments]) -> Deployed:
    """Have the endpoint serve by the first of the candidates that the account can have.

    The candidates differ by the type of their machine.

    Raises:
        QuotaError: the account's quotas allow none of them.
        JobFailedError: the endpoint failed; with the reason and the container's last lines.
        InputError: an endpoint of that name is of the other kind, or SageMaker refuses a document.
    """
    name = candidates[0].name
    standing = _usable(watch, candidates[0])
    for candidate in candidates:
        if standing and standing.serves and standing.config == _config(candidate):
            _ensure_parts(watch, candidate)
            removed = tidy(watch, name, keep=standing)
            return Deployed(how="was there", documents=candidate, removed=removed)
    refused: list[str] = []
    for number, candidate in enumerate(candidates, start=1):
        try:
            now = _put(watch, candidate, standing)
        except QuotaError as error:
            usage = f"{candidate.instance_type} for endpoint usage"
            refused.append(explained(str(error), usage=usage, region=watch.region))
            continue
        if now is not None and now.serves and now.config == _config(candidate):
            removed = tidy(watch, name, keep=now)
            return Deployed(
                how="updated" if standing else "made", documents=candidate, removed=removed
            )
        why = watch.why(now) if now else "it was deleted meanwhile"
        if not _CAPACITY.search(why) or number == len(candidates):
            raise JobFailedError(f"endpoint {name}: {why}{_remains(name, now)}")
        watch.on_line(f"no {candidate.instance_type} is to be had now")
        standing = _usable(watch, candidate)
    tidy(watch, name, keep=standing)
    raise QuotaError("\n".join([*refused, _way_out(name, standing)]))


def _usable(watch: Watch, documents: EndpointDocuments) -> Standing | None:
    """The endpoint that can be updated; None where one must be made, after removing a wreck."""
    standing = watch.settled(documents.name)
    if standing is None:
        return None
    if standing.spent:
        watch.on_line(f"removing {documents.name}, which has failed before")
        take_down(watch, documents.name)
        return None
    variant = watch.variant(standing.config)
    if variant is not None and variant.kind != documents.kind:
        raise InputError(
            f"endpoint {documents.name} is there and {variant.kind}, which an update does not "
            f"change; 'nightscribe endpoint delete {documents.name}' first, or give another --name"
        )
    return standing


def _put(watch: Watch, documents: EndpointDocuments, standing: Standing | None) -> Standing | None:
    """Create or update, and wait for what comes of it."""
    what = f"endpoint {documents.name} on {documents.instance_type}"
    _ensure_parts(watch, documents)
    target = {key: documents.endpoint[key] for key in ("EndpointName", "EndpointConfigName")}
    watch.on_line(f"{'updating' if standing else 'creating'} {what}; that takes some minutes")
    try:
        with translated(what):
            if standing is not None:
                watch.api.update_endpoint(**target)
            else:
                watch.api.create_endpoint(**documents.endpoint)
    except InputError as error:
        # A retry after a lost answer, or another caller: what comes of it tells.
        if not _UNDER_WAY.search(str(error)):
            raise
    return watch.settled(documents.name)


def _ensure_parts(watch: Watch, documents: EndpointDocuments) -> None:
    ensure_created(watch.api, MODEL, documents.model)
    ensure_created(watch.api, ENDPOINT_CONFIG, documents.config)


def _config(documents: EndpointDocuments) -> str:
    return str(documents.config["EndpointConfigName"])


def _way_out(name: str, standing: Standing | None) -> str:
    if standing is None:
        return "or name another type in [transform] instances"
    return (
        "or name another type in [transform] instances; an update needs the old machine and the "
        f"new one at a time, so 'nightscribe endpoint delete {name}' first may do"
    )


def _remains(name: str, standing: Standing | None) -> str:
    if standing is not None and standing.serves:
        return "; it serves as before"
    return f"; mend it and deploy again, or 'nightscribe endpoint delete {name}'"
