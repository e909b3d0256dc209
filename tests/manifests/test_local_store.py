"""What is particular to a folder."""

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from manifests.errors import InputError, ObjectChangedError, StoreError
from manifests.local_store import PARTIAL_SUFFIX, LocalStore, path_of_uri, uri_of_path
from manifests.storage import open_store, open_uri, parent_store


@pytest.mark.parametrize("key", ["../x", "a/../../x", "a/..", "..", "/etc/passwd", "nul\0l"])
def test_a_key_that_leaves_the_folder_is_refused(tmp_path: Path, key: str) -> None:
    store = LocalStore(tmp_path / "root")
    for action in (store.stat, store.open, store.read, store.delete):
        with pytest.raises(InputError, match="key"):
            action(key)
    with pytest.raises(InputError, match="key"):
        store.put(key, b"")
    with pytest.raises(InputError, match="key"):
        store.put_if_absent(key, b"")
    assert list(tmp_path.rglob("*")) == []


@pytest.mark.parametrize("prefix", ["../", "../secret", "a/../../", "/etc/"])
def test_a_prefix_that_leaves_the_folder_is_refused(tmp_path: Path, prefix: str) -> None:
    (tmp_path / "secret.wav").write_bytes(b"")
    (tmp_path / "root").mkdir()
    with pytest.raises(InputError, match="key"):
        list(LocalStore(tmp_path / "root").list(prefix))


def test_a_failure_while_writing_leaves_the_old_file_and_no_partial_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = LocalStore(tmp_path)
    store.put("a", b"old")

    def no_space(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", no_space)
    with pytest.raises(StoreError, match="No space left"):
        store.put("a", b"new")
    with pytest.raises(StoreError, match="No space left"):
        store.put_if_absent("b", b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_bytes() == b"old"


def test_a_file_that_is_being_written_is_not_listed(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    (tmp_path / f".0123{PARTIAL_SUFFIX}").write_bytes(b"half")
    assert list(store.list()) == []


def test_readers_see_one_version_or_the_other_while_it_is_replaced(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    versions = {b"a" * 100_000, b"b" * 100_001}
    store.put("x", min(versions))
    done = threading.Event()

    def write() -> None:
        for _ in range(10):
            for version in versions:
                store.put("x", version)
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    seen = {store.read("x")}
    while not done.is_set():
        seen.add(store.read("x"))
    writer.join()
    assert seen <= versions


def test_etags_change_with_time_or_size(tmp_path: Path) -> None:
    path = tmp_path / "a"
    store = LocalStore(tmp_path)
    etags = []
    for content, nanoseconds in [(b"x", 1), (b"y", 2), (b"yy", 2), (b"x", 1)]:
        path.write_bytes(content)
        os.utime(path, ns=(nanoseconds, nanoseconds))
        etags.append(store.list().__next__().etag)
    assert len(set(etags)) == 3
    assert etags[0] == etags[3]


@pytest.mark.parametrize("uri", ["file://host/a", "file:a", "file://"])
def test_a_file_uri_with_a_host_is_refused(uri: str) -> None:
    with pytest.raises(InputError, match="three slashes"):
        path_of_uri(uri)


def test_a_file_in_the_root_folder_has_a_uri_and_a_store() -> None:
    assert LocalStore(Path("/")).uri == "file:///"
    above, key = parent_store("/nightscribe-none.wav")
    assert (above.uri_of(key), key) == ("file:///nightscribe-none.wav", "nightscribe-none.wav")
    assert above.stat(key) is None


def test_a_path_and_its_uri_open_the_same_file(tmp_path: Path) -> None:
    path = tmp_path / "a b#?%.wav"
    path.write_bytes(b"x")
    for location in (str(path), uri_of_path(path)):
        with open_uri(location) as file:
            assert file.read() == b"x"


@pytest.mark.parametrize("location", ["gs://bucket/x", "http://a/b", "s3:///x", "s3://"])
def test_other_storage_and_missing_buckets_are_refused_with_advice(location: str) -> None:
    with pytest.raises(InputError, match=r"s3://bucket/prefix/"):
        open_store(location)


def test_half_files_of_killed_writers_are_swept_up_and_those_in_work_left(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    store.put("rows/a/b", b"x")
    halves = [tmp_path / f"rows/a/.1{PARTIAL_SUFFIX}", tmp_path / f".2{PARTIAL_SUFFIX}"]
    for half in halves:
        half.write_bytes(b"half")
    store.sweep("rows/", idle_seconds=60)
    assert all(half.exists() for half in halves)
    store.sweep("rows/")
    store.sweep("none/")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [tmp_path / "rows/a/b"]


def test_whose_half_file_was_swept_up_is_told_that_another_took_over(tmp_path: Path) -> None:
    store = LocalStore(tmp_path, before_write=lambda: LocalStore(tmp_path).sweep(""))
    for write in (store.put, store.put_if_absent):
        with pytest.raises(ObjectChangedError, match="another process took over"):
            write("a", b"x")
    assert list(tmp_path.iterdir()) == []


def test_what_is_written_and_removed_outlasts_a_power_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = _watched(monkeypatch)
    store = LocalStore(tmp_path)
    store.put("new/folder/a", b"x")
    folder = str(tmp_path / "new/folder")
    assert done == [
        ("mkdir", str(tmp_path / "new")),
        ("flush", str(tmp_path)),
        ("mkdir", folder),
        ("flush", str(tmp_path / "new")),
        ("flush", "a file"),
        ("rename", f"{folder}/a"),
        ("flush", folder),
    ]
    for change, expected in (
        (lambda: store.put_if_absent("new/folder/b", b"x"), ("link", f"{folder}/b")),
        (lambda: store.replace("new/folder/c", b"x", etag=None), ("link", f"{folder}/c")),
        (lambda: store.replace("new/folder/a", b"y", etag=_etag(store)), ("rename", f"{folder}/a")),
    ):
        done.clear()
        change()
        assert done == [("flush", "a file"), expected, ("flush", folder)]
    done.clear()
    store.delete("new/folder/a")
    assert done == [("unlink", f"{folder}/a"), ("flush", folder)]


def _etag(store: LocalStore) -> str:
    found = store.stat("new/folder/a")
    assert found is not None
    return found.etag


def _watched(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """The calls that decide what a disk holds after a power failure, in their order."""
    done: list[tuple[str, str]] = []

    def note(module: object, name: str, say: Callable[..., tuple[str, str]]) -> None:
        original = getattr(module, name)

        def noted(*args: Any, **options: Any) -> Any:
            found = original(*args, **options)
            if PARTIAL_SUFFIX not in say(*args)[1]:
                done.append(say(*args))
            return found

        monkeypatch.setattr(module, name, noted)

    def flushed(descriptor: int) -> tuple[str, str]:
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        return "flush", str(path) if path.is_dir() else "a file"

    note(os, "fsync", flushed)
    note(os, "replace", lambda _, target: ("rename", str(target)))
    note(os, "link", lambda _, target: ("link", str(target)))
    note(Path, "mkdir", lambda path, *_: ("mkdir", str(path)))
    note(Path, "unlink", lambda path, *_: ("unlink", str(path)))
    return done
