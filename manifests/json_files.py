"""JSON files as this house writes them, and as it reads what others have written."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

_HALF_PAIR = re.compile("[\ud800-\udfff]")


def json_file(content: Mapping[str, Any]) -> bytes:
    """The bytes of a JSON file: readable, in UTF-8, with a line's end."""
    return (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode()


def parsed_json(text: str | bytes) -> Any:
    """What a JSON text says, however hostile it is.

    Raises:
        ValueError: it is no JSON, or nested deeper than anybody means.
    """
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def is_text(value: object) -> bool:
    """Whether a value is text that can be written: JSON can spell half of a surrogate pair."""
    return isinstance(value, str) and not _HALF_PAIR.search(value)
