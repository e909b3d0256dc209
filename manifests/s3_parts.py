"""A large file written in parts under a condition, which one ``PutObject`` could not: 5 GB at most.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

PART_BYTES = 64 << 20


def is_large(file: Path) -> bool:
    """Whether a file is written in parts."""
    return file.stat().st_size > PART_BYTES


def put_in_parts(
    client: Any, file: Path, target: Mapping[str, str], condition: Mapping[str, str]
) -> None:
    """Write a file to a ``target`` (``Bucket`` and ``Key``); the condition decides at the end.

    Raises:
        ClientError: the condition does not hold, or S3 refused; no parts are left.
    """
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

    begun = client.create_multipart_upload(**target)
    upload = {**target, "UploadId": begun["UploadId"]}
    try:
        parts = _upload_parts(client, file, upload)
        client.complete_multipart_upload(**upload, **condition, MultipartUpload={"Parts": parts})
    except BaseException:
        # Parts that stay are the bucket's lifecycle to remove; the first error is what counts.
        with suppress(BotoCoreError, ClientError):
            client.abort_multipart_upload(**upload)
        raise


def _upload_parts(client: Any, file: Path, upload: Mapping[str, str]) -> list[dict[str, Any]]:
    parts = []
    with file.open("rb") as stream:
        blocks = iter(partial(stream.read, PART_BYTES), b"")
        for number, block in enumerate(blocks, start=1):
            answer = client.upload_part(**upload, PartNumber=number, Body=block)
            parts.append({"PartNumber": number, "ETag": answer["ETag"]})
    return parts
