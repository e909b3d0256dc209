"""Nothing that costs money stays: an endpoint, its configurations, its models, its objects."""

from __future__ import annotations

from batch.endpoint.documents import PREFIX, endpoint_name, folder_of, given_name, owner
from batch.endpoint.standing import Standing, Watch
from batch.platforms.aws import translated
from batch.platforms.sagemaker_resources import ENDPOINT_CONFIG, MODEL, delete, names_with
from manifests.errors import BucketNotFoundError, InputError, ObjectNotFoundError
from manifests.storage import Store, open_store


def delete_endpoint(watch: Watch, name: str) -> list[str]:
    """Delete an endpoint whole, half made or failed as well; says what was removed.

    Models that runs use are not its own, and stay.
    """
    folders = _folders(watch, name)
    removed = [f"endpoint {endpoint_name(name)}"] if take_down(watch, name) else []
    # Only the configurations know where the objects are: they go last.
    for folder in folders:
        removed += [f"{count} objects in {folder.uri}"] if (count := _emptied(folder)) else []
    return removed + tidy(watch, name)


def _emptied(folder: Store) -> int:
    try:
        left = [entry.key for entry in folder.list()]
    except BucketNotFoundError:
        return 0
    for key in left:
        folder.delete(key)
    return len(left)


def _folders(watch: Watch, name: str) -> list[Store]:
    """Where inputs and answers may lie still, as the configurations say."""
    configs = names_with(watch.api, ENDPOINT_CONFIG, endpoint_name(name))
    variants = [watch.variant(one) for one in configs if owner(one) == name]
    uris = {one.folder_uri for one in variants if one}
    return [open_store(uri) for uri in sorted(uris) if uri.endswith("/" + folder_of(name))]


def take_down(watch: Watch, name: str) -> bool:
    """Delete the endpoint itself, and wait until it is gone; False where there is none."""
    standing = watch.standing(name)
    if standing is None:
        return False
    if standing.status != "Deleting":
        try:
            _ask_to_delete(watch, name)
        except InputError:
            # One that is being created or updated cannot be deleted yet.
            if not standing.busy:
                raise
            if watch.settled(name) is not None:
                _ask_to_delete(watch, name)
    watch.settled(name)
    return True


def _ask_to_delete(watch: Watch, name: str) -> None:
    try:
        with translated(f"deleting endpoint {name}"):
            watch.api.delete_endpoint(EndpointName=endpoint_name(name))
    except ObjectNotFoundError:
        pass  # somebody else was quicker


def tidy(watch: Watch, name: str, keep: Standing | None = None) -> list[str]:
    """Delete configurations and models that an endpoint left behind, but what ``keep`` uses."""
    used = watch.variant(keep.config) if keep else None
    if keep and not used:
        return []  # its configuration was deleted: which model it uses is not known
    kept = {keep.config} | ({used.model} if used else set()) if keep else set()
    # Configurations first: a model must not go while one of them names it.
    return [
        f"{kind.noun} {one}"
        for kind in (ENDPOINT_CONFIG, MODEL)
        for one in names_with(watch.api, kind, endpoint_name(name))
        if owner(one) == name and one not in kept and delete(watch.api, kind, one)
    ]


def names_of_all(watch: Watch) -> list[str]:
    """Every endpoint that has something left in the account, by the name that a person gave."""
    with translated("listing endpoints"):
        pages = watch.api.get_paginator("list_endpoints").paginate(NameContains=PREFIX)
        found = {given_name(one["EndpointName"]) for page in pages for one in page["Endpoints"]}
    for kind in (ENDPOINT_CONFIG, MODEL):
        found |= {owner(one) for one in names_with(watch.api, kind, PREFIX)}
    return sorted(one for one in found if one)
