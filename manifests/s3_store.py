"""A prefix of an S3 bucket as a store."""

from __future__ import annotations

import io
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from itertools import takewhile
from pathlib import Path
from typing import Any, BinaryIO

from manifests.aws_errors import error_code
from manifests.errors import InputError, ObjectChangedError, ObjectNotFoundError, UnavailableError
from manifests.s3_errors import translated
from manifests.s3_parts import is_large, put_in_parts
from manifests.s3_reading import RangeReader, body_of
from manifests.storage import BeforeWrite, StoredObject, nothing

READ_AHEAD_BYTES = 1 << 20
# Seconds between tries of a conditional write that meets another; the first is over in a moment.
CONFLICT_PAUSES = (0.0, 0.2, 1.0, 3.0)
ATTEMPTS = 8


@lru_cache(maxsize=1)
def _client() -> Any:
    import boto3  # noqa: PLC0415
    from botocore.config import Config  # noqa: PLC0415

    # Somebody who sets AWS_MAX_ATTEMPTS means it.
    attempts = int(os.environ.get("AWS_MAX_ATTEMPTS", ATTEMPTS))
    retries = {"mode": "standard", "max_attempts": attempts}
    return boto3.client("s3", config=Config(retries=retries))


class S3Store:
    """Objects below ``s3://bucket/prefix/``; keys are relative to the prefix."""

    def __init__(
        self, uri: str, *, client: Any = None, before_write: BeforeWrite = nothing
    ) -> None:
        bucket, _, prefix = uri[len("s3://") :].partition("/")
        if not bucket:
            raise InputError(f"{uri!r}: a bucket is missing; expected s3://bucket/prefix/")
        self.bucket = bucket
        self.prefix = prefix if not prefix or prefix.endswith("/") else prefix + "/"
        self.uri = f"s3://{bucket}/{self.prefix}"
        self.before_write = before_write
        with translated(self.uri):
            self._s3 = client or _client()

    def list(self, prefix: str = "") -> Iterator[StoredObject]:
        """Every object below ``prefix``; folder markers (``…/``) are not objects."""
        return self._listed(prefix)

    def stretch(self, prefix: str, *, after: str, before: str | None) -> tuple[StoredObject, ...]:
        """The objects below ``prefix`` whose keys come after one and before another."""
        listed = self._listed(prefix, **({"StartAfter": self.prefix + after} if after else {}))
        return tuple(takewhile(lambda one: before is None or one.key < before, listed))

    def _listed(self, prefix: str, **options: str) -> Iterator[StoredObject]:
        pages = self._s3.get_paginator("list_objects_v2")
        where = {"Bucket": self.bucket, "Prefix": self.prefix + prefix, **options}
        with translated(self.uri_of(prefix)):
            for page in pages.paginate(**where):
                for item in page.get("Contents", ()):
                    if not item["Key"].endswith("/"):
                        yield StoredObject(
                            key=item["Key"][len(self.prefix) :],
                            size=item["Size"],
                            etag=item["ETag"].strip('"'),
                            modified=item["LastModified"],
                        )

    def folders(self, prefix: str = "") -> Iterator[str]:
        """What lies below ``prefix`` up to the next slash; one request for a thousand of them."""
        pages = self._s3.get_paginator("list_objects_v2")
        with translated(self.uri_of(prefix)):
            for page in pages.paginate(
                Bucket=self.bucket, Prefix=self.prefix + prefix, Delimiter="/"
            ):
                for item in page.get("CommonPrefixes", ()):
                    yield item["Prefix"][len(self.prefix) :]

    def noncurrent(self, prefix: str = "") -> Iterator[StoredObject]:
        """Versions that are not the current one, and delete markers, sorted by key.

        Raises:
            AccessDeniedError: ``s3:ListBucketVersions`` is not allowed.
        """
        pages = self._s3.get_paginator("list_object_versions")
        with translated(self.uri_of(prefix)):
            for page in pages.paginate(Bucket=self.bucket, Prefix=self.prefix + prefix):
                versions = [one for one in page.get("Versions", ()) if not one["IsLatest"]]
                for item in (*versions, *page.get("DeleteMarkers", ())):
                    yield StoredObject(
                        key=item["Key"][len(self.prefix) :],
                        size=item.get("Size", 0),
                        etag=item.get("ETag", "").strip('"'),
                        modified=item["LastModified"],
                        version=item["VersionId"],
                    )

    def stat(self, key: str) -> StoredObject | None:
        """The object's entry, or None."""
        try:
            with translated(self.uri_of(key)):
                head = self._s3.head_object(Bucket=self.bucket, Key=self.prefix + key)
        except ObjectNotFoundError:
            return None
        return StoredObject(
            key=key,
            size=head["ContentLength"],
            etag=head["ETag"].strip('"'),
            modified=head["LastModified"],
            version=head.get("VersionId"),
        )

    def open(self, key: str, *, etag: str | None = None) -> BinaryIO:
        """A seekable stream of range reads; every read is of the version opened."""
        entry = self.stat(key)
        if entry is None:
            raise ObjectNotFoundError(f"{self.uri_of(key)}: no such object")
        if etag is not None and entry.etag != etag:
            raise ObjectChangedError(f"{self.uri_of(key)}: changed since the run was planned")
        raw = RangeReader(self._s3, self.bucket, self.prefix + key, entry)
        return io.BufferedReader(raw, READ_AHEAD_BYTES)

    def read(self, key: str) -> bytes:
        """The whole object."""
        with translated(self.uri_of(key)):
            return body_of(self._s3, Bucket=self.bucket, Key=self.prefix + key)

    def put(self, key: str, data: bytes | Path) -> None:
        """Write whole; a large file goes up in parts and appears when the last is there."""
        from botocore.exceptions import ClientError  # noqa: PLC0415

        target = {"Bucket": self.bucket, "Key": self.prefix + key}
        self.before_write()
        with translated(self.uri_of(key)):
            if isinstance(data, bytes):
                self._s3.put_object(**target, Body=data)
                return
            try:
                self._upload(data, **target)
            except ClientError as error:
                # The parts were joined already, and the answer that said so was lost.
                if error_code(error) != "NoSuchUpload":
                    raise
                self._upload(data, **target)

    def put_if_absent(self, key: str, data: bytes) -> bool:
        """Write whole unless the object exists (S3 conditional write)."""
        return self._conditional(key, data, IfNoneMatch="*")

    def replace(self, key: str, data: bytes | Path, *, etag: str | None) -> None:
        """Write whole unless the object is another by now (S3 conditional write)."""
        condition = {"IfNoneMatch": "*"} if etag is None else {"IfMatch": f'"{etag}"'}
        if not self._conditional(key, data, **condition) and not self._holds(key, data):
            raise ObjectChangedError(f"{self.uri_of(key)}: written by another process meanwhile")

    def _conditional(self, key: str, data: bytes | Path, **condition: str) -> bool:
        from botocore.exceptions import ClientError  # noqa: PLC0415

        target = {"Bucket": self.bucket, "Key": self.prefix + key}
        self.before_write()
        with translated(self.uri_of(key)):
            for pause in (*CONFLICT_PAUSES, None):
                try:
                    self._put_once(data, target, condition)
                except ClientError as error:
                    code = error_code(error)
                    if code in ("PreconditionFailed", "NoSuchUpload"):
                        return self._answer_was_lost(error, key, data)
                    if code == "NoSuchKey":
                        return False
                    # 409: another conditional write is under way; its outcome decides ours.
                    if code != "ConditionalRequestConflict":
                        raise
                else:
                    return True
                if pause:
                    time.sleep(pause)
        raise UnavailableError(f"others write {self.uri_of(key)} all the time; try again")

    def _put_once(
        self, data: bytes | Path, target: dict[str, str], condition: dict[str, str]
    ) -> None:
        if isinstance(data, Path) and is_large(data):
            put_in_parts(self._s3, data, target, condition)
            return
        with _opened(data) as body:
            self._s3.put_object(**target, **condition, Body=body)

    def _answer_was_lost(self, error: Any, key: str, data: bytes | Path) -> bool:
        """Whether a request that was sent again met what it had written the first time."""
        again = error.response["ResponseMetadata"].get("RetryAttempts", 0)
        return bool(again) and self._holds(key, data)

    def _holds(self, key: str, data: bytes | Path) -> bool:
        with suppress(ObjectNotFoundError), _opened(data) as written:
            return self.read(key) == written.read()
        return False

    def _upload(self, data: Path, **target: str) -> None:
        # upload_file would hide the code in an S3UploadFailedError.
        with data.open("rb") as file:
            self._s3.upload_fileobj(file, target["Bucket"], target["Key"])

    def delete(self, key: str) -> None:
        """Remove an object; S3 does not mind a missing one."""
        self.before_write()
        with translated(self.uri_of(key)):
            self._s3.delete_object(Bucket=self.bucket, Key=self.prefix + key)

    def sweep(self, prefix: str, *, idle_seconds: float = 0.0) -> None:
        """Nothing: S3 shows whole objects only, and the bucket's lifecycle removes parts."""

    def delete_version(self, key: str, version: str) -> None:
        """Remove one version of an object, or a delete marker, for good."""
        self.before_write()
        with translated(self.uri_of(key)):
            where = {"Bucket": self.bucket, "Key": self.prefix + key}
            self._s3.delete_object(**where, VersionId=version)

    def uri_of(self, key: str) -> str:
        """The object's URI; S3 keys stand in it as they are."""
        return self.uri + key

    def key_of(self, uri: str) -> str:
        """The key of a URI below this prefix."""
        if not uri.startswith(self.uri):
            raise InputError(f"{uri!r} is not below {self.uri!r}")
        return uri[len(self.uri) :]


def _opened(data: bytes | Path) -> BinaryIO:
    return io.BytesIO(data) if isinstance(data, bytes) else data.open("rb")


def bucket_region(bucket: str) -> str | None:
    """The region that a bucket lies in, also where it may not be read; None where S3 is silent."""
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

    try:
        answer = _client().head_bucket(Bucket=bucket)
    except ClientError as error:
        answer = error.response
    except BotoCoreError:
        return None
    headers: dict[str, str] = answer["ResponseMetadata"].get("HTTPHeaders", {})
    return headers.get("x-amz-bucket-region")
