"""What botocore does not try again itself, or cannot know the outcome of."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from manifests import s3_store
from manifests.errors import ObjectChangedError, UnavailableError
from manifests.s3_store import S3Store
from manifests.storage import open_store
from tests.torture.unreliable_s3 import UnreliableS3, unreliable_s3


@pytest.fixture
def s3(aws: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[UnreliableS3]:
    monkeypatch.setattr("manifests.s3_reading.BODY_PAUSES", (0.0, 0.0, 0.0))
    with unreliable_s3(aws) as rig, monkeypatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", rig.url)
        s3_store._client.cache_clear()
        yield rig
    s3_store._client.cache_clear()


@pytest.fixture
def store(s3: UnreliableS3, s3_bucket: str) -> S3Store:
    found = open_store(f"s3://{s3_bucket}/")
    assert isinstance(found, S3Store)
    return found


def meets(s3: UnreliableS3, kind: str, *, times: int, only: str) -> None:
    """The next requests that match meet a fault."""
    s3.share, s3.kinds, s3.only = 1.0, (kind,), only
    s3.faults.clear()

    def enough(_: int) -> None:
        if s3.faults.total() >= times:
            s3.share = 0.0

    s3.on_request = enough


def test_a_body_that_breaks_off_is_asked_for_again(s3: UnreliableS3, store: S3Store) -> None:
    data = bytes(range(256)) * 40
    store.put("a", data)
    meets(s3, "body cut short", times=3, only="GET")
    assert store.read("a") == data
    assert s3.faults.total() == 3
    meets(s3, "body cut short", times=3, only="GET")
    with store.open("a") as file:
        file.seek(100)
        assert file.read() == data[100:]
    assert s3.faults.total() == 3


def test_a_body_that_always_breaks_off_is_not_asked_for_for_ever(
    s3: UnreliableS3, store: S3Store
) -> None:
    store.put("a", bytes(1000))
    meets(s3, "body cut short", times=100, only="GET")
    with pytest.raises(UnavailableError, match="S3 does not answer"):
        store.read("a")
    assert s3.faults.total() == 4


def test_a_conditional_write_whose_answer_was_lost_is_ours(
    s3: UnreliableS3, store: S3Store
) -> None:
    meets(s3, "answer lost", times=2, only="PUT")
    assert store.put_if_absent("a", b"ours") is True
    assert store.put_if_absent("a", b"ours") is False
    for kind in ("answer lost", "sent twice"):
        seen = store.stat("a")
        assert seen is not None
        meets(s3, kind, times=1, only="PUT")
        store.replace("a", kind.encode(), etag=seen.etag)
        assert s3.faults.total() == 1
        assert store.read("a") == kind.encode()
    meets(s3, "answer lost", times=1, only="PUT")
    with pytest.raises(ObjectChangedError):
        store.replace("a", b"other", etag=None)


def test_parts_that_were_joined_when_the_answer_was_lost_are_written_again(
    s3: UnreliableS3, store: S3Store, tmp_path: Path
) -> None:
    large = tmp_path / "large"
    large.write_bytes(bytes(9 << 20))
    meets(s3, "answer lost", times=1, only="POST .*uploadId")
    store.put("a", large)
    assert s3.faults.total() == 1
    entry = store.stat("a")
    assert entry is not None
    assert entry.size == 9 << 20
