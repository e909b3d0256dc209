"""One small interface over a folder and over S3.

A store is rooted at a location and speaks in keys: relative, with ``/`` between the parts.
Everything is written whole or not at all, so that a killed run leaves no half file behind.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Protocol

from manifests.errors import InputError

BeforeWrite = Callable[[], None]
"""Called a moment before each write, from whichever thread; what it raises prevents the write."""
_SCHEME = re.compile(r"^([a-z][a-z0-9+.-]*)://", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredObject:
    """What a listing says of one object.

    ``etag`` is an opaque change token: S3's ETag, or modification time and size of a file.
    """

    key: str
    size: int
    etag: str
    modified: datetime
    version: str | None = None


class Store(Protocol):
    """A folder or a bucket's prefix. Errors are those of ``manifests.errors``."""

    uri: str
    """Where the store is rooted; ends with a slash."""
    before_write: BeforeWrite
    """Called before each write; raises where this process may not write any more."""

    def list(self, prefix: str = "") -> Iterator[StoredObject]:
        """Every object below ``prefix``, sorted by key."""
        ...

    def folders(self, prefix: str = "") -> Iterator[str]:
        """What lies below ``prefix`` up to the next slash, sorted: ``runs/`` gives ``runs/1/``.

        Nothing inside these folders is listed.
        """
        ...

    def noncurrent(self, prefix: str = "") -> Iterator[StoredObject]:
        """What versioning keeps besides the current objects: older versions, delete markers."""
        ...

    def stat(self, key: str) -> StoredObject | None:
        """The object's listing entry, or None where there is no such object."""
        ...

    def open(self, key: str, *, etag: str | None = None) -> BinaryIO:
        """Open for reading, seekable; with ``etag``, only that version."""
        ...

    def read(self, key: str) -> bytes:
        """The whole object."""
        ...

    def put(self, key: str, data: bytes | Path) -> None:
        """Write an object whole, from memory or from a file, replacing what was there."""
        ...

    def put_if_absent(self, key: str, data: bytes) -> bool:
        """Write an object whole unless it exists; False where it did."""
        ...

    def replace(self, key: str, data: bytes | Path, *, etag: str | None) -> None:
        """Write an object whole if it is still the version ``etag``; None: if there is none still.

        Raises:
            ObjectChangedError: another process has written or removed it.
        """
        ...

    def delete(self, key: str) -> None:
        """Remove an object; nothing happens where there is none."""
        ...

    def sweep(self, prefix: str, *, idle_seconds: float = 0.0) -> None:
        """Remove what killed writers left half written below a folder, and beside all folders.

        Only where nobody writes, or what nobody has written to for ``idle_seconds``.
        """
        ...

    def delete_version(self, key: str, version: str) -> None:
        """Remove one version of an object, or a delete marker, for good."""
        ...

    def uri_of(self, key: str) -> str:
        """The object's full URI."""
        ...

    def key_of(self, uri: str) -> str:
        """The key of a URI below this store."""
        ...


def nothing() -> None:
    pass


def open_store(location: str | Path, *, before_write: BeforeWrite = nothing) -> Store:
    """The store rooted at a folder, a ``file://`` URI, or an ``s3://bucket/prefix``.

    Raises:
        InputError: another scheme.
    """
    text = str(location)
    match = _SCHEME.match(text)
    if match is None or match[1].lower() == "file":
        from manifests.local_store import LocalStore, path_of_uri  # noqa: PLC0415

        folder = path_of_uri(text) if match else Path(text)
        return LocalStore(folder, before_write=before_write)
    if match[1].lower() == "s3":
        from manifests.s3_store import S3Store  # noqa: PLC0415

        return S3Store(text, before_write=before_write)
    raise InputError(
        f"{text!r}: storage scheme {match[1]!r} is not supported; "
        "use a folder, file:///folder/ or s3://bucket/prefix/"
    )


def parent_store(uri: str) -> tuple[Store, str]:
    """The store of an object's folder, and its key there; takes a URI or a path."""
    if _SCHEME.match(uri) is None:
        from manifests.local_store import uri_of_path  # noqa: PLC0415

        uri = uri_of_path(Path(os.path.abspath(uri)))  # noqa: PTH100 - drops ".."
    head, _, tail = uri.rpartition("/")
    if not tail:
        raise InputError(f"{uri!r} names a folder; the URI of an object is expected")
    store = open_store(head + "/")
    return store, store.key_of(uri)


def open_uri(uri: str, *, etag: str | None = None) -> BinaryIO:
    """Open one object by its URI, seekable; with ``etag``, only that version."""
    store, key = parent_store(uri)
    return store.open(key, etag=etag)
