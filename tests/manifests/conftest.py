"""Stores of both kinds, empty."""

from pathlib import Path

import pytest

from manifests.storage import Store, open_store


@pytest.fixture(params=["folder", "s3"])
def location(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "folder":
        return str(tmp_path / "a folder")
    return f"s3://{request.getfixturevalue('s3_bucket')}/a prefix/"


@pytest.fixture
def store(location: str) -> Store:
    return open_store(location)
