"""S3 Inventory: a bucket's listing that S3 itself writes each day or week, as CSV or Parquet.

Layout and columns: "Amazon S3 Inventory" in the S3 User Guide. It lags: what came since is listed.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote_plus

import pyarrow as pa
import pyarrow.parquet as pq

from manifests.errors import InputError, ObjectNotFoundError
from manifests.parallel import read_ahead
from manifests.s3_store import S3Store
from manifests.storage import Store, StoredObject, open_store

_DATED = re.compile(r"(?:^|/)\d{4}-\d{2}-\d{2}T\d{2}-\d{2}Z/$")
# CSV's names, and Parquet's.
_COLUMNS = {
    "Key": "key",
    "Size": "size",
    "LastModifiedDate": "last_modified_date",
    "ETag": "e_tag",
}
_OPTIONAL = ("is_latest", "is_delete_marker")

_Row = tuple[str, int, datetime, str]
"""Key, size, time of the last change, ETag."""


@dataclass(frozen=True, kw_only=True)
class Inventory:
    """One inventory of a bucket; ``archive`` is what of the bucket counts."""

    archive: S3Store
    source: Store
    """The bucket that the inventory's files lie in."""
    name: str
    manifest: dict[str, Any]

    @property
    def taken_at(self) -> datetime:
        """When S3 began to write it."""
        return datetime.fromtimestamp(int(self.manifest["creationTimestamp"]) / 1000, UTC)

    def objects(self) -> Iterator[StoredObject]:
        """The archive's current objects, in no order; older versions are left out."""
        files = self.manifest["files"]
        data = read_ahead(self.source, [file["key"] for file in files])
        rows = self._csv if self.manifest["fileFormat"] == "CSV" else self._parquet
        for file, content in zip(files, data, strict=True):
            if hashlib.md5(content, usedforsecurity=False).hexdigest() != file["MD5checksum"]:
                raise InputError(
                    f"{self.source.uri_of(file['key'])}: not what the inventory's manifest says "
                    "(MD5); wait for the next inventory, or take [archive] inventory out"
                )
            for key, size, modified, etag in rows(content):
                if key.startswith(self.archive.prefix) and not key.endswith("/"):
                    yield StoredObject(
                        key=key[len(self.archive.prefix) :],
                        size=size,
                        etag=etag.strip('"'),
                        modified=modified,
                    )

    def _csv(self, content: bytes) -> Iterator[_Row]:
        names = [name.strip() for name in self.manifest["fileSchema"].split(",")]
        text = io.TextIOWrapper(gzip.GzipFile(fileobj=io.BytesIO(content)), "utf-8", newline="")
        for row in csv.DictReader(text, names):
            if row.get("IsLatest") != "false" and row.get("IsDeleteMarker") != "true":
                # Keys are encoded as in a URL's query.
                key, at = unquote_plus(row["Key"]), datetime.fromisoformat(row["LastModifiedDate"])
                yield key, int(row["Size"] or 0), at, row["ETag"]

    def _parquet(self, content: bytes) -> Iterator[_Row]:
        file = pq.ParquetFile(pa.BufferReader(content), pre_buffer=False)
        there = [name for name in _OPTIONAL if name in file.schema_arrow.names]
        for batch in file.iter_batches(columns=[*_COLUMNS.values(), *there], use_threads=False):
            for row in batch.to_pylist():
                if row.get("is_latest") is not False and not row.get("is_delete_marker"):
                    at = row["last_modified_date"]
                    at = at if at.tzinfo else at.replace(tzinfo=UTC)
                    yield row["key"], row["size"] or 0, at, row["e_tag"] or ""


def newest_inventory(archive: Store, location: str) -> Inventory:
    """The newest finished inventory below ``location``, the folder of its configuration.

    Raises:
        InputError: there is none, it is of another bucket, or it lacks a column.
    """
    if not isinstance(archive, S3Store):
        raise InputError(
            f"[archive] inventory: S3 makes inventories of buckets, and [archive] uri is "
            f"{archive.uri}; take the key out"
        )
    store = open_store(location)
    for folder in sorted((f for f in store.folders() if _DATED.search(f)), reverse=True):
        try:
            # S3 writes the checksum last.
            checksum = store.read(f"{folder}manifest.checksum").decode().strip()
            content = store.read(f"{folder}manifest.json")
        except ObjectNotFoundError:
            continue
        name = store.uri_of(f"{folder}manifest.json")
        if hashlib.md5(content, usedforsecurity=False).hexdigest() == checksum:
            return _checked(archive, name, content)
    raise InputError(
        f"[archive] inventory {location!r}: no inventory there; expected the folder that has one "
        "for each day in it (2026-11-23T00-00Z/), <destination prefix>/<bucket>/<configuration>/; "
        "the first comes up to 48 hours after it was configured"
    )


def _checked(archive: S3Store, name: str, content: bytes) -> Inventory:
    try:
        manifest = json.loads(content)
        form, schema = manifest["fileFormat"], manifest["fileSchema"]
        bucket = manifest["destinationBucket"].rpartition(":")[2]
        source = manifest["sourceBucket"]
        int(manifest["creationTimestamp"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{name}: not an inventory's manifest ({error!r})") from error
    if source != archive.bucket:
        raise InputError(f"{name}: an inventory of bucket {source!r}, not of {archive.bucket!r}")
    if form not in ("CSV", "Parquet"):
        raise InputError(f"{name}: its files are {form}; choose CSV or Parquet for the inventory")
    missing = [shown for shown, wanted in _names(form) if not re.search(rf"\b{wanted}\b", schema)]
    if missing:
        raise InputError(
            f"{name}: the inventory lacks {', '.join(missing)}; add the fields Size, Last modified "
            "and ETag to its configuration"
        )
    place = open_store(f"s3://{bucket}/")
    return Inventory(archive=archive, source=place, name=name, manifest=manifest)


def _names(form: str) -> Sequence[tuple[str, str]]:
    return [
        (csv_name, csv_name if form == "CSV" else other) for csv_name, other in _COLUMNS.items()
    ]
