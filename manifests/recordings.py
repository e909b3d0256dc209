"""Recordings: what an archive holds, and under which identity."""

from __future__ import annotations

import fnmatch
import hashlib
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from manifests.storage import Store, StoredObject

ID_DIGITS = 20
DEFAULT_INCLUDE = ("*.wav", "*.flac", "*.mp3", "*.m4a", "*.ogg", "*.opus")


@dataclass(frozen=True, kw_only=True, slots=True)
class Recording:
    """One recording of an archive.

    ``path`` is relative to the archive; ``id`` is its hash, so the same archive elsewhere has
    the same ids. ``etag``, ``version`` and ``size`` together say which content it is; ``modified``
    says when it came, and is no part of what it is.
    """

    id: str
    path: str
    uri: str
    size: int
    etag: str
    version: str | None = None
    modified: datetime | None = field(default=None, compare=False)


def recording_id(path: str) -> str:
    """The first hexadecimal digits of the SHA-256 of an archive-relative path."""
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:ID_DIGITS]


def path_as_text(path: str) -> str:
    """A path as a table has it: a file's name may be any bytes. The id tells such names apart."""
    return os.fsencode(path).decode("utf-8", "replace")


def list_recordings(
    store: Store,
    *,
    include: Sequence[str] = DEFAULT_INCLUDE,
    exclude: Sequence[str] = (),
    prefix: str = "",
    entries: Iterable[StoredObject] | None = None,
) -> Iterator[Recording]:
    """The archive's recordings whose path begins with ``prefix``, sorted by path.

    ``entries`` is a listing of the store, if there is one already.

    Patterns are shell patterns in any case; one with a slash is matched against the whole
    relative path, any other against the file's name.
    """
    wanted, unwanted = _Patterns(include), _Patterns(exclude)
    for entry in store.list(prefix) if entries is None else entries:
        if wanted(entry.key) and not unwanted(entry.key):
            yield recording_of(store, entry)


def recording_of(store: Store, entry: StoredObject) -> Recording:
    """The recording that a listing entry stands for."""
    return Recording(
        id=recording_id(entry.key),
        path=entry.key,
        uri=store.uri_of(entry.key),
        size=entry.size,
        etag=entry.etag,
        version=entry.version,
        modified=entry.modified,
    )


class _Patterns:
    def __init__(self, patterns: Sequence[str]) -> None:
        self._names = _compiled(p for p in patterns if "/" not in p)
        self._paths = _compiled(p for p in patterns if "/" in p)

    def __call__(self, path: str) -> bool:
        name = path.rpartition("/")[2]
        return bool(self._names.fullmatch(name) or self._paths.fullmatch(path))


def _compiled(patterns: Iterable[str]) -> re.Pattern[str]:
    alternatives = "|".join(fnmatch.translate(pattern) for pattern in patterns)
    return re.compile(alternatives or r"(?!)", re.IGNORECASE)
