"""A store in memory, quick enough for thousands of runs, that can fail at any write."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from manifests.errors import ObjectChangedError, ObjectNotFoundError
from manifests.storage import StoredObject


class PowerError(Exception):
    """The power has gone."""


class MemoryStore:
    """Objects in a dictionary; ``watch`` is called after every write, ``left`` of them go well."""

    uri = "memory:///"

    def before_write(self) -> None:
        """Whoever holds a store in memory is alone with it."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.left: int | None = None
        self.watch: Callable[[], None] = lambda: None

    def list(self, prefix: str = "") -> Iterator[StoredObject]:
        for key in sorted(self.objects):
            if key.startswith(prefix):
                yield self._entry(key)

    def folders(self, prefix: str = "") -> Iterator[str]:
        rests = (key[len(prefix) :] for key in self.objects if key.startswith(prefix))
        yield from sorted({f"{prefix}{one.partition('/')[0]}/" for one in rests if "/" in one})

    def noncurrent(self, prefix: str = "") -> Iterator[StoredObject]:
        yield from ()

    def stat(self, key: str) -> StoredObject | None:
        return self._entry(key) if key in self.objects else None

    def open(self, key: str, *, etag: str | None = None) -> BinaryIO:
        data = self.read(key)
        if etag is not None and self._entry(key).etag != etag:
            raise ObjectChangedError(key)
        return io.BytesIO(data)

    def read(self, key: str) -> bytes:
        if key not in self.objects:
            raise ObjectNotFoundError(key)
        return self.objects[key]

    def put(self, key: str, data: bytes | Path) -> None:
        self._spend()
        self.objects[key] = data if isinstance(data, bytes) else data.read_bytes()
        self.watch()

    def put_if_absent(self, key: str, data: bytes) -> bool:
        if key in self.objects:
            return False
        self.put(key, data)
        return True

    def replace(self, key: str, data: bytes | Path, *, etag: str | None) -> None:
        there = self.stat(key)
        if (there and there.etag) != etag:
            raise ObjectChangedError(key)
        self.put(key, data)

    def delete(self, key: str) -> None:
        if key in self.objects:
            self._spend()
            del self.objects[key]
            self.watch()

    def delete_version(self, key: str, version: str) -> None:
        raise AssertionError(f"{key} {version}")

    def uri_of(self, key: str) -> str:
        return self.uri + key

    def key_of(self, uri: str) -> str:
        return uri.removeprefix(self.uri)

    def _spend(self) -> None:
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                raise PowerError

    def _entry(self, key: str) -> StoredObject:
        data = self.objects[key]
        etag = hashlib.md5(data, usedforsecurity=False).hexdigest()
        modified = datetime(2026, 1, 1, tzinfo=UTC)
        return StoredObject(key=key, size=len(data), etag=etag, modified=modified)
