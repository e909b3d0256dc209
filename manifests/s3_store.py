"""A prefix of an S3 bucket as a store."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from manifests.errors import (
    AccessDeniedError,
    InputError,
    ObjectChangedError,
    ObjectNotFoundError,
    StoreError,
)
from manifests.storage import StoredObject

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

READ_AHEAD_BYTES = 1 << 20
_MISSING = frozenset({"404", "NoSuchKey", "NoSuchBucket", "NotFound"})
_DENIED = frozenset({"403", "AccessDenied", "Forbidden", "ExpiredToken", "InvalidAccessKeyId"})


@lru_cache(maxsize=1)
def _client() -> Any:
    import boto3  # noqa: PLC0415
    from botocore.config import Config  # noqa: PLC0415

    retries = {"mode": "standard", "max_attempts": 8}
    return boto3.client("s3", config=Config(retries=retries))


class S3Store:
    """Objects below ``s3://bucket/prefix/``; keys are relative to the prefix."""

    def __init__(self, uri: str, *, client: Any = None) -> None:
        bucket, _, prefix = uri[len("s3://") :].partition("/")
        if not bucket:
            raise InputError(f"{uri!r}: a bucket is missing; expected s3://bucket/prefix/")
        self.bucket = bucket
        self.prefix = prefix if not prefix or prefix.endswith("/") else prefix + "/"
        self.uri = f"s3://{bucket}/{self.prefix}"
        with _translated(self.uri):
            self._s3 = client or _client()

    def list(self, prefix: str = "") -> Iterator[StoredObject]:
        """Every object below ``prefix``; folder markers (``…/``) are not objects."""
        pages = self._s3.get_paginator("list_objects_v2")
        with _translated(self.uri_of(prefix)):
            for page in pages.paginate(Bucket=self.bucket, Prefix=self.prefix + prefix):
                for item in page.get("Contents", ()):
                    if not item["Key"].endswith("/"):
                        yield StoredObject(
                            key=item["Key"][len(self.prefix) :],
                            size=item["Size"],
                            etag=item["ETag"].strip('"'),
                            modified=item["LastModified"],
                        )

    def stat(self, key: str) -> StoredObject | None:
        """The object's entry, or None."""
        try:
            with _translated(self.uri_of(key)):
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
        raw = _RangeReader(self._s3, self.bucket, self.prefix + key, entry)
        return io.BufferedReader(raw, READ_AHEAD_BYTES)

    def read(self, key: str) -> bytes:
        """The whole object."""
        with _translated(self.uri_of(key)):
            answer = self._s3.get_object(Bucket=self.bucket, Key=self.prefix + key)
            body: bytes = answer["Body"].read()
            return body

    def put(self, key: str, data: bytes | Path) -> None:
        """Write whole; a large file goes up in parts and appears when the last is there."""
        with _translated(self.uri_of(key)):
            if isinstance(data, bytes):
                self._s3.put_object(Bucket=self.bucket, Key=self.prefix + key, Body=data)
            else:
                # upload_file would hide the code in an S3UploadFailedError.
                with data.open("rb") as file:
                    self._s3.upload_fileobj(file, self.bucket, self.prefix + key)

    def put_if_absent(self, key: str, data: bytes) -> bool:
        """Write whole unless the object exists (S3 conditional write)."""
        from botocore.exceptions import ClientError  # noqa: PLC0415

        target = {"Bucket": self.bucket, "Key": self.prefix + key}
        with _translated(self.uri_of(key)):
            while True:
                try:
                    self._s3.put_object(**target, Body=data, IfNoneMatch="*")
                except ClientError as error:
                    code = error.response["Error"]["Code"]
                    if code == "PreconditionFailed":
                        return False
                    # 409: another conditional write is under way; its outcome decides ours.
                    if code != "ConditionalRequestConflict":
                        raise
                else:
                    return True

    def delete(self, key: str) -> None:
        """Remove an object; S3 does not mind a missing one."""
        with _translated(self.uri_of(key)):
            self._s3.delete_object(Bucket=self.bucket, Key=self.prefix + key)

    def uri_of(self, key: str) -> str:
        """The object's URI; S3 keys stand in it as they are."""
        return self.uri + key

    def key_of(self, uri: str) -> str:
        """The key of a URI below this prefix."""
        if not uri.startswith(self.uri):
            raise InputError(f"{uri!r} is not below {self.uri!r}")
        return uri[len(self.uri) :]


class _RangeReader(io.RawIOBase):
    """An object as a seekable file, one range request a read."""

    def __init__(self, client: Any, bucket: str, key: str, entry: StoredObject) -> None:
        super().__init__()
        self._s3 = client
        self._where = {"Bucket": bucket, "Key": key, "IfMatch": entry.etag}
        self._size = entry.size
        self._position = 0
        self._name = f"s3://{bucket}/{key}"

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = max(0, base + offset)
        return self._position

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        view = memoryview(buffer).cast("B")
        wanted = min(len(view), self._size - self._position)
        if wanted <= 0:
            return 0
        span = f"bytes={self._position}-{self._position + wanted - 1}"
        with _translated(self._name):
            data = self._s3.get_object(**self._where, Range=span)["Body"].read()
        view[: len(data)] = data
        self._position += len(data)
        return len(data)


@contextmanager
def _translated(uri: str) -> Iterator[None]:
    from botocore.exceptions import (  # noqa: PLC0415
        BotoCoreError,
        ClientError,
        NoCredentialsError,
    )

    try:
        yield
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", "unknown"))
        if code in _MISSING:
            raise ObjectNotFoundError(
                f"{uri}: no such object or bucket; check the place and the region"
            ) from error
        if code in _DENIED:
            raise AccessDeniedError(
                f"{uri}: access denied ({code}); check the credentials and the role's policy"
            ) from error
        if code in {"412", "PreconditionFailed"}:
            raise ObjectChangedError(f"{uri}: changed while it was read") from error
        raise StoreError(f"{uri}: S3 answered {code}") from error
    except NoCredentialsError as error:
        raise AccessDeniedError(
            f"{uri}: no AWS credentials found; set AWS_PROFILE, or run 'aws configure'"
        ) from error
    except BotoCoreError as error:
        raise StoreError(f"{uri}: {error}") from error
