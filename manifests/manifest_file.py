"""SageMaker's ManifestFile: ``[{"prefix": "s3://bucket/p/"}, "object", …]``.

Format: S3DataSource in the SageMaker API reference.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from manifests.errors import InputError
from manifests.json_files import parsed_json


def write_manifest(prefix: str, names: Sequence[str]) -> bytes:
    """The manifest of objects ``names`` below ``prefix``."""
    text = json.dumps([{"prefix": prefix}, *names], indent=0, ensure_ascii=False)
    # A file's name need not be UTF-8; what stands for its bytes is escaped as JSON would.
    return text.encode("utf-8", "backslashreplace")


def read_manifest(data: bytes, *, name: str) -> tuple[str, list[str]]:
    """The prefix and the names below it.

    Raises:
        InputError: naming the manifest, what was found and what is expected.
    """
    expected = 'a JSON list is expected: {"prefix": URI}, then object names'
    try:
        content = parsed_json(data)
    except ValueError as error:
        raise InputError(f"{name}: not JSON ({error}); {expected}") from error
    if not isinstance(content, list) or not content:
        raise InputError(f"{name}: {expected}")
    head, *names = content
    if not isinstance(head, dict) or not isinstance(head.get("prefix"), str):
        raise InputError(f"{name}: first entry {head!r}; {expected}")
    for number, entry in enumerate(names, start=2):
        if not isinstance(entry, str) or not entry:
            raise InputError(f"{name}, entry {number}: found {entry!r}; an object name is expected")
    return head["prefix"], names
