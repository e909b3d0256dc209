"""What a store has beside its objects: folders, which need no listing, and older versions."""

from __future__ import annotations

import boto3
import pytest

from manifests.errors import StoreError
from manifests.storage import Store, open_store

KEYS = ("runs/2026-11-23-001/plan.json", "runs/2026-11-23-001/shards/a", "runs/2026-11-23-002/x")


@pytest.mark.parametrize(
    ("prefix", "folders"),
    [
        ("runs/", ["runs/2026-11-23-001/", "runs/2026-11-23-002/", "runs/2026-12-01-001/"]),
        ("runs/2026-11-23-", ["runs/2026-11-23-001/", "runs/2026-11-23-002/"]),
        ("runs/2026-11-23-001/", ["runs/2026-11-23-001/shards/"]),
        ("", ["runs/", "transcripts/"]),
        ("gone/", []),
        ("runs", ["runs/"]),
    ],
)
def test_folders_are_named_and_not_entered(store: Store, prefix: str, folders: list[str]) -> None:
    for key in (*KEYS, "runs/2026-12-01-001/plan.json", "runs/file", "transcripts/x", "top"):
        store.put(key, b"")
    assert list(store.folders(prefix)) == folders


def test_what_was_emptied_is_no_folder_any_more(store: Store) -> None:
    store.put("runs/1/shards/a", b"")
    store.delete("runs/1/shards/a")
    assert list(store.folders("runs/")) == []


def test_a_store_without_versions_keeps_none(store: Store) -> None:
    store.put("a", b"1")
    store.put("a", b"2")
    store.delete("a")
    assert list(store.noncurrent()) == []


def test_a_folder_has_no_version_to_delete(tmp_path: object) -> None:
    with pytest.raises(StoreError, match="keeps no versions"):
        open_store(str(tmp_path)).delete_version("a", "v1")


def test_older_versions_and_delete_markers_are_found_and_removed_for_good(s3_bucket: str) -> None:
    client = boto3.client("s3")
    client.put_bucket_versioning(Bucket=s3_bucket, VersioningConfiguration={"Status": "Enabled"})
    store = open_store(f"s3://{s3_bucket}/out/")
    store.put("kept", b"old")
    store.put("kept", b"new")
    store.put("gone", b"secret")
    store.delete("gone")
    store.put("never changed", b"x")
    found = list(store.noncurrent())
    # The deleted object's content and its marker, and what was there before the current content.
    assert sorted((one.key, one.size) for one in found) == [("gone", 0), ("gone", 6), ("kept", 3)]
    assert [one.key for one in store.noncurrent("ke")] == ["kept"]
    for one in found:
        assert one.version is not None
        store.delete_version(one.key, one.version)
    assert list(store.noncurrent()) == []
    assert store.read("kept") == b"new"
    versions = client.list_object_versions(Bucket=s3_bucket, Prefix="out/gone")
    assert "Versions" not in versions
    assert "DeleteMarkers" not in versions
