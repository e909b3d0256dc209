"""Which form labels have is found by looking; where it is not certain, a person says it."""

from pathlib import Path

import pytest

from manifests.errors import InputError
from manifests.label_forms import FORMS, load_labels
from manifests.storage import Store

MANIFEST = b'{"audio_filepath": "a.wav", "text": "hello", "duration": 1.5, "speaker": "ann"}\n'
SUPERVISION = (
    b'{"id": "s", "recording_id": "r", "start": 0.5, "duration": 1.0, "channel": 0, '
    b'"text": "hello", "speaker": "ann"}\n'
)
RECORDING = (
    b'{"id": "r", "sources": [{"type": "file", "channels": [0], "source": "a.wav"}], '
    b'"sampling_rate": 16000, "num_samples": 32000, "duration": 2.0}\n'
)
ONE_OF_EACH = {
    "manifest": {"manifest.jsonl": MANIFEST},
    "lhotse": {"recordings.jsonl": RECORDING, "supervisions.jsonl": SUPERVISION},
    "kaldi": {"wav.scp": b"u a.wav\n", "text": b"u hello\n", "utt2spk": b"u ann\n"},
    "audiofolder": {"metadata.csv": b"file_name,sentence,speaker_id\na.wav,hello,ann\n"},
    "librispeech": {"ann-a.trans.txt": b"ann-a-0 hello\n", "ann-a-0.flac": b""},
    "commonvoice": {"train.tsv": b"client_id\tpath\tsentence\nann\ta.mp3\thello\n"},
    "stm": {"a.stm": b"a 1 ann 0 1.5 <o,f0> hello\n"},
    "table": {"labels.tsv": b"recording\ttext\tspeaker\na.wav\thello\tann\n"},
    "texts": {"a.txt": b"hello\n", "README.txt": b"not a label"},
}


def filled(store: Store, form: str) -> None:
    for name, data in {"a.wav": b"", **ONE_OF_EACH[form]}.items():
        store.put(name, data)


def test_there_is_an_example_of_each_form() -> None:
    assert set(ONE_OF_EACH) == {form.name for form in FORMS}


@pytest.mark.parametrize("form", ONE_OF_EACH)
def test_a_folders_form_is_found_in_either_kind_of_storage(store: Store, form: str) -> None:
    filled(store, form)
    for location in (store.uri, f"{form}:{store.uri}"):
        (found,) = load_labels(location)
        assert found.text == "hello"
        assert found.audio.startswith(store.uri)
        assert found.speaker == (None if form == "texts" else "ann")
        assert found.source


@pytest.mark.parametrize("form", sorted(set(ONE_OF_EACH) - {"kaldi", "texts"}))
def test_a_files_form_is_found(store: Store, form: str) -> None:
    filled(store, form)
    (found,) = load_labels(store.uri_of(next(iter(ONE_OF_EACH[form]))))
    assert found.text == "hello"


@pytest.mark.parametrize("form", ONE_OF_EACH)
def test_no_other_form_claims_a_folder_of_one_form(tmp_path: Path, form: str) -> None:
    from manifests.label_forms.place import Place
    from manifests.storage import open_store

    filled(open_store(tmp_path), form)
    assert [one.name for one in FORMS if one.fits(Place.at(str(tmp_path)))] == [form]


def test_a_path_may_be_relative_with_and_without_a_slash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "set").mkdir()
    (tmp_path / "set/manifest.jsonl").write_bytes(MANIFEST)
    monkeypatch.chdir(tmp_path)
    expected = (tmp_path / "set/a.wav").as_uri()
    for location in ("set", "set/", "set/manifest.jsonl", "./set", (tmp_path / "set").as_uri()):
        assert load_labels(location)[0].audio == expected


def test_labels_in_two_forms_are_refused_until_a_person_says_which(tmp_path: Path) -> None:
    (tmp_path / "a.wav").touch()
    (tmp_path / "a.stm").write_text("a 1 ann 0 1.5 by segments\n")
    (tmp_path / "labels.tsv").write_text("a.wav\tas a whole\n")
    with pytest.raises(InputError, match=r"in 2 forms \(stm, table\); say which, as in stm:"):
        load_labels(str(tmp_path))
    assert load_labels(f"stm:{tmp_path}")[0].text == "by segments"
    assert load_labels(f"table:{tmp_path}")[0].text == "as a whole"


def test_a_manifest_settles_what_a_folder_means(tmp_path: Path) -> None:
    (tmp_path / "manifest.jsonl").write_bytes(MANIFEST)
    (tmp_path / "a.wav").touch()
    (tmp_path / "a.stm").write_text("a 1 ann 0 1.5 by segments\n")
    assert load_labels(str(tmp_path))[0].text == "hello"


def test_a_folder_of_several_manifests_is_refused_until_one_is_named(tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").write_bytes(MANIFEST)
    assert load_labels(str(tmp_path))[0].text == "hello"
    (tmp_path / "test.jsonl").write_bytes(MANIFEST)
    with pytest.raises(InputError, match=r"2 manifests found \(test\.jsonl, train\.jsonl\)"):
        load_labels(str(tmp_path))


def test_an_unknown_form_lists_the_known_ones_and_what_was_found(tmp_path: Path) -> None:
    (tmp_path / "notes.doc").write_text("minutes of the meeting")
    with pytest.raises(InputError) as raised:
        load_labels(str(tmp_path / "notes.doc"))
    message = str(raised.value)
    assert "its first line is 'minutes of the meeting'" in message
    assert all(f"{form.name} ({form.looks_like})" in message for form in FORMS)
    with pytest.raises(InputError, match=r"no labels found beside notes\.doc; known forms: "):
        load_labels(str(tmp_path))


@pytest.mark.parametrize("prefix", ["", "kaldi:", "table:"])
def test_a_place_that_is_not_there_is_named(tmp_path: Path, prefix: str) -> None:
    with pytest.raises(InputError, match=r"nowhere: no such file, and no folder with files"):
        load_labels(f"{prefix}{tmp_path}/nowhere")


@pytest.mark.parametrize("form", [form.name for form in FORMS])
def test_a_form_that_is_forced_onto_something_else_says_what_it_expects(
    tmp_path: Path, form: str
) -> None:
    (tmp_path / "notes.doc").write_text("minutes of the meeting")
    with pytest.raises(InputError, match=r"expected|found"):
        load_labels(f"{form}:{tmp_path}")


def test_a_form_without_a_path_is_refused() -> None:
    with pytest.raises(InputError, match="'stm:' names a form; a path is expected after it"):
        load_labels("stm:")


def test_times_that_cannot_be_are_refused_with_their_line(tmp_path: Path) -> None:
    (tmp_path / "a.wav").touch()
    for row, said in (("a 1 ann 2 1.5 x", "duration is -0.5"), ("a 1 ann -1 1 x", "offset is -1")):
        (tmp_path / "a.stm").write_text(f";; head\n{row}\n")
        with pytest.raises(InputError, match=rf"a\.stm, line 2: {said}"):
            load_labels(str(tmp_path))
