"""The bytes of an object in S3, also where its answer breaks off."""

from __future__ import annotations

import io
import time
from typing import TYPE_CHECKING, Any

from manifests.s3_errors import translated
from manifests.storage import StoredObject

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

# Seconds before a body is asked for again that broke off: botocore tries a request again until its
# answer begins, not until it ends.
BODY_PAUSES = (0.1, 0.5, 2.0, 5.0)


def body_of(client: Any, **where: str) -> bytes:
    """The bytes of an object, or of a range of it, asked for again where they break off."""
    from botocore import exceptions  # noqa: PLC0415

    broken = (
        exceptions.HTTPClientError,
        exceptions.IncompleteReadError,
        exceptions.FlexibleChecksumError,
    )
    for pause in (*BODY_PAUSES, None):
        answer = client.get_object(**where)
        try:
            body: bytes = answer["Body"].read()
        except broken:
            if pause is None:
                raise
            time.sleep(pause)
        else:
            return body
    raise AssertionError


class RangeReader(io.RawIOBase):
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
        with translated(self._name):
            data = body_of(self._s3, **self._where, Range=span)
        view[: len(data)] = data
        self._position += len(data)
        return len(data)
