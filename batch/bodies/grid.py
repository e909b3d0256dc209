"""The window grid of a bundle's model, without the model."""

from __future__ import annotations

import json
import math
from types import SimpleNamespace

from manifests.errors import InputError
from manifests.tarball import read_member
from transform_handler.audio.windows import WindowGrid
from transform_handler.engine.ctc_engine import hop_of

_CONFIG = "config.json"


def grid_of(bundle_uri: str) -> WindowGrid:
    """Where the windows of a bundle's model lie; reads the tarball no further than it must.

    Raises:
        InputError: it holds no model.
    """
    text = read_member(bundle_uri, _CONFIG)
    if text is None:
        raise InputError(f"{bundle_uri}: there is no {_CONFIG} in it, so no model")
    try:
        config = json.loads(text)
        strides: list[int] = config.get("conv_stride") or []
    except (ValueError, AttributeError) as error:
        raise InputError(f"{bundle_uri}: {_CONFIG} is no model's: {error}") from error
    # What transformers' configuration would say; a driver has no transformers.
    ratio = {"inputs_to_logits_ratio": math.prod(strides)} if strides else {}
    return WindowGrid(hop=hop_of(SimpleNamespace(**config | ratio)))
