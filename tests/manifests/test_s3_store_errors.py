"""What S3 answers, in the words of ``manifests.errors``."""

from pathlib import Path

import boto3
import pytest
from botocore.stub import Stubber

from manifests.errors import (
    AccessDeniedError,
    ObjectChangedError,
    ObjectNotFoundError,
    StoreError,
    UnavailableError,
)
from manifests.s3_store import S3Store, bucket_region


@pytest.fixture
def nowhere(aws: str) -> S3Store:
    return S3Store("s3://nightscribe-no-such-bucket/prefix/")


def test_a_missing_bucket_is_not_found_in_every_action(nowhere: S3Store, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    actions = [
        lambda: list(nowhere.list()),
        lambda: nowhere.read("a"),
        lambda: nowhere.open("a"),
        lambda: nowhere.put("a", b"x"),
        lambda: nowhere.put("a", tmp_path / "file"),
        lambda: nowhere.put_if_absent("a", b"x"),
        lambda: nowhere.delete("a"),
    ]
    for action in actions:
        with pytest.raises(ObjectNotFoundError, match="s3://nightscribe-no-such-bucket/prefix/"):
            action()
    assert nowhere.stat("a") is None


def test_an_object_that_changes_while_it_is_read_is_said_to_have_changed(s3_bucket: str) -> None:
    store = S3Store(f"s3://{s3_bucket}/")
    store.put("a", b"1" * 3_000_000)
    with store.open("a") as file:
        assert file.read(10) == b"1" * 10
        store.put("a", b"2" * 3_000_000)
        file.seek(2_000_000)
        with pytest.raises(ObjectChangedError, match="changed while it was read"):
            file.read(10)


def test_an_object_that_is_deleted_while_it_is_read_is_not_found(s3_bucket: str) -> None:
    store = S3Store(f"s3://{s3_bucket}/")
    store.put("a", b"1" * 3_000_000)
    with store.open("a") as file:
        store.delete("a")
        with pytest.raises(ObjectNotFoundError):
            file.read(10)


@pytest.mark.parametrize(
    ("code", "status", "error"),
    [
        ("AccessDenied", 403, AccessDeniedError),
        ("403", 403, AccessDeniedError),
        ("ExpiredToken", 400, AccessDeniedError),
        ("NoSuchBucket", 404, ObjectNotFoundError),
        ("SlowDown", 503, UnavailableError),
        ("InternalError", 500, UnavailableError),
        ("SignatureDoesNotMatch", 403, AccessDeniedError),
        ("400", 400, StoreError),
    ],
)
def test_codes_become_errors_that_name_the_uri(
    aws: str, code: str, status: int, error: type[StoreError]
) -> None:
    client = boto3.client("s3")
    store = S3Store("s3://b/p", client=client)
    with Stubber(client) as stub:
        stub.add_client_error("get_object", code, http_status_code=status)
        with pytest.raises(error, match="s3://b/p/key"):
            store.read("key")


@pytest.mark.parametrize(
    "code",
    ["301", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException"],
)
def test_every_word_of_s3s_for_another_region_is_put_plainly(aws: str, code: str) -> None:
    client = boto3.client("s3")
    with Stubber(client) as stub:
        stub.add_client_error("get_object", code, http_status_code=400)
        with pytest.raises(StoreError, match="the bucket is in another region"):
            S3Store("s3://b/p", client=client).read("key")


def test_a_bucket_tells_its_region_and_one_that_is_not_there_tells_none(s3_bucket: str) -> None:
    assert bucket_region(s3_bucket) == "eu-central-1"
    assert bucket_region("nightscribe-no-such-bucket") is None


def test_a_conditional_write_that_meets_another_is_decided_by_its_outcome(aws: str) -> None:
    client = boto3.client("s3")
    store = S3Store("s3://b/p", client=client)
    with Stubber(client) as stub:
        stub.add_client_error("put_object", "ConditionalRequestConflict", http_status_code=409)
        stub.add_client_error("put_object", "PreconditionFailed", http_status_code=412)
        assert store.put_if_absent("key", b"x") is False
        stub.assert_no_pending_responses()


def test_a_conditional_write_is_not_tried_for_ever(
    aws: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("manifests.s3_store.CONFLICT_PAUSES", (0.0, 0.0))
    client = boto3.client("s3")
    with Stubber(client) as stub:
        for _ in range(3):
            stub.add_client_error("put_object", "ConditionalRequestConflict", http_status_code=409)
        with pytest.raises(UnavailableError, match="others write s3://b/p/key all the time"):
            S3Store("s3://b/p", client=client).put_if_absent("key", b"x")
        stub.assert_no_pending_responses()


def test_folder_markers_are_not_objects(s3_bucket: str) -> None:
    store = S3Store(f"s3://{s3_bucket}/")
    for key in ("a/", "a/b.wav"):
        boto3.client("s3").put_object(Bucket=s3_bucket, Key=key, Body=b"")
    assert [entry.key for entry in store.list()] == ["a/b.wav"]


def test_keys_with_dots_between_slashes_are_as_good_as_others(s3_bucket: str) -> None:
    store = S3Store(f"s3://{s3_bucket}/")
    for key in ("a/../b", "a/./b", "a//b"):
        store.put(key, key.encode())
    assert {entry.key: store.read(entry.key) for entry in store.list()} == {
        key: key.encode() for key in ("a/../b", "a/./b", "a//b")
    }
