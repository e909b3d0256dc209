"""A bucket that is known by its inventory: what a run would take on is looked at as it is now."""

from __future__ import annotations

import gzip
import hashlib
import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from batch.survey import Survey, Surveyor
from manifests.errors import InputError
from manifests.s3_store import S3Store
from tests.batch.made_nights import DECODE, MODEL, made_home


def inventory(store: S3Store, rows: list[tuple[str, int, str]]) -> None:
    """Written as S3 does, in CSV."""
    lines = "".join(
        f'"{store.bucket}","archive/{key}","{size}","2026-11-20T10:00:00.000Z","{etag}"\n'
        for key, size, etag in rows
    )
    data = gzip.compress(lines.encode())
    store.put("lists/data/1.csv.gz", data)
    manifest = {
        "sourceBucket": store.bucket,
        "destinationBucket": f"arn:aws:s3:::{store.bucket}",
        "creationTimestamp": "1795312800000",
        "fileFormat": "CSV",
        "fileSchema": "Bucket, Key, Size, LastModifiedDate, ETag",
        "files": [{"key": "lists/data/1.csv.gz", "MD5checksum": md5(data)}],
    }
    content = json.dumps(manifest).encode()
    store.put("lists/2026-11-22T01-00Z/manifest.json", content)
    store.put("lists/2026-11-22T01-00Z/manifest.checksum", md5(content).encode())


def md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def surveyed(folder: Path, bucket: str, monkeypatch: pytest.MonkeyPatch, *keys: str) -> Survey:
    bundle = SimpleNamespace(model_digest=MODEL["digest"], decode_digest=DECODE["digest"])
    monkeypatch.setattr("batch.survey.configured_bundle", lambda *_, **__: bundle)
    home = made_home(
        folder,
        f"archive.inventory='s3://{bucket}/lists/'",
        *keys,
        archive=f"s3://{bucket}/archive/",
    )
    return Surveyor(
        config=home.config,
        archive=home.archive,
        output=home.output,
        warn=lambda _: None,
        step=lambda _: None,
    ).survey(dry=True)


def test_what_has_gone_or_changed_since_the_inventory_is_seen(
    tmp_path: Path, s3_bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = S3Store(f"s3://{s3_bucket}/")
    for key in ("same.wav", "changed.wav"):
        store.put(f"archive/{key}", b"sound")
    now = md5(b"sound")
    inventory(store, [("same.wav", 5, now), ("gone.wav", 5, now), ("changed.wav", 4, "older")])
    survey = surveyed(tmp_path, s3_bucket, monkeypatch, "archive.recent='%Y/%m/%d/'")
    chosen = {one.recording.path: one.recording for one in survey.selection.chosen}
    assert sorted(chosen) == ["changed.wav", "same.wav"] == [one.path for one in survey.recordings]
    assert (chosen["changed.wav"].size, chosen["changed.wav"].etag) == (5, now)
    assert chosen["same.wav"].version is None


def test_an_inventory_needs_to_know_where_later_recordings_lie(
    tmp_path: Path, s3_bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InputError, match=r"\[archive\] recent is missing"):
        surveyed(tmp_path, s3_bucket, monkeypatch)
