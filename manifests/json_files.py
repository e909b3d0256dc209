"""JSON files as this house writes them: readable, in UTF-8, with a line's end."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def json_file(content: Mapping[str, Any]) -> bytes:
    """The bytes of a JSON file."""
    return (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode()
