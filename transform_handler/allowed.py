"""Where the handler may read: a pointer must not make it fetch what its author cannot."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from urllib.parse import quote, unquote

from manifests.local_store import path_of_uri, uri_of_path
from transform_handler.records import ErrorKind, RecordingError

VARIABLE = "NIGHTSCRIBE_ALLOWED_PREFIXES"


@dataclass(frozen=True, kw_only=True)
class AllowedPrefixes:
    """Prefixes such as ``s3://bucket/prefix/`` or ``file:///folder/``; none allows nothing."""

    prefixes: tuple[str, ...]

    @classmethod
    def from_environment(cls) -> AllowedPrefixes:
        """The comma-separated prefixes of ``NIGHTSCRIBE_ALLOWED_PREFIXES``."""
        listed = [prefix.strip() for prefix in os.environ.get(VARIABLE, "").split(",")]
        places = [_decoded(prefix) for prefix in listed if prefix]
        return cls(prefixes=tuple(p if p.endswith("/") else p + "/" for p in places))

    def check(self, uri: str) -> None:
        """Let a URI pass or refuse it.

        Raises:
            RecordingError: ``forbidden``; ``not_found`` where links lead in a circle.
        """
        place = _real(uri)
        allowed = filter(None, map(_real, self.prefixes))
        if place is not None and any(place.startswith(prefix) for prefix in allowed):
            return
        inside = uri.startswith(self.prefixes)
        if inside and _circular(uri):
            reason = "the recording is a link that leads back to itself"
            raise RecordingError(ErrorKind.NOT_FOUND, reason)
        said = "is a link to a place" if inside and place is not None else "lies"
        reason = f"the recording {said} outside the allowed prefixes"
        raise RecordingError(ErrorKind.FORBIDDEN, reason)


def encode_prefix(uri: str) -> str:
    """A prefix as it stands in the variable: an S3 key may hold the commas that part the list."""
    if not uri.startswith(_S3):
        return uri
    return re.sub(r"[%,\s]", lambda found: quote(found[0]), uri)


def _decoded(prefix: str) -> str:
    # The URI of a file is percent-encoded for itself: decoding it here would name another file.
    return unquote(prefix) if prefix.startswith(_S3) else prefix


_S3 = "s3://"


def _real(uri: str) -> str | None:
    """The URI with links resolved where it is a file's; S3 keys are opaque.

    None for what is no place: another scheme, a null byte, a loop of links, and for ``..``, which
    the store that opens the file may resolve before the links and not after them.
    """
    if uri.startswith(_S3):
        return uri
    if not uri.startswith("file://"):
        return None
    try:
        path = path_of_uri(uri)
        resolved = uri_of_path(path.resolve())
    except (ValueError, OSError, RuntimeError):
        return None
    if ".." in path.parts:
        return None
    return resolved + "/" if uri.endswith("/") and not resolved.endswith("/") else resolved


def _circular(uri: str) -> bool:
    """Whether links lead from a file back to itself."""
    try:
        path_of_uri(uri).resolve()
    except RuntimeError:
        return True
    except (ValueError, OSError):
        return False
    return False
