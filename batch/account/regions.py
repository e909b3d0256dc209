"""Where jobs may read and write: in S3, and in their own region."""

from __future__ import annotations

from collections.abc import Mapping

from batch.platforms.aws import region_of
from manifests.errors import InputError

_S3 = "s3://"


def check_in_s3(places: Mapping[str, str]) -> None:
    """Refuse ``places``, named by their key in the configuration, that no job can reach.

    Raises:
        InputError: one is not in S3.
    """
    for key, uri in places.items():
        if not uri.startswith(_S3):
            raise InputError(
                f"{key} {uri!r}: a SageMaker job reads and writes S3 only; expected "
                "s3://bucket/prefix/"
            )


def bucket_of(uri: str) -> str:
    """The bucket of an ``s3://`` URI."""
    return uri.removeprefix(_S3).partition("/")[0]


def check_regions(places: Mapping[str, str], region: str | None) -> None:
    """Compare the buckets of ``places``, named by their key in the configuration, with the jobs'.

    Raises:
        InputError: a bucket lies elsewhere; nothing has been paid for yet.
    """
    from manifests.s3_store import bucket_region  # noqa: PLC0415 - boto3 only where S3 is meant

    here = region_of(region)
    for key, uri in places.items():
        if not uri.startswith(_S3):
            continue
        found = bucket_region(bucket_of(uri))
        if found not in (None, here):
            raise InputError(
                f"{key} {uri!r}: the bucket lies in {found}, but jobs run in {here}; set "
                f"[sagemaker] region to {found!r} and keep archive and output there, or name a "
                f"bucket in {here}"
            )
