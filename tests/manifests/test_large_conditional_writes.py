"""What is too large for one request is written in parts, under the same condition."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import ANY, Stubber

from manifests import s3_parts
from manifests.errors import ObjectChangedError
from manifests.s3_store import S3Store

SIZE = 11 << 20


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(s3_parts, "PART_BYTES", 5 << 20)
    path = tmp_path / "table"
    path.write_bytes(bytes(range(256)) * (SIZE // 256))
    return path


def under_way(bucket: str) -> list[Any]:
    found: list[Any] = boto3.client("s3").list_multipart_uploads(Bucket=bucket).get("Uploads", [])
    return found


def test_a_large_file_is_written_in_parts_and_only_once(s3_bucket: str, table: Path) -> None:
    store = S3Store(f"s3://{s3_bucket}/p/")
    store.replace("a", table, etag=None)
    seen = store.stat("a")
    assert seen is not None
    assert (seen.size, seen.etag.endswith("-3")) == (SIZE, True)
    assert store.read("a") == table.read_bytes()
    table.write_bytes(bytes(SIZE))
    with pytest.raises(ObjectChangedError):
        store.replace("a", table, etag=None)
    assert store.stat("a") == seen
    assert under_way(s3_bucket) == []


def test_the_version_that_was_seen_is_the_condition_of_the_last_request(
    aws: str, table: Path
) -> None:
    client = boto3.client("s3")
    with Stubber(client) as stub:
        for code in ("ConditionalRequestConflict", "PreconditionFailed"):
            stub.add_response("create_multipart_upload", {"UploadId": "u"})
            for _ in range(3):
                stub.add_response("upload_part", {"ETag": "e"})
            stub.add_client_error(
                "complete_multipart_upload",
                code,
                expected_params={
                    "Bucket": "b",
                    "Key": "p/a",
                    "UploadId": "u",
                    "IfMatch": '"seen"',
                    "MultipartUpload": ANY,
                },
            )
            stub.add_response("abort_multipart_upload", {})
        stub.add_client_error("get_object", "NoSuchKey", http_status_code=404)
        with pytest.raises(ObjectChangedError):
            S3Store("s3://b/p", client=client).replace("a", table, etag="seen")
        stub.assert_no_pending_responses()


def test_parts_do_not_stay_behind_an_error(aws: str, table: Path) -> None:
    client = boto3.client("s3")
    with Stubber(client) as stub:
        stub.add_response("create_multipart_upload", {"UploadId": "u"})
        stub.add_client_error("upload_part", "AccessDenied", http_status_code=403)
        stub.add_client_error("abort_multipart_upload", "AccessDenied", http_status_code=403)
        with pytest.raises(ClientError, match="UploadPart"):
            s3_parts.put_in_parts(client, table, {"Bucket": "b", "Key": "a"}, {"IfNoneMatch": "*"})
        stub.assert_no_pending_responses()
