"""Each set of the labelled speech is read in the form that it has."""

from itertools import pairwise
from pathlib import Path

import pytest

from manifests.label_forms import load_labels
from manifests.labels import LabelledUtterance
from manifests.splits import split_labels
from tests.conftest import shared
from transform_handler.audio.reading import read_audio

pytestmark = pytest.mark.shared


def all_there(found: list[LabelledUtterance]) -> bool:
    for one in {one.audio: one for one in found}.values():
        with one.open() as file:
            assert file.read(1)
    return all(one.text for one in found)


@pytest.mark.parametrize(
    ("name", "utterances"),
    [("librispeech-50", 50), ("telephone-8k", 42), ("formats", 27), ("long-recording", 1)],
)
def test_a_table_beside_the_recordings(name: str, utterances: int) -> None:
    found = load_labels(str(shared(f"data/{name}")))
    assert len(found) == utterances
    assert all_there(found)


def test_a_meeting_is_cut_by_its_segments_channel_by_channel() -> None:
    found = load_labels(str(shared("data/two-channel-meeting")))
    assert {(one.speaker, one.channel) for one in found} == {("1688", 0), ("2033", 1)}
    assert {one.audio.rpartition("/")[2].partition(".")[0] for one in found} == {"meeting"}
    for channel in (0, 1):
        turns = sorted((one for one in found if one.channel == channel), key=lambda u: u.offset)
        assert len(turns) == 10
        assert all(a.offset + (a.duration or 0) <= b.offset for a, b in pairwise(turns))
    with found[0].open() as file:
        sound = read_audio(
            file, offset=found[0].offset, duration=found[0].duration, channel=found[0].channel
        )
    assert len(sound) == round((found[0].duration or 0) * 16_000)
    assert abs(sound).max() > 0.05


def test_a_conversation_in_two_forms_is_read_as_the_one_that_is_named() -> None:
    folder = shared("data/two-speakers")
    assert {one.speaker for one in load_labels(f"stm:{folder}")} == {"Diane", "Sheila"}
    assert len(load_labels(f"table:{folder}")) == 1


def test_a_long_recording_is_cut_by_segments_in_each_form_that_has_them(tmp_path: Path) -> None:
    folder = shared("data/long-recording")
    (tmp_path / "long.mp3").symlink_to(folder / "long.mp3")
    lines = (folder / "segments.tsv").read_text("utf-8").splitlines()
    rows = [line.split("\t") for line in lines]
    table = ["recording\tstart\tend\tspeaker\ttext"]
    table += [f"long\t{start}\t{end}\t{who}\t{text}" for start, end, who, _, text in rows]
    (tmp_path / "labels.tsv").write_text("\n".join(table))
    stm = [f"long 1 {who} {start} {end} <o> {text}" for start, end, who, _, text in rows]
    (tmp_path / "long.stm").write_text("\n".join(stm))
    by_table = load_labels(str(tmp_path / "labels.tsv"))
    by_stm = load_labels(str(tmp_path / "long.stm"))
    assert [(u.offset, u.speaker, u.text) for u in by_table] == [
        (u.offset, u.speaker, u.text) for u in by_stm
    ]
    for one, other in zip(by_table, by_stm, strict=True):
        assert one.duration == pytest.approx(other.duration, abs=1e-6)
    assert sum(one.duration or 0 for one in by_stm) > 200


def test_librispeechs_five_speakers_are_split_without_meeting(tmp_path: Path) -> None:
    folder = shared("data/librispeech-50")
    for line in (folder / "transcripts.tsv").read_text("utf-8").splitlines():
        name, text = line.split("\t")
        speaker, chapter, _ = name.split("-")
        place = tmp_path / "test-other" / speaker / chapter
        place.mkdir(parents=True, exist_ok=True)
        (place / name).symlink_to(folder / name)
        with (place / f"{speaker}-{chapter}.trans.txt").open("a") as file:
            file.write(f"{name.removesuffix('.flac')} {text.upper()}\n")
    found = load_labels(str(tmp_path))
    assert len(found) == 50
    assert all_there(found)
    splits = split_labels(
        found, by="speaker", shares={"train": 0.6, "validation": 0.2, "test": 0.2}, seed=1
    )
    assert {name: len({u.speaker for u in part}) for name, part in splits.items()} == {
        "train": 3,
        "validation": 1,
        "test": 1,
    }
