"""Large archives: listed in stretches side by side, or read from an S3 Inventory."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manifests import listing
from manifests.errors import InputError
from manifests.inventory import newest_inventory
from manifests.listing import inventoried, list_archive, recent_prefixes
from manifests.local_store import LocalStore
from manifests.s3_store import S3Store
from manifests.storage import StoredObject

TAKEN = datetime(2026, 11, 22, 1, 0, tzinfo=UTC)
NOW = datetime(2026, 11, 23, 22, 0, tzinfo=UTC)
PARQUET_SCHEMA = (
    "message s3.inventory { required binary bucket (UTF8); required binary key (UTF8); "
    "optional int64 size; optional int64 last_modified_date (TIMESTAMP_MILLIS); "
    "optional binary e_tag (UTF8); optional boolean is_latest; "
    "optional boolean is_delete_marker; }"
)
CSV_SCHEMA = "Bucket, Key, VersionId, IsLatest, IsDeleteMarker, Size, LastModifiedDate, ETag"
Row = tuple[str, int, bool, bool]
"""Key in the bucket, size, whether it is the latest version, whether it is a delete marker."""


class Listed(S3Store):
    """A store that lists as S3 does, a page at a time, from a list of keys in memory."""

    def __init__(self, keys: Sequence[str]) -> None:
        super().__init__("s3://b/", client=self)
        self.keys = sorted(keys)
        self.requests = 0

    def get_paginator(self, _: str) -> Any:
        return self

    def paginate(self, **asked: str) -> Any:
        prefix, after = asked["Prefix"], asked.get("StartAfter", "")
        found: dict[str, bool] = {}
        for key in self.keys:
            if key.startswith(prefix) and key > after:
                head, slash, _rest = key[len(prefix) :].partition("/")
                folder = bool("Delimiter" in asked and slash)
                found[f"{prefix}{head}/" if folder else key] = folder
        names = list(found)
        for start in range(0, max(1, len(names)), 10):
            self.requests += 1
            page = names[start : start + 10]
            yield {
                "CommonPrefixes": [{"Prefix": name} for name in page if found[name]],
                "Contents": [
                    {"Key": name, "Size": 1, "ETag": '"e"', "LastModified": NOW}
                    for name in page
                    if not found[name]
                ],
            }


NAMES = st.lists(
    st.sampled_from(["a", "b", "a.wav", "a-", "a0", "é", "日", "z"]), min_size=1, max_size=5
)


@settings(deadline=None)
@given(st.sets(NAMES.map("/".join), max_size=40), st.sampled_from(["", "a/", "a", "b/a"]))
def test_stretches_side_by_side_are_the_listing(keys: set[str], prefix: str) -> None:
    before = listing.PAGE
    listing.PAGE = 0
    try:
        found = [one.key for one in list_archive(Listed(list(keys)), prefix)]
    finally:
        listing.PAGE = before
    assert found == sorted(key for key in keys if key.startswith(prefix))


def test_a_small_archive_is_listed_as_ever() -> None:
    store = Listed([f"{day:02d}/{n}.wav" for day in range(20) for n in range(20)])
    assert len(list(list_archive(store))) == 400
    assert store.requests == 40


def test_a_folder_is_listed_as_it_is(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    store.put("a/b.wav", b"x")
    assert [one.key for one in list_archive(store)] == ["a/b.wav"]


@pytest.fixture(params=["CSV", "Parquet"])
def inventory(request: pytest.FixtureRequest, s3_bucket: str) -> Callable[..., str]:
    """Writes an inventory of the bucket as S3 would; returns its place."""

    def write(rows: Sequence[Row], *, taken: datetime = TAKEN, done: bool = True) -> str:
        place = f"lists/{s3_bucket}/all/"
        store = S3Store(f"s3://{s3_bucket}/")
        data = _csv(s3_bucket, rows) if request.param == "CSV" else _parquet(s3_bucket, rows)
        key = f"{place}data/{taken:%d}.{request.param}"
        store.put(key, data)
        manifest = {
            "sourceBucket": s3_bucket,
            "destinationBucket": f"arn:aws:s3:::{s3_bucket}",
            "version": "2016-11-30",
            "creationTimestamp": str(int(taken.timestamp() * 1000)),
            "fileFormat": request.param,
            "fileSchema": CSV_SCHEMA if request.param == "CSV" else PARQUET_SCHEMA,
            "files": [{"key": key, "size": len(data), "MD5checksum": _md5(data)}],
        }
        content = json.dumps(manifest).encode()
        folder = f"{place}{taken:%Y-%m-%dT%H-%MZ}/"
        store.put(f"{folder}manifest.json", content)
        if done:
            store.put(f"{folder}manifest.checksum", _md5(content).encode())
        return f"s3://{s3_bucket}/{place}"

    return write


def _md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def _csv(bucket: str, rows: Sequence[Row]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL)
    for key, size, latest, deleted in rows:
        flags = [str(latest).lower(), str(deleted).lower()]
        when = "2026-11-20T10:00:00.000Z"
        writer.writerow(
            [bucket, quote_plus(key, safe="/"), "v", *flags, "" if deleted else size, when, "e"]
        )
    return gzip.compress(text.getvalue().encode())


def _parquet(bucket: str, rows: Sequence[Row]) -> bytes:
    table = pa.table(
        {
            "bucket": [bucket] * len(rows),
            "key": [row[0] for row in rows],
            "size": pa.array([None if row[3] else row[1] for row in rows], pa.int64()),
            "last_modified_date": pa.array(
                [datetime(2026, 11, 20, 10, tzinfo=UTC)] * len(rows), pa.timestamp("ms")
            ),
            "e_tag": ["e"] * len(rows),
            "is_latest": [row[2] for row in rows],
            "is_delete_marker": [row[3] for row in rows],
        }
    )
    sink = io.BytesIO()
    pq.write_table(table, sink)
    return sink.getvalue()


def keys(found: Sequence[StoredObject]) -> list[str]:
    return [one.key for one in found]


def test_an_inventory_is_joined_with_what_came_since(
    inventory: Callable[..., str], s3_bucket: str
) -> None:
    archive = S3Store(f"s3://{s3_bucket}/archive/")
    for key in ("2026/11/22/new today.wav", "2026/11/23/late.wav"):
        archive.put(key, b"sound")
    place = inventory(
        [
            ("archive/2026/11/01/a + b.wav", 7, True, False),
            ("archive/2026/11/01/old version.wav", 7, False, False),
            ("archive/2026/11/01/removed.wav", 0, True, True),
            ("archive/2026/11/22/deleted since.wav", 7, True, False),
            ("elsewhere/c.wav", 7, True, False),
        ]
    )
    found = inventoried(archive, place, "%Y/%m/%d/", now=NOW)
    assert keys(found) == [
        "2026/11/01/a + b.wav",
        "2026/11/22/new today.wav",
        "2026/11/23/late.wav",
    ]
    assert (found[0].size, found[0].etag) == (7, "e")
    assert found[0].modified == datetime(2026, 11, 20, 10, tzinfo=UTC)


def test_the_newest_inventory_that_is_finished_counts(
    inventory: Callable[..., str], s3_bucket: str
) -> None:
    archive = S3Store(f"s3://{s3_bucket}/")
    inventory([("a.wav", 1, True, False)], taken=datetime(2026, 11, 20, tzinfo=UTC))
    inventory([("b.wav", 1, True, False)], taken=datetime(2026, 11, 21, tzinfo=UTC))
    place = inventory([], taken=TAKEN, done=False)
    assert keys(list(newest_inventory(archive, place).objects())) == ["b.wav"]


def test_what_is_wrong_with_an_inventory_is_said(
    inventory: Callable[..., str], s3_bucket: str, tmp_path: Path
) -> None:
    archive = S3Store(f"s3://{s3_bucket}/")
    place = inventory([("a.wav", 1, True, False)])
    with pytest.raises(InputError, match="no inventory there; expected the folder"):
        newest_inventory(archive, f"s3://{s3_bucket}/none/")
    with pytest.raises(InputError, match="makes inventories of buckets"):
        newest_inventory(LocalStore(tmp_path), place)
    with pytest.raises(InputError, match=f"an inventory of bucket '{s3_bucket}', not of 'other'"):
        newest_inventory(S3Store("s3://other/"), place)
    (data,) = (one.key for one in archive.list("lists/") if "/data/" in one.key)
    archive.put(data, b"damaged")
    with pytest.raises(InputError, match=r"data/22.*not what the inventory's manifest says"):
        list(newest_inventory(archive, place).objects())


def changed_manifest(store: S3Store, **changes: object) -> None:
    (key,) = (one.key for one in store.list("lists/") if one.key.endswith("manifest.json"))
    content = json.dumps({**json.loads(store.read(key)), **changes}).encode()
    store.put(key, content)
    store.put(key.replace("manifest.json", "manifest.checksum"), _md5(content).encode())


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"fileFormat": "ORC"}, "choose CSV or Parquet"),
        ({"fileSchema": "Bucket, Key"}, "Size, LastModifiedDate, ETag; add the fields"),
        ({"destinationBucket": None}, "not an inventory's manifest"),
    ],
)
def test_a_manifest_that_is_of_no_use_is_refused(
    inventory: Callable[..., str], s3_bucket: str, changes: dict[str, object], said: str
) -> None:
    archive = S3Store(f"s3://{s3_bucket}/")
    place = inventory([("a.wav", 1, True, False)])
    changed_manifest(archive, **changes)
    with pytest.raises(InputError, match=said):
        newest_inventory(archive, place)


def test_recent_days_reach_from_before_the_inventory_to_after_tonight() -> None:
    days = recent_prefixes("%Y/%m/%d/", TAKEN, NOW)
    assert days == [f"2026/11/{day}/" for day in (21, 22, 23, 24)]
    late = datetime(2026, 11, 22, 23, 30, tzinfo=UTC)
    assert recent_prefixes("%d/", late, datetime(2026, 11, 23, 1, tzinfo=UTC))[-1] == "24/"
    assert recent_prefixes("%Y/%m/", TAKEN, NOW) == ["2026/11/"]
