"""LibriSpeech's layout, and texts beside their recordings."""

from pathlib import Path

import pytest

from manifests.errors import InputError
from manifests.label_forms import load_labels


def librispeech(root: Path) -> Path:
    for part, speaker in (("train-clean-100", "84"), ("dev-other", "116"), ("test-clean", "61")):
        folder = root / part / speaker / "121123"
        folder.mkdir(parents=True)
        (folder / f"{speaker}-121123-0000.flac").touch()
        (folder / f"{speaker}-121123.trans.txt").write_text(
            f"{speaker}-121123-0000 GO  ON\n{speaker}-121123-0001 MISSING\n"
        )
    return root


def test_librispeech_tells_speaker_chapter_and_split(tmp_path: Path) -> None:
    found = load_labels(str(librispeech(tmp_path)))
    assert {(one.speaker, one.recording, one.split) for one in found} == {
        ("84", "84-121123", "train"),
        ("116", "116-121123", "validation"),
        ("61", "61-121123", "test"),
    }
    assert found[0].text == "GO  ON"
    assert found[0].audio == (tmp_path / "dev-other/116/121123/116-121123-0000.flac").as_uri()
    assert found[1].audio.endswith("/116-121123-0001.flac")


def test_one_subset_or_one_chapter_is_read_alone(tmp_path: Path) -> None:
    librispeech(tmp_path)
    subset = load_labels(f"{tmp_path}/test-clean")
    assert [one.speaker for one in subset] == ["61", "61"]
    assert subset[0].split is None
    chapter = load_labels(f"{tmp_path}/test-clean/61/121123/61-121123.trans.txt")
    assert [one.audio for one in chapter] == [one.audio for one in subset]


def test_the_sound_may_have_been_converted(tmp_path: Path) -> None:
    (tmp_path / "1-2-3.wav").touch()
    (tmp_path / "1-2.trans.txt").write_text("1-2-3 HELLO\n")
    assert load_labels(str(tmp_path))[0].audio == (tmp_path / "1-2-3.wav").as_uri()


def test_transcripts_without_any_sound_are_refused(tmp_path: Path) -> None:
    (tmp_path / "1-2.trans.txt").write_text("1-2-3 HELLO\n")
    with pytest.raises(InputError, match=r"line 1: no recording '1-2-3\.flac'"):
        load_labels(str(tmp_path))


def test_a_text_beside_each_recording(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    for name in ("d/a.wav", "d/b.mp3", "unlabelled.wav"):
        (tmp_path / name).touch()
    (tmp_path / "d/a.txt").write_text("\ufeffone\n two\n", "utf-8")
    (tmp_path / "d/b.mp3.txt").write_text("three")
    (tmp_path / "README.txt").write_text("where it is from")
    found = load_labels(str(tmp_path))
    assert [(one.audio.rpartition("/")[2], one.text) for one in found] == [
        ("a.wav", "one two"),
        ("b.mp3", "three"),
    ]


def test_a_text_that_is_not_utf8_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.wav").touch()
    (tmp_path / "a.txt").write_bytes(b"ok\nb\xe4d")
    with pytest.raises(InputError, match=r"a\.txt, line 2: byte 0xe4 is not UTF-8"):
        load_labels(str(tmp_path))
