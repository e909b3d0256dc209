"""Columns about recordings."""

from pathlib import Path

import pytest

from manifests.errors import InputError
from manifests.matching import Matching
from manifests.metadata import load_metadata

PATHS = ["a/one.wav", "b/one.wav", "two.mp3"]


def load(folder: Path, content: str, name: str = "m.csv") -> Matching[dict[str, str]]:
    (folder / name).write_text(content, "utf-8")
    return load_metadata(str(folder / name), PATHS)


def test_columns_become_meta_and_empty_cells_are_left_out(tmp_path: Path) -> None:
    body = '\ufeffroom, File ,mic\n"Zürich, 2nd",a/one.wav,\n,two, table \n'
    found = load(tmp_path, body)
    assert found.by_path == {"a/one.wav": {"room": "Zürich, 2nd"}, "two.mp3": {"mic": "table"}}


def test_names_without_a_single_recording_are_listed(tmp_path: Path) -> None:
    found = load(tmp_path, "path\troom\none\tx\ngone.wav\ty\n", "m.tsv")
    assert found.by_path == {}
    assert found.ambiguous == {"one": ("a/one.wav", "b/one.wav")}
    assert found.unmatched == ["gone.wav"]


def test_an_exact_name_goes_before_one_that_only_resembles_it(tmp_path: Path) -> None:
    found = load(tmp_path, "file,room\ntwo.wav,x\ntwo.mp3,y\n")
    assert found.by_path == {"two.mp3": {"room": "y"}}
    assert found.unmatched == ["two.wav"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", r"m\.csv: the file is empty; a header line is expected"),
        ("room,mic\nx,y\n", r"m\.csv, line 1: no column named recording or .*; found room, mic"),
        ("file,room\n\ntwo,x,y\n", r"m\.csv, line 3: 3 columns found, 2 expected"),
        ("file,room\ntwo\n", r"m\.csv, line 2: 1 columns found, 2 expected"),
        ("file,room\ntwo,x\ntwo.wav,y\n", r"m\.csv, line 3: 'two\.mp3' has a row already"),
        ("file,room,room\ntwo,x,y\n", r"m\.csv, line 1: .*'room' stands twice"),
    ],
)
def test_bad_metadata_names_the_line_and_what_is_expected(
    tmp_path: Path, content: str, said: str
) -> None:
    with pytest.raises(InputError, match=said):
        load(tmp_path, content)


def test_a_missing_file_says_where_to_look(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"check \[archive\] metadata"):
        load_metadata(str(tmp_path / "m.csv"), PATHS)
