"""The window grid of a bundle's model, without the model."""

from __future__ import annotations

import json
import math
import tarfile
import zlib
from types import SimpleNamespace

from manifests.errors import InputError
from manifests.storage import parent_store
from transform_handler.engine import hop_of
from transform_handler.windows import WindowGrid

_CONFIG = "config.json"


def grid_of(bundle_uri: str) -> WindowGrid:
    """Where the windows of a bundle's model lie; reads the tarball no further than it must.

    Raises:
        InputError: it holds no model.
    """
    try:
        config = json.loads(_config_in(bundle_uri))
        strides: list[int] = config.get("conv_stride") or []
    except (ValueError, AttributeError) as error:
        raise InputError(f"{bundle_uri}: {_CONFIG} is no model's: {error}") from error
    # What transformers' configuration would say; a driver has no transformers.
    ratio = {"inputs_to_logits_ratio": math.prod(strides)} if strides else {}
    return WindowGrid(hop=hop_of(SimpleNamespace(**config | ratio)))


def _config_in(bundle_uri: str) -> bytes:
    store, key = parent_store(bundle_uri)
    try:
        with store.open(key) as raw, tarfile.open(fileobj=raw, mode="r|gz") as tar:
            for entry in tar:
                if entry.name == _CONFIG and (file := tar.extractfile(entry)):
                    return file.read()
    except (tarfile.TarError, zlib.error, EOFError) as error:
        raise InputError(f"{bundle_uri}: not a bundle ({error})") from error
    raise InputError(f"{bundle_uri}: there is no {_CONFIG} in it, so no model")
