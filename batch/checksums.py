"""The SHA-256 of every file of a report, noted as it is written.

Tables of rows say their own (``batch/parquet.py``): they are written anew by later runs.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from batch.layout import RunKeys
from manifests.hashing import sha256_of
from manifests.json_files import json_file
from manifests.storage import Store


def checksums(output: Store, keys: RunKeys) -> dict[str, str] | None:
    """The files of a run's report by key, in hexadecimal digits; None where none were noted."""
    if output.stat(keys.checksums) is None:
        return None
    found: dict[str, str] = json.loads(output.read(keys.checksums))
    return found


@contextmanager
def noting(output: Store, keys: RunKeys) -> Iterator[Store]:
    """A store whose writes are noted for a run, once all of them are done.

    A run that is killed before that is not finished, and writes its report again.
    """
    noted = _Noting(output)
    yield cast("Store", noted)
    known = {**(checksums(output, keys) or {}), **noted.written}
    content = {key: known[key] for key in sorted(known.keys() - noted.removed)}
    output.put(keys.checksums, json_file(content))


class _Noting:
    def __init__(self, store: Store) -> None:
        self._store = store
        self.written: dict[str, str] = {}
        self.removed: set[str] = set()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def put(self, key: str, data: bytes | Path) -> None:
        self._store.put(key, data)
        self.written[key] = sha256_of(data)
        self.removed.discard(key)

    def delete(self, key: str) -> None:
        self._store.delete(key)
        self.removed.add(key)
