"""One suite over a folder and over S3."""

import io
import os
import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from manifests.errors import InputError, ObjectChangedError, ObjectNotFoundError
from manifests.storage import Store, open_store, open_uri, parent_store

ODD_KEYS = [
    "a b.wav",
    "plus+and%20percent%.wav",
    "ü/ß 🎙.wav",
    "q?a#b&c=d.wav",
    'it\'s "x".wav',
    "two..dots/...wav",
    "star*[x].wav",
]


def test_list_is_sorted_by_key_and_says_size_and_etag(store: Store) -> None:
    for key in ("b", "a/c", "a.x", "a/b/d"):
        store.put(key, key.encode())
    entries = list(store.list())
    assert [entry.key for entry in entries] == ["a.x", "a/b/d", "a/c", "b"]
    assert [entry.size for entry in entries] == [3, 5, 3, 1]
    assert entries == [store.stat(entry.key) for entry in entries]


@pytest.mark.parametrize(
    ("prefix", "keys"),
    [
        ("a", ["a.x", "a/b", "ab/c"]),
        ("a/", ["a/b"]),
        ("a/b", ["a/b"]),
        ("ab/c", ["ab/c"]),
        ("z/", []),
        ("z", []),
    ],
)
def test_a_prefix_is_of_the_key_not_of_a_folder(store: Store, prefix: str, keys: list[str]) -> None:
    for key in ("a.x", "a/b", "ab/c"):
        store.put(key, b"")
    assert [entry.key for entry in store.list(prefix)] == keys


def test_an_empty_store_lists_nothing(store: Store) -> None:
    assert list(store.list()) == []


def test_stat_of_what_is_not_there_is_none(store: Store) -> None:
    store.put("folder/object", b"x")
    assert store.stat("gone") is None
    assert store.stat("folder/gone") is None
    assert store.stat("folder/object/below") is None
    assert store.stat("folder") is None


def test_a_missing_object_is_a_file_not_found_that_names_it(store: Store) -> None:
    for read in (store.read, store.open):
        with pytest.raises(ObjectNotFoundError, match=r"gone\.wav"):
            read("gone.wav")


@pytest.mark.parametrize("key", ODD_KEYS)
def test_any_key_is_written_listed_read_and_found_by_its_uri(store: Store, key: str) -> None:
    store.put(key, b"content")
    assert [entry.key for entry in store.list()] == [key]
    assert store.read(key) == b"content"
    assert store.key_of(store.uri_of(key)) == key
    with open_uri(store.uri_of(key)) as file:
        assert file.read() == b"content"
    above, name = parent_store(store.uri_of(key))
    assert name == key.rpartition("/")[2]
    assert above.uri_of(name) == store.uri_of(key)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(key=st.lists(st.text(min_size=1).filter(lambda part: "/" not in part), min_size=1))
def test_key_of_undoes_uri_of(store: Store, key: list[str]) -> None:
    assert store.key_of(store.uri_of("/".join(key))) == "/".join(key)


def test_a_uri_elsewhere_has_no_key_here(store: Store) -> None:
    with pytest.raises(InputError, match="is not below"):
        store.key_of("s3://another/x")


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=5, deadline=None
)
@given(data=st.data())
def test_range_reads_at_random_places_give_the_objects_bytes(
    store: Store, data: st.DataObject
) -> None:
    content = os.urandom(2_500_000)
    store.put("big", content)
    places = data.draw(st.lists(st.tuples(st.integers(0, 2_600_000), st.integers(0, 1_500_000))))
    with store.open("big") as file:
        assert file.seekable()
        for offset, size in places:
            assert file.seek(offset) == offset
            assert file.read(size) == content[offset : offset + size]
            assert file.tell() == offset + len(content[offset : offset + size])
        assert file.seek(-7, io.SEEK_END) == len(content) - 7
        assert file.read() == content[-7:]
        file.seek(10)
        file.seek(5, io.SEEK_CUR)
        assert file.read(3) == content[15:18]


def test_an_empty_object_opens_and_ends(store: Store) -> None:
    store.put("empty", b"")
    with store.open("empty") as file:
        assert file.read() == b""


