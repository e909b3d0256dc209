"""References from JSONL, STM and folders of text files, and which recordings they match."""

from pathlib import Path

import pytest

from manifests.errors import InputError
from manifests.reference_forms import load_references
from manifests.references import Reference, match_references


def loaded(path: Path, content: str) -> list[Reference]:
    path.write_text(content, "utf-8", newline="")
    return load_references(str(path))


def test_jsonl_in_nemos_form_is_read(tmp_path: Path) -> None:
    body = '\ufeff{"audio_filepath": "a.wav", "duration": 1.5, "text": " hello\u2028you "}\r\n\n'
    assert loaded(tmp_path / "r.jsonl", body) == [
        Reference(recording="a.wav", text="hello\u2028you", source="r.jsonl, line 1")
    ]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "not JSON"),
        ('{"file": "a.wav", "words": "x"}', r"key 'text' .* expected; has file, words"),
        ('{"text": "x"}', r"key 'recording' .* expected; has text"),
        ("[1]", "has list"),
    ],
)
def test_a_bad_json_line_names_file_line_key_and_what_it_has(
    tmp_path: Path, line: str, said: str
) -> None:
    with pytest.raises(InputError, match=rf"^r\.jsonl, line 2: .*{said}"):
        loaded(tmp_path / "r.jsonl", '{"file": "z", "text": ""}\n' + line)


STM = """;; a comment
talk 1 ann 2.0 3.0 <o,f0,female> second words
talk 1 ann 0.0 1.0 first
talk 2 bob 1.0 2.0 <o> between
solo A cy 0 1
"""


def test_stm_segments_are_joined_in_time_for_the_whole_and_for_each_channel(
    tmp_path: Path,
) -> None:
    found = {(r.recording, r.channel): r.text for r in loaded(tmp_path / "r.stm", STM)}
    assert found == {
        ("talk", None): "first between second words",
        ("talk", 0): "first second words",
        ("talk", 1): "between",
        ("solo", None): "",
    }


def test_stm_channels_keep_their_numbers(tmp_path: Path) -> None:
    body = "".join(f"m {n} s {n} {n + 1} word{n}\n" for n in (1, 3, 10))
    found = {r.channel: r.text for r in loaded(tmp_path / "r.stm", body)}
    assert found == {None: "word1 word3 word10", 0: "word1", 2: "word3", 9: "word10"}


def test_stm_channels_may_be_letters(tmp_path: Path) -> None:
    found = {r.channel: r.text for r in loaded(tmp_path / "r.stm", "m A s 0 1 x\nm B s 0 1 y\n")}
    assert found == {None: "x y", 0: "x", 1: "y"}


def test_stm_segments_of_one_time_keep_the_order_of_their_lines(tmp_path: Path) -> None:
    body = "m 1 s 0 1 zebra\nm 1 s 0 1 ape\n"
    assert loaded(tmp_path / "r.stm", body)[0].text == "zebra ape"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("talk 1 ann 0.0", "line 2: 4 fields found; file channel speaker"),
        ("talk 1 ann zero 1 x", "line 2: start 'zero' is no number"),
        ("talk 1 x 0 uno IGNORE_TIME_SEGMENT_IN_SCORING", "line 2: end 'uno' is no number"),
    ],
)
def test_a_bad_stm_line_names_file_and_line(tmp_path: Path, line: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        loaded(tmp_path / "r.stm", ";; head\n" + line + "\n")


def test_a_folder_of_text_files_beside_the_audio(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d/a.txt").write_text("\ufeffone\n two\n", "utf-8")
    (tmp_path / "d/b.wav.TXT").write_text("three")
    (tmp_path / "d/b.wav").write_bytes(b"")
    found = load_references(str(tmp_path))
    assert [(r.recording, r.text) for r in found] == [("d/a", "one two"), ("d/b.wav", "three")]


def test_a_text_file_that_is_not_utf8_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"ok\nb\xe4d")
    with pytest.raises(InputError, match=r"a\.txt, line 2: byte 0xe4"):
        load_references(str(tmp_path))


def test_references_find_their_recordings_and_the_rest_is_listed() -> None:
    references = [
        Reference(recording=name, text=name, channel=channel)
        for name, channel in [("a/x.wav", None), ("y", 0), ("y", 1), ("z", None), ("gone", None)]
    ]
    found = match_references(references, ["a/x.wav", "b/y.mp3", "c/z.wav", "d/z.wav"])
    texts = {p: {c: r.text for c, r in by.items()} for p, by in found.by_path.items()}
    assert texts == {"a/x.wav": {None: "a/x.wav"}, "b/y.mp3": {0: "y", 1: "y"}}
    assert found.ambiguous == {"z": ("c/z.wav", "d/z.wav")}
    assert found.unmatched == ["gone"]


def test_two_names_for_one_recording_are_refused_with_both_sources() -> None:
    references = [
        Reference(recording="a.mp3", text="x", source="r, line 1"),
        Reference(recording="a", text="y", source="r, line 2"),
    ]
    with pytest.raises(InputError, match=r"^r, line 2: 'a\.wav' .* \(r, line 1\)"):
        match_references(references, ["a.wav"])


def test_an_exact_name_goes_before_one_that_only_resembles_it() -> None:
    references = [Reference(recording=n, text=n) for n in ("a.mp3", "a.wav")]
    found = match_references(references, ["a.wav"])
    assert found.by_path == {"a.wav": {None: references[1]}}
    assert found.unmatched == ["a.mp3"]
