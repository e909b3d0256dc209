"""What an archive holds: patterns, ids, and file names of every kind."""

import os
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manifests.errors import StoreError
from manifests.local_store import LocalStore
from manifests.recordings import Recording, list_recordings, recording_id
from manifests.storage import open_uri

ODD_NAMES = [
    b"plain.wav",
    b"with space.wav",
    b'it\'s "quoted".wav',
    b"line\nbreak.wav",
    b"tab\tand\rreturn.wav",
    "emoji 🎙️.wav".encode(),
    "nfd e\u0301.wav".encode(),
    b"two..dots.wav",
    b"..hidden.wav",
    b"percent%20%41.wav",
    b"q?a#b&c=d;e,f.wav",
    b"star*[x].wav",
    b"back\\slash.wav",
    b"latin1-\xe9\xff.wav",
]


def touch(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"RIFF")
    return root


def paths(root: Path, **patterns: tuple[str, ...]) -> list[str]:
    return [one.path for one in list_recordings(LocalStore(root), **patterns)]


def test_the_default_takes_audio_of_any_case_sorted_by_path(tmp_path: Path) -> None:
    touch(tmp_path, "b.WAV", "a/z.Mp3", "a.flac", "n.txt", "a.wav.part", "c.opus", "wav")
    assert paths(tmp_path) == ["a.flac", "a/z.Mp3", "b.WAV", "c.opus"]


def test_a_pattern_with_a_slash_is_of_the_path_any_other_of_the_name(tmp_path: Path) -> None:
    touch(tmp_path, "x/a.wav", "x/b.wav", "y/a.wav", "y/x/a.wav", "x.wav")
    assert paths(tmp_path, include=("x/*.wav",)) == ["x/a.wav", "x/b.wav"]
    assert paths(tmp_path, include=("A.*",)) == ["x/a.wav", "y/a.wav", "y/x/a.wav"]
    assert paths(tmp_path, exclude=("Y/*", "b.*")) == ["x.wav", "x/a.wav"]
    assert paths(tmp_path, include=()) == []


def test_ids_depend_on_the_relative_path_alone(tmp_path: Path) -> None:
    one = list(list_recordings(LocalStore(touch(tmp_path / "one", "a/b ü.wav"))))
    two = list(list_recordings(LocalStore(touch(tmp_path / "two/deep", "a/b ü.wav"))))
    assert one[0].uri != two[0].uri
    assert one[0].id == two[0].id == recording_id("a/b ü.wav") == "b9eb30e51f11e2eec923"


@given(st.lists(st.text(min_size=1), unique=True, min_size=2, max_size=2))
def test_different_paths_have_different_ids(two: list[str]) -> None:
    assert recording_id(two[0]) != recording_id(two[1])


def odd_archive(root: Path) -> list[Recording]:
    for name in ODD_NAMES:
        Path(os.fsdecode(os.fsencode(root) + b"/" + name)).write_bytes(name)
    return list(list_recordings(LocalStore(root)))


def test_names_of_any_bytes_are_listed_and_can_be_opened_by_uri(tmp_path: Path) -> None:
    found = odd_archive(tmp_path)
    assert sorted(os.fsencode(one.path) for one in found) == sorted(ODD_NAMES)
    for one in found:
        with open_uri(one.uri, etag=one.etag) as file:
            assert file.read() == os.fsencode(one.path)


def test_uris_are_ascii_without_spaces_whatever_the_name(tmp_path: Path) -> None:
    for one in odd_archive(tmp_path):
        assert one.uri.isascii()
        assert one.uri.isprintable()
        assert " " not in one.uri
        assert one.uri.endswith("/" + quote(os.fsencode(one.path)))


def test_a_linked_file_is_listed_and_a_linked_folder_is_not_entered(tmp_path: Path) -> None:
    touch(tmp_path, "real/a.wav")
    (tmp_path / "b.wav").symlink_to("real/a.wav")
    (tmp_path / "again").symlink_to("real")
    (tmp_path / "real/loop").symlink_to("..")
    assert paths(tmp_path) == ["b.wav", "real/a.wav"]


def test_dangling_links_and_loops_of_links_are_listed_and_fail_alone(tmp_path: Path) -> None:
    touch(tmp_path, "good.wav")
    (tmp_path / "dangling.wav").symlink_to("gone.wav")
    (tmp_path / "l1.wav").symlink_to("l2.wav")
    (tmp_path / "l2.wav").symlink_to("l1.wav")
    store = LocalStore(tmp_path)
    assert paths(tmp_path) == ["dangling.wav", "good.wav", "l1.wav", "l2.wav"]
    with pytest.raises(FileNotFoundError):
        store.open("dangling.wav")
    with pytest.raises(StoreError):
        store.open("l1.wav")
    assert store.read("good.wav") == b"RIFF"


def test_a_pipe_is_listed_and_refused_without_waiting_for_a_writer(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.wav")
    assert paths(tmp_path) == ["pipe.wav"]
    with pytest.raises(StoreError, match="not a regular file"):
        LocalStore(tmp_path).open("pipe.wav")


def test_a_file_that_vanishes_while_the_archive_is_listed_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch(tmp_path, "a.wav", "b.wav")
    walk = os.walk

    def vanishing(*args, **options):
        for step in walk(*args, **options):
            (tmp_path / "a.wav").unlink(missing_ok=True)
            yield step

    monkeypatch.setattr(os, "walk", vanishing)
    assert paths(tmp_path) == ["b.wav"]


def test_an_archive_that_is_not_there_is_empty(tmp_path: Path) -> None:
    assert paths(tmp_path / "gone") == []
