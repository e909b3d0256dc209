"""Tables of labels: recording and text, audiofolder's metadata, Common Voice's splits."""

import json
from pathlib import Path

import pytest

from manifests.errors import InputError
from manifests.label_forms import load_labels
from manifests.labels import LabelledUtterance


def written(folder: Path, **files: str) -> str:
    for name, content in files.items():
        path = folder / name.replace("__", "/").replace("_DOT_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, "utf-8", newline="")
    return str(folder)


def names(found: list[LabelledUtterance]) -> list[str]:
    return [one.audio.rpartition("/")[2] for one in found]


def test_a_table_without_a_header_is_recording_and_text(tmp_path: Path) -> None:
    body = '\ufeffa.wav\tsay "hello"\r\n\r\nb\tyes, no\n'
    place = written(tmp_path, a_DOT_wav="", b_DOT_flac="", t_DOT_tsv=body)
    found = load_labels(place)
    assert [one.text for one in found] == ['say "hello"', "yes, no"]
    assert names(found) == ["a.wav", "b.flac"]
    assert found[1].source == f"{tmp_path}/t.tsv, line 3"


def test_a_header_names_times_channel_speaker_language_and_split(tmp_path: Path) -> None:
    body = "Recording,Start,End,Channel,Speaker,Lang,Split,Text\na,1.5,4,1,ann,en,test,hello\n"
    (found,) = load_labels(written(tmp_path, a_DOT_wav="", t_DOT_csv=body))
    assert found == LabelledUtterance(
        audio=(tmp_path / "a.wav").as_uri(),
        text="hello",
        duration=2.5,
        offset=1.5,
        channel=1,
        speaker="ann",
        language="en",
        split="test",
        source=f"{tmp_path}/t.csv, line 2",
    )


def test_a_splits_usual_names_mean_train_validation_and_test(tmp_path: Path) -> None:
    splits = ["train-clean-100", "Dev", "valid", "test_other", "testimony", ""]
    rows = "".join(f"{n}.wav\tx\t{split}\n" for n, split in enumerate(splits))
    written(tmp_path, t_DOT_tsv=f"file\ttext\tsplit\n{rows}")
    (tmp_path / "0.wav").touch()
    assert [one.split for one in load_labels(str(tmp_path))] == [
        "train",
        "validation",
        "validation",
        "test",
        "testimony",
        None,
    ]


def test_json_lines_may_name_the_recording_as_references_do(tmp_path: Path) -> None:
    row = json.dumps({"path": "a.wav", "sentence": "", "duration": 2})
    (found,) = load_labels(written(tmp_path, a_DOT_wav="", t_DOT_jsonl=row))
    assert (found.text, found.duration) == ("", 2.0)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("a\tb\tc\n", r"line 1: 3 columns found, 2 expected \(recording, text\); .* header line"),
        ("file\ttext\nb.wav\n", r"line 2: 1 columns found, 2 expected \(file, text\)"),
        ("file\twords\na.wav\tx\n", r"line 2: nothing found for text or .*; the row has file, w"),
        ("file\ttext\n\tx\n", r"line 2: nothing found for recording or "),
        ("file\ttext\tstart\na.wav\tx\tsoon\n", r"line 2: offset is 'soon'; seconds are expec"),
        ("file\ttext\tchannel\na.wav\tx\tleft\n", r"line 2: channel is 'left'; 0, 1, … is"),
    ],
)
def test_a_bad_row_names_file_line_and_what_is_expected(
    tmp_path: Path, body: str, said: str
) -> None:
    written(tmp_path, a_DOT_wav="", t_DOT_tsv=body)
    with pytest.raises(InputError, match=rf"{tmp_path}/t\.tsv, {said}"):
        load_labels(f"{tmp_path}/t.tsv")


def test_a_recording_that_is_missing_is_left_to_the_data_check(tmp_path: Path) -> None:
    found = load_labels(written(tmp_path, a_DOT_wav="", t_DOT_tsv="a\tx\ngone.wav\ty\n"))
    assert found[1].audio == (tmp_path / "gone.wav").as_uri()


def test_a_table_none_of_whose_recordings_is_there_is_refused(tmp_path: Path) -> None:
    place = written(tmp_path, other_DOT_wav="", t_DOT_tsv="gone.wav\tx\n")
    with pytest.raises(InputError, match=r"no recording 'gone\.wav', nor any .*; 1 sound files"):
        load_labels(place)


def test_a_name_that_fits_two_recordings_is_refused(tmp_path: Path) -> None:
    place = written(tmp_path, a__x_DOT_wav="", b__x_DOT_wav="", t_DOT_tsv="x\thello\n")
    with pytest.raises(InputError, match=r"'x' fits 2 recordings \(a/x\.wav, b/x\.wav\)"):
        load_labels(place)


def test_audiofolder_metadata_is_read_in_each_folder_with_its_split(tmp_path: Path) -> None:
    place = written(
        tmp_path,
        train__a_DOT_wav="",
        train__metadata_DOT_csv='file_name,transcription,speaker_id\na.wav,"yes, ann",ann\n',
        dev__a_DOT_wav="",
        dev__metadata_DOT_jsonl='{"file_name": "a.wav", "text": "no"}\n',
    )
    found = {one.split: one for one in load_labels(place)}
    assert found["train"].text == "yes, ann"
    assert found["train"].speaker == "ann"
    assert found["train"].audio == (tmp_path / "train/a.wav").as_uri()
    assert found["validation"].audio == (tmp_path / "dev/a.wav").as_uri()


HEADER = "client_id\tpath\tsentence\tlocale\n"


def test_common_voice_reads_its_splits_and_not_what_holds_them(tmp_path: Path) -> None:
    place = written(
        tmp_path,
        train_DOT_tsv=HEADER + 'c1\ta.mp3\tHe said "no.\ten\n',
        dev_DOT_tsv=HEADER + "c2\tb\tYes.\ten\n",
        validated_DOT_tsv=HEADER + "c1\ta.mp3\tHe said\ten\nc2\tb.mp3\tYes.\ten\n",
        clips__a_DOT_mp3="",
    )
    first, second = load_labels(place)
    assert (first.text, first.speaker, first.language, first.split) == (
        'He said "no.',
        "c1",
        "en",
        "train",
    )
    assert first.audio == (tmp_path / "clips/a.mp3").as_uri()
    assert (second.split, second.audio) == ("validation", (tmp_path / "clips/b.mp3").as_uri())
    assert len(load_labels(f"{tmp_path}/validated.tsv")) == 2


def test_common_voice_without_splits_or_validated_names_what_is_there(tmp_path: Path) -> None:
    place = written(tmp_path, other_DOT_tsv=HEADER + "c\ta.mp3\tx\ten\n")
    with pytest.raises(InputError, match=r"found other\.tsv; expected train\.tsv, dev\.tsv"):
        load_labels(place)
