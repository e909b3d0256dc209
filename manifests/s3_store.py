"""A prefix of an S3 bucket as a store."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from manifests.aws_errors import DENIED, credentials_problem, error_code, passes_by_itself
from manifests.errors import (
    AccessDeniedError,
    BucketNotFoundError,
    InputError,
    ObjectChangedError,
    ObjectNotFoundError,
    StoreError,
    UnavailableError,
)
from manifests.storage import StoredObject

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

READ_AHEAD_BYTES = 1 << 20
# Seconds between tries of a conditional write that meets another; the first is over in a moment.
CONFLICT_PAUSES = (0.0, 0.2, 1.0, 3.0)


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
        return self._listed(prefix)

    def stretch(self, prefix: str, *, after: str, before: str | None) -> tuple[StoredObject, ...]:
        """The objects below ``prefix`` whose keys come after one and before another."""
        listed = self._listed(prefix, **({"StartAfter": self.prefix + after} if after else {}))
        return tuple(takewhile(lambda one: before is None or one.key < before, listed))

    def _listed(self, prefix: str, **options: str) -> Iterator[StoredObject]:
        pages = self._s3.get_paginator("list_objects_v2")
        where = {"Bucket": self.bucket, "Prefix": self.prefix + prefix, **options}
        with _translated(self.uri_of(prefix)):
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
        with _translated(self.uri_of(prefix)):
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
        with _translated(self.uri_of(prefix)):
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
            for pause in (*CONFLICT_PAUSES, None):
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
                if pause:
                    time.sleep(pause)
        raise UnavailableError(f"others write {self.uri_of(key)} all the time; try again")

    def delete(self, key: str) -> None:
        """Remove an object; S3 does not mind a missing one."""
        with _translated(self.uri_of(key)):
            self._s3.delete_object(Bucket=self.bucket, Key=self.prefix + key)

    def delete_version(self, key: str, version: str) -> None:
        """Remove one version of an object, or a delete marker, for good."""
        with _translated(self.uri_of(key)):
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

    def readall(self) -> bytes:
        """What is left, in one request; the inherited one asks for a few kilobytes at a time."""
        data = bytearray(max(0, self._size - self._position))
        found = self.readinto(data)
        return bytes(data[:found])

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


@contextmanager
def _translated(uri: str) -> Iterator[None]:
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

    try:
        yield
    except (ClientError, BotoCoreError) as error:
        raise _named(uri, error) from error


def _named(uri: str, error: Any) -> Exception:
    from botocore.exceptions import ClientError  # noqa: PLC0415

    if problem := credentials_problem(error):
        return AccessDeniedError(f"{uri}: {problem}")
    if passes_by_itself(error):
        return UnavailableError(f"{uri}: S3 does not answer, or is too busy ({error})")
    if not isinstance(error, ClientError):
        return StoreError(f"{uri}: {error}")
    code = error_code(error)
    said = str(error.response.get("Error", {}).get("Message", "")).strip()
    kind, sentence = _SENTENCES.get(code, (StoreError, "S3 answered {code} ({said})"))
    bucket = uri.split("/")[2]
    return kind(f"{uri}: {sentence.format(code=code, said=said, bucket=bucket)}")


_NOT_FOUND = (ObjectNotFoundError, "no such object or bucket; check the place")
_ELSEWHERE = (StoreError, "the bucket is in another region")
_CHANGED = (ObjectChangedError, "changed while it was read")
_SENTENCES: dict[str, tuple[type[Exception], str]] = {
    **dict.fromkeys(
        DENIED,
        (AccessDeniedError, "access denied ({said}); check the credentials and the role's policy"),
    ),
    "404": _NOT_FOUND,
    "NoSuchKey": _NOT_FOUND,
    "NotFound": _NOT_FOUND,
    "NoSuchBucket": (BucketNotFoundError, "there is no bucket {bucket!r}; check its name"),
    "301": _ELSEWHERE,
    "AuthorizationHeaderMalformed": _ELSEWHERE,
    "IllegalLocationConstraintException": _ELSEWHERE,
    "PermanentRedirect": _ELSEWHERE,
    "412": _CHANGED,
    "PreconditionFailed": _CHANGED,
    # The answer to a HEAD request has no body that could say which.
    "400": (
        StoreError,
        "S3 answered 400; the credentials may have expired, or the bucket be in another region",
    ),
}
