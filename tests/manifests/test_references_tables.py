"""References from TSV and CSV files."""

from pathlib import Path

import pytest

from manifests.errors import InputError
from manifests.reference_forms import load_references
from manifests.references import Reference


def texts(path: Path, content: str | bytes) -> dict[str, str]:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return {r.recording: r.text for r in load_references(str(path))}


@pytest.mark.parametrize("head", ["", "recording\ttext\n", "Recording \tTranscript\n"])
@pytest.mark.parametrize("bom", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_tsv_is_read_with_or_without_header_and_bom(
    tmp_path: Path, head: str, bom: str, end: str
) -> None:
    body = (bom + head + 'a.wav\the said "go\nb/c.wav\tnext, please\n').replace("\n", end)
    assert texts(tmp_path / "r.tsv", body) == {"a.wav": 'he said "go', "b/c.wav": "next, please"}


def test_columns_are_found_by_name_wherever_they_stand(tmp_path: Path) -> None:
    body = "speaker\tsentence\tpath\nann\thello\ta.wav\n"
    assert texts(tmp_path / "r.TSV", body) == {"a.wav": "hello"}


def test_csv_quotes_hold_commas_quotes_and_line_breaks(tmp_path: Path) -> None:
    body = 'recording,text\n"a, b.wav","he said ""go"",\nand went"\nc.wav,yes\n'
    assert texts(tmp_path / "r.csv", body) == {
        "a, b.wav": 'he said "go",\nand went',
        "c.wav": "yes",
    }


@pytest.mark.parametrize("odd", ["\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x1c"])
@pytest.mark.parametrize("name", ["r.tsv", "r.csv"])
def test_only_line_ends_end_a_line(tmp_path: Path, odd: str, name: str) -> None:
    tab = "\t" if name.endswith("tsv") else ","
    body = f"recording{tab}text\na.wav{tab}one{odd}two\nb.wav{tab}three\n"
    assert texts(tmp_path / name, body) == {"a.wav": f"one{odd}two", "b.wav": "three"}


def test_the_transcript_of_a_long_meeting_fits_into_a_csv_cell(tmp_path: Path) -> None:
    long = "word " * 60_000
    assert texts(tmp_path / "r.csv", f"recording,text\na.wav,{long}\n") == {"a.wav": long.strip()}


@pytest.mark.parametrize("name", ["r.tsv", "r.csv"])
def test_a_byte_that_is_not_utf8_is_named_with_its_line(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=rf"{name}, line 3: byte 0xfc is not UTF-8"):
        texts(tmp_path / name, b"recording\ttext\na.wav\tx\nb.wav\tgr\xfc\xdfe\n")


def test_a_row_that_is_too_short_names_its_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"r\.tsv, line 4: 1 column\(s\) found, 2 expected"):
        texts(tmp_path / "r.tsv", "a.wav\tx\n\n\nb.wav no tab\n")


def test_an_open_quote_names_the_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"r\.csv, line \d+: not CSV"):
        texts(tmp_path / "r.csv", 'recording,text\na.wav,"open\nb.wav,x\n')


def test_an_empty_file_says_what_is_expected(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"r\.csv: the file is empty; rows of recording and text"):
        texts(tmp_path / "r.csv", "\n \n")


def test_a_header_without_a_text_column_is_not_taken_for_a_row(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"r\.csv, line 1: .*text.*found id, file, words"):
        texts(tmp_path / "r.csv", "id,file,words\n1,a.wav,hello\n")


def test_a_missing_file_says_where_to_look(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no such file; check \[references\] uri"):
        load_references(str(tmp_path / "gone.tsv"))


def test_two_references_for_one_recording_name_both_lines(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"r\.tsv, line 3: 'a' has .* \(r\.tsv, line 1\)"):
        texts(tmp_path / "r.tsv", "a\tx\nb\ty\na\tz\n")


def test_a_relative_path_with_two_dots_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "r.tsv").write_text("a\tx\n")
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    assert [r.text for r in load_references("../r.tsv")] == ["x"]


def test_a_reference_knows_its_source(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text("recording,text\n\na.wav,x\n")
    assert load_references(str(tmp_path / "r.csv")) == [
        Reference(recording="a.wav", text="x", source="r.csv, line 3")
    ]
