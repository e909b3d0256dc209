"""Relative paths in manifests of tools that run from a project's root, not from the manifest."""

from __future__ import annotations

from collections.abc import Sequence

from manifests.labels import located
from manifests.storage import Store, open_store, parent_store

_LEVELS = 4


def base_of(store: Store, paths: Sequence[str]) -> Store:
    """The folder that ``paths`` are relative to: the manifest's own, or the nearest above it.

    Kaldi and lhotse write paths relative to where they were run, usually a few folders above
    the manifest. The first relative path decides; where it is nowhere, the manifest's folder.
    """
    first = next((path for path in paths if "://" not in path and path[:1] != "/"), None)
    if first is None:
        return store
    candidate = store
    for _ in range(_LEVELS):
        if _exists(located(first, candidate)):
            return candidate
        parent = candidate.uri.rstrip("/").rpartition("/")[0]
        if parent.count("/") < 3:
            break
        candidate = open_store(parent + "/")
    return store


def _exists(uri: str) -> bool:
    store, key = parent_store(uri)
    return store.stat(key) is not None
