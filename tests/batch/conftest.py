from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.batch.small_night import KeptNight, furnished


@pytest.fixture
def home(tmp_path: Path, tiny_model: Path) -> Path:
    """A folder with an archive of a few recordings and a configuration."""
    return furnished(tmp_path, tiny_model)


@pytest.fixture(scope="session")
def kept_night(
    tmp_path_factory: pytest.TempPathFactory, tiny_model: Path, warm_launcher: Path
) -> KeptNight:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "executable", str(warm_launcher))
        return KeptNight.made(tmp_path_factory.mktemp("night"), tiny_model)


@pytest.fixture
def night(kept_night: KeptNight) -> KeptNight:
    """A folder as ``home``, after its first night; one for all tests, put back for each."""
    kept_night.put_back()
    return kept_night
