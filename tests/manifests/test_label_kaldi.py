"""Kaldi folders: recordings cut by their segments; commands are never run."""

from pathlib import Path

import pytest

from manifests.errors import InputError
from manifests.label_forms import load_labels


def folder(path: Path, **files: str) -> str:
    files = {"wav_scp": "talk talk.wav\n", "text": "u1 hello  there\nu2 bye\n"} | files
    path.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (path / name.replace("_", ".")).write_text(content)
    return str(path)


SEGMENTS = "u1 talk 0.5 2.75\nu2 talk 3 -1\nunlabelled talk 0 1\n"


def test_segments_cut_recordings_and_speakers_come_from_utt2spk(tmp_path: Path) -> None:
    first, second = load_labels(folder(tmp_path, segments=SEGMENTS, utt2spk="u1 ann\nu2 bob\n"))
    assert (first.text, first.offset, first.duration) == ("hello  there", 0.5, 2.25)
    assert (first.speaker, first.recording) == ("ann", "talk")
    assert (second.offset, second.duration, second.speaker) == (3.0, None, "bob")
    assert first.audio == second.audio == (tmp_path / "talk.wav").as_uri()
    assert second.source == f"{tmp_path}/text, line 2"


def test_a_fifth_column_of_segments_is_the_channel(tmp_path: Path) -> None:
    found = load_labels(folder(tmp_path, segments="u1 talk 0 1 1\nu2 talk 1 2 0\n"))
    assert [one.channel for one in found] == [1, 0]


def test_without_segments_an_utterance_is_a_recording(tmp_path: Path) -> None:
    found = load_labels(folder(tmp_path, wav_scp="u1 a b.wav\nu2 /d/c.wav\n"))
    assert [one.audio for one in found] == [(tmp_path / "a b.wav").as_uri(), "file:///d/c.wav"]
    assert [one.duration for one in found] == [None, None]


def test_paths_may_start_where_kaldi_was_run(tmp_path: Path) -> None:
    (tmp_path / "wavs").mkdir()
    (tmp_path / "wavs/talk.wav").touch()
    place = folder(tmp_path / "data/train", wav_scp="talk wavs/talk.wav\n", segments=SEGMENTS)
    assert load_labels(place)[0].audio == (tmp_path / "wavs/talk.wav").as_uri()


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"wav_scp": "u1 sph2pipe -f wav a.sph |\n"}, "wav.scp, line 1: found a command .* files"),
        ({"wav_scp": "u1 a.ark:17\n"}, "wav.scp, line 1: found 'a.ark:17'; the path of one"),
        ({"segments": "u1 talk zero 1\n"}, "segments, line 1: found 'talk zero 1'; utterance, "),
        ({"segments": "u1 talk 0 1\n"}, "text, line 2: 'u2' has no line in segments; .* removes"),
        ({"segments": "u1 tlak 0 1\nu2 talk 0 1\n"}, "text, line 1: 'tlak' has no line in wav"),
        (
            {"text": "u1 a\nu1 b\n", "segments": SEGMENTS},
            r"text, line 2: 'u1' stands there already \(.*line 1\)",
        ),
        ({"segments": "u1 talk 2 1\nu2 talk 0 1\n"}, "text, line 1: duration is -1.0"),
    ],
)
def test_a_bad_line_names_file_line_and_what_to_do(
    tmp_path: Path, files: dict[str, str], said: str
) -> None:
    with pytest.raises(InputError, match=said):
        load_labels(folder(tmp_path, **files))
