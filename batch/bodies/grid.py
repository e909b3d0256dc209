"""The window grid of a bundle's model, without the model."""

from __future__ import annotations

import tarfile
import tempfile
import zlib
from pathlib import Path

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
    import transformers  # noqa: PLC0415

    with tempfile.TemporaryDirectory(prefix="nightscribe-config-") as folder:
        path = Path(folder) / _CONFIG
        path.write_bytes(_config_in(bundle_uri))
        try:
            config = transformers.AutoConfig.from_pretrained(folder, local_files_only=True)
        except (OSError, ValueError) as error:
            raise InputError(f"{bundle_uri}: {_CONFIG} is no model's: {error}") from error
    return WindowGrid(hop=hop_of(config))


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
