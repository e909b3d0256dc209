"""The languages of a model that is told one: what its generation settings say of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from manifests.errors import InputError

SETTINGS_NAME = "generation_config.json"
_ENGLISH = frozenset({"en", "english"})


def language_token(settings: Mapping[str, Any], language: str | None) -> int | None:
    """Whisper's token for a language ("de", "de-AT", "german"); None where the model is told none.

    ``settings`` is what ``generation_config.json`` holds.

    Raises:
        InputError: the model does not know it.
    """
    if not language:
        return None
    from transformers.models.whisper.tokenization_whisper import (  # noqa: PLC0415
        TO_LANGUAGE_CODE,
    )

    known: Mapping[str, int] = settings.get("lang_to_id") or {}
    name = language.lower().replace("_", "-").partition("-")[0]
    if not known:
        if name in _ENGLISH:
            return None
        raise InputError(
            f"the model knows English only, and the recordings' language is {language!r}; "
            'use a multilingual model, or say language = "en"'
        )
    token = known.get(f"<|{TO_LANGUAGE_CODE.get(name, name)}|>")
    if token is None:
        raise InputError(
            f"the model does not know the recordings' language {language!r}; it knows "
            f"{', '.join(sorted(one.strip('<|>') for one in known))}"
        )
    return token