def test_open_with_the_planned_etag_refuses_another_version(store: Store) -> None:
    store.put("a", b"one")
    planned = store.stat("a")
    assert planned is not None
    with store.open("a", etag=planned.etag) as file:
        assert file.read() == b"one"
    store.put("a", b"other")
    with pytest.raises(ObjectChangedError, match="changed"):
        store.open("a", etag=planned.etag)


@pytest.mark.parametrize("size", [0, 1, 9_000_000])
def test_a_file_is_put_whole(store: Store, tmp_path: Path, size: int) -> None:
    content = os.urandom(size)
    (tmp_path / "source").write_bytes(content)
    store.put("deep/target", tmp_path / "source")
    assert store.read("deep/target") == content
    assert [entry.key for entry in store.list()] == ["deep/target"]


def test_put_replaces_what_was_there(store: Store) -> None:
    store.put("a", b"a longer first version")
    store.put("a", b"second")
    assert store.read("a") == b"second"


def test_a_source_that_is_missing_leaves_the_old_object_and_nothing_else(
    store: Store, tmp_path: Path
) -> None:
    store.put("a", b"old")
    with pytest.raises(FileNotFoundError, match="gone"):
        store.put("a", tmp_path / "gone")
    assert [(entry.key, store.read(entry.key)) for entry in store.list()] == [("a", b"old")]


def test_put_if_absent_says_whether_it_wrote(store: Store) -> None:
    assert store.put_if_absent("claims/one", b"first") is True
    assert store.put_if_absent("claims/one", b"second") is False
    assert store.read("claims/one") == b"first"


def test_replace_writes_only_what_is_still_as_it_was_seen(store: Store) -> None:
    store.replace("a", b"first", etag=None)
    with pytest.raises(ObjectChangedError, match="another process"):
        store.replace("a", b"second", etag=None)
    seen = store.stat("a")
    assert seen is not None
    store.replace("a", b"2nd", etag=seen.etag)
    with pytest.raises(ObjectChangedError, match="another process"):
        store.replace("a", b"third", etag=seen.etag)
    assert store.read("a") == b"2nd"
    store.delete("a")
    with pytest.raises(ObjectChangedError, match="another process"):
        store.replace("a", b"fourth", etag=seen.etag)
    assert store.stat("a") is None


def test_what_is_asked_before_a_write_can_prevent_it(location: str) -> None:
    def refuse() -> None:
        raise InputError("not now")

    store, plain = open_store(location, before_write=refuse), open_store(location)
    plain.put("a", b"x")
    for write in (
        lambda: store.put("a", b"y"),
        lambda: store.put_if_absent("b", b"y"),
        lambda: store.replace("b", b"y", etag=None),
        lambda: store.delete("a"),
    ):
        with pytest.raises(InputError, match="not now"):
            write()
    assert [(entry.key, plain.read(entry.key)) for entry in plain.list()] == [("a", b"x")]


def test_of_racing_claims_exactly_one_wins(store: Store) -> None:
    racers = 8
    start = threading.Barrier(racers)
    won: list[int] = []

    def race(number: int) -> None:
        start.wait()
        if store.put_if_absent("claim", str(number).encode()):
            won.append(number)

    threads = [threading.Thread(target=race, args=(number,)) for number in range(racers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert store.read("claim") == str(won[0]).encode()
    assert [entry.key for entry in store.list()] == ["claim"]


def test_delete_may_be_repeated(store: Store) -> None:
    store.put("a", b"x")
    store.delete("a")
    store.delete("a")
    store.delete("never/was")
    assert list(store.list()) == []


def test_the_uri_ends_with_a_slash_with_or_without_one_given(location: str) -> None:
    assert open_store(location).uri == open_store(location.rstrip("/")).uri
    assert open_store(location).uri.endswith("/")
    assert open_store(open_store(location).uri).uri == open_store(location).uri


def test_a_uri_of_a_folder_is_no_object(store: Store) -> None:
    with pytest.raises(InputError, match="names a folder"):
        parent_store(store.uri)
