"""Content hashes: what makes a file or a text the same as another."""

from __future__ import annotations

import hashlib
from pathlib import Path


def sha256_of(content: Path | bytes) -> str:
    """The SHA-256 of bytes, or of a file that need not fit into memory, in hexadecimal."""
    if isinstance(content, bytes):
        return hashlib.sha256(content).hexdigest()
    with content.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
