"""Which kind of endpoint a name stands for, and how it is asked."""

from __future__ import annotations

from batch.endpoint.answers import Endpoint
from batch.endpoint.asynchronous import Asynchronous
from batch.endpoint.real_time import RealTime
from batch.endpoint.standing import Watch
from manifests.errors import InputError
from manifests.storage import open_store


def endpoint_named(watch: Watch, name: str, channels: str) -> Endpoint:
    """The endpoint, ready to transcribe.

    Raises:
        InputError: there is none in service, or it is of the wrong kind for what is asked.
    """
    standing = watch.settled(name)
    if standing is None:
        raise InputError(
            f"there is no endpoint {name}; 'nightscribe endpoint deploy --name {name}' makes it, "
            "'nightscribe endpoint list' shows what there is"
        )
    variant = watch.variant(standing.config)
    if not standing.serves or variant is None:
        why = watch.why(standing) if not standing.serves else "its configuration was deleted"
        raise InputError(
            f"endpoint {name} does not serve: {why}; 'nightscribe endpoint deploy' makes it anew"
        )
    bodies = not watch.may_read(variant.model)
    if bodies and channels == "split":
        kind = "a real-time" if variant.kind == "real-time" else "an isolated"
        raise InputError(
            f"--channels split: {kind} endpoint is sent the sound itself, and mixes it; one "
            "deployed with --async, and without network_isolation, splits it"
        )
    if variant.kind == "real-time":
        return RealTime(name=name, region=watch.region)
    return Asynchronous(
        name=name,
        folder=open_store(variant.folder_uri),
        bodies=bodies,
        channels=channels,
        region=watch.region,
        on_line=watch.on_line,
    )
