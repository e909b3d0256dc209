"""A bundle of the tiny model on the disk, as a job unpacks it, and its handler."""

from pathlib import Path

import pytest

from manifests.local_store import uri_of_path
from transform_handler.allowed import VARIABLE
from transform_handler.bundle import bundle_card, bundle_files
from transform_handler.handler import Handler, model_fn
from transform_handler.identity import DecodeSettings


def write_bundle(model: Path, folder: Path) -> Path:
    card = bundle_card(model, name="tiny", decode=DecodeSettings())
    for name, content in bundle_files(model, card).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.read_bytes())
    return folder


@pytest.fixture(scope="session")
def bundle(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_bundle(tiny_model, tmp_path_factory.mktemp("bundle"))


@pytest.fixture(scope="session")
def open_archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The only folder that the handler may read."""
    return tmp_path_factory.mktemp("open archive")


@pytest.fixture(scope="session")
def handler(bundle: Path, open_archive: Path) -> Handler:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, uri_of_path(open_archive) + "/")
        return model_fn(str(bundle))
