"""Training data goes where the job can read it: once, by content, and sound in S3 stays there."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from batch.fine_tuning.request import Channel
from batch.fine_tuning.staging import SOUND, Stager
from manifests.labels import LabelledUtterance, read_labels
from manifests.local_store import uri_of_path
from manifests.manifest_file import read_manifest
from manifests.storage import Store, open_store, parent_store


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    folder = tmp_path / "my sound"
    for name, content in (("a.wav", b"a"), ("deep/b ü.wav", b"b"), ("again.wav", b"a")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def utterances(folder: Path) -> list[LabelledUtterance]:
    places = (("a.wav", 0.0), ("a.wav", 1.0), ("deep/b ü.wav", 0.0), ("again.wav", 0.0))
    return [
        LabelledUtterance(audio=uri_of_path(folder / name), text=name, duration=1.0, offset=offset)
        for name, offset in places
    ]


def listed(channel: Channel) -> tuple[str, list[str]]:
    store, key = parent_store(channel.uri)
    return read_manifest(store.read(key), name=key)


def labels(channel: Channel) -> list[dict[str, Any]]:
    text = open_store(channel.uri).read("manifest.jsonl").decode()
    return [json.loads(line) for line in text.splitlines()]


def test_sound_beside_a_local_output_is_used_where_it_lies(sound: Path, tmp_path: Path) -> None:
    output = open_store(tmp_path / "out")
    train, places = Stager(output=output).labels("train", utterances(sound))
    assert (train.name, places.name, places.kind) == ("train", "train_sound", "ManifestFile")
    prefix, names = listed(places)
    assert prefix == uri_of_path(sound) + "/"
    assert names == ["a.wav", "again.wav", "deep/b ü.wav"]
    assert [row["audio_filepath"] for row in labels(train)] == [
        "../train_sound/a.wav",
        "../train_sound/a.wav",
        "../train_sound/deep/b ü.wav",
        "../train_sound/again.wav",
    ]
    assert not list(output.list(SOUND))


def test_a_container_reads_the_staged_labels_as_they_were(sound: Path, tmp_path: Path) -> None:
    given = utterances(sound)
    train, _ = Stager(output=open_store(tmp_path / "out")).labels("train", given)
    container = tmp_path / "data"
    (container / "train").mkdir(parents=True)
    (container / "train/manifest.jsonl").write_bytes(open_store(train.uri).read("manifest.jsonl"))
    (container / "train_sound").symlink_to(sound)
    found = read_labels(container / "train")
    for one, other in zip(given, found, strict=True):
        with one.open() as expected, other.open() as file:
            assert file.read() == expected.read()
        assert (one.text, one.offset) == (other.text, other.offset)


class CountingStore:
    """A store that counts what is written to it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.puts: Counter[str] = Counter()

    def put(self, key: str, data: bytes | Path) -> None:
        self.puts[key] += 1
        self._store.put(key, data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


def test_local_sound_goes_to_s3_once_by_its_content(sound: Path, s3_bucket: str) -> None:
    output: Any = CountingStore(open_store(f"s3://{s3_bucket}/out/"))
    told: list[tuple[int, int]] = []
    stager = Stager(output=output, on_bytes=lambda done, total: told.append((done, total)))
    channels = stager.labels("train", utterances(sound))
    prefix, names = listed(channels[1])
    assert prefix == f"s3://{s3_bucket}/out/{SOUND}"
    assert len(names) == 2  # two of the three files are the same
    assert sorted(open_store(prefix).read(name) for name in names) == [b"a", b"b"]
    assert told[-1] == (2, 2)
    first = dict(output.puts)
    assert Stager(output=output).labels("train", utterances(sound)) == channels
    assert output.puts == first


def test_an_interrupted_upload_goes_on_with_what_is_missing(sound: Path, s3_bucket: str) -> None:
    output: Any = CountingStore(open_store(f"s3://{s3_bucket}/out/"))
    Stager(output=output).labels("train", utterances(sound)[:1])
    Stager(output=output).labels("train", utterances(sound))
    assert [n for key, n in output.puts.items() if key.startswith(SOUND)] == [1, 1]


def test_a_recording_that_serves_two_sets_goes_up_once(sound: Path, s3_bucket: str) -> None:
    output: Any = CountingStore(open_store(f"s3://{s3_bucket}/out/"))
    stager = Stager(output=output)
    stager.labels("train", utterances(sound)[:1])
    stager.labels("validation", utterances(sound)[1:2])
    assert [n for key, n in output.puts.items() if key.startswith(SOUND)] == [1]


def test_sound_that_was_moved_is_found_in_its_new_place(sound: Path, tmp_path: Path) -> None:
    output = open_store(tmp_path / "out")
    before = Stager(output=output).labels("train", utterances(sound))
    moved = sound.rename(tmp_path / "moved")
    after = Stager(output=output).labels("train", utterances(moved))
    assert after == before  # the same work, and its checkpoints
    assert listed(after[1])[0] == uri_of_path(moved) + "/"


def test_sound_below_no_common_folder_is_named_from_the_root(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("batch.fine_tuning.staging._version", "".join)
    given = [
        LabelledUtterance(audio=f"file://{place}", text="x", duration=1.0)
        for place in ("/mnt/a.wav", "/home/b.wav")
    ]
    train, places = Stager(output=open_store(tmp_path / "out")).labels("train", given)
    assert listed(places) == ("file:///", ["home/b.wav", "mnt/a.wav"])
    assert labels(train)[0]["audio_filepath"] == "../train_sound/mnt/a.wav"


@pytest.mark.parametrize("uri", ["file://{}/a.wav", "file://{}/deep/../a.wav"])
def test_a_file_uri_that_somebody_else_wrote_is_understood(
    sound: Path, tmp_path: Path, uri: str
) -> None:
    given = [LabelledUtterance(audio=uri.format(sound), text="x", duration=1.0)]
    _, places = Stager(output=open_store(tmp_path / "out")).labels("train", given)
    assert listed(places) == (uri_of_path(sound) + "/", ["a.wav"])


ODD: list[str | bytes] = [
    "a b.wav",
    "100%.wav",
    "%20.wav",
    "q\"'.wav",
    "n\nl.wav",
    "ü.wav",
    b"\xfc.wav",
]


def test_sound_keeps_its_odd_name(tmp_path: Path) -> None:
    paths = [tmp_path / "sound" / os.fsdecode(name) for name in ODD]
    paths[0].parent.mkdir()
    for path in paths:
        path.write_bytes(os.fsencode(path.name))
    given = [LabelledUtterance(audio=uri_of_path(p), text="x", duration=1.0) for p in paths]
    train, places = Stager(output=open_store(tmp_path / "out")).labels("train", given)
    prefix, names = listed(places)
    assert sorted(names) == sorted(path.name for path in paths)
    assert [open_store(prefix).read(n) for n in names] == [os.fsencode(n) for n in names]
    assert [row["audio_filepath"] for row in labels(train)] == [
        f"../train_sound/{path.name}" for path in paths
    ]


def test_sound_in_s3_is_named_where_it_lies(s3_bucket: str) -> None:
    archive = open_store(f"s3://{s3_bucket}/meetings/")
    for name in ("2026/a.wav", "2026/b.wav"):
        archive.put(name, name.encode())
    given = [
        LabelledUtterance(audio=archive.uri_of(name), text="x", duration=1.0)
        for name in ("2026/a.wav", "2026/b.wav")
    ]
    output = open_store(f"s3://{s3_bucket}/out/")
    _, places = Stager(output=output).labels("validation", given)
    assert listed(places) == (f"s3://{s3_bucket}/meetings/2026/", ["a.wav", "b.wav"])
    assert not list(output.list(SOUND))


def test_changed_sound_is_other_data(sound: Path, tmp_path: Path) -> None:
    output = open_store(tmp_path / "out")
    before = Stager(output=output).labels("train", utterances(sound))
    (sound / "a.wav").write_bytes(b"changed")
    after = Stager(output=output).labels("train", utterances(sound))
    assert before[0].uri != after[0].uri


def test_a_dry_call_names_the_same_places_and_writes_nothing(sound: Path, tmp_path: Path) -> None:
    output = open_store(tmp_path / "out")
    dry = Stager(output=output, dry=True).labels("train", utterances(sound))
    assert not list(output.list())
    assert Stager(output=output).labels("train", utterances(sound)) == dry


def test_files_beside_the_labels_go_with_them_and_change_their_name(
    sound: Path, tmp_path: Path
) -> None:
    output = open_store(tmp_path / "out")
    with_file = Stager(output=output).labels("train", utterances(sound), {"symbols.json": b"{}"})
    assert open_store(with_file[0].uri).read("symbols.json") == b"{}"
    assert Stager(output=output).labels("train", utterances(sound))[0].uri != with_file[0].uri
