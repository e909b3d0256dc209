"""How a bundle's model wants recordings cut, without the model."""

from __future__ import annotations

import json

from manifests.errors import InputError
from manifests.tarball import read_member
from transform_handler.audio.layout import WindowLayout, layout_for

_CONFIG = "config.json"


def layout_of(bundle_uri: str) -> WindowLayout:
    """Where the windows of a bundle's model lie; reads the tarball no further than it must.

    Raises:
        InputError: it holds no model.
    """
    text = read_member(bundle_uri, _CONFIG)
    if text is None:
        raise InputError(f"{bundle_uri}: there is no {_CONFIG} in it, so no model")
    try:
        return layout_for(json.loads(text))
    except (ValueError, AttributeError, TypeError) as error:
        raise InputError(f"{bundle_uri}: {_CONFIG} is no model's: {error}") from error
