"""Whether a model knows the archive's language: asked once, before the night."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from manifests.errors import InputError
from transform_handler.audio.layout import is_speech_to_text
from transform_handler.engine.languages import SETTINGS_NAME, language_token

ReadFile = Callable[[str], bytes | None]


def check_language(model: str, read: ReadFile, language: str | None) -> None:
    """Refuse a language that a model which writes text does not know; others are told none.

    ``read`` gives a file of the model by its name, None where it has no such file.

    Raises:
        InputError: naming the key, the model and what it knows.
    """
    if not language or not is_speech_to_text(_object(read("config.json"))):
        return
    try:
        language_token(_object(read(SETTINGS_NAME)), language)
    except InputError as error:
        raise InputError(f"[archive] language, with [model] uri {model!r}: {error}") from error


def _object(content: bytes | None) -> dict[str, Any]:
    """A JSON object; what is none is for those to refuse who load the model."""
    try:
        found = json.loads(content or b"{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
