"""STM: long recordings cut by their segments; what is not scored is not learnt from."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manifests.errors import InputError
from manifests.label_forms import load_labels
from manifests.label_forms.stm import spoken
from manifests.labels import LabelledUtterance

STM = """;; LABEL "F" "Female" "Female talkers"
talk 1 ann 44.454 47.289 <o,f0,female> hello   there
talk 2 bob 1.0 2.0 <o> between

talk 1 inter_segment_gap 0 1 <o,,unknown> ignore_time_segment_in_scoring
talk 1 excluded_region 3 4 IGNORE_TIME_SEGMENT_IN_SCORING
"""


def loaded(folder: Path, stm: str, *sounds: str) -> list[LabelledUtterance]:
    for name in sounds or ("talk.mp3",):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    (folder / "ref.stm").write_text(stm)
    return load_labels(str(folder))


def test_each_segment_is_an_utterance_of_its_channel(tmp_path: Path) -> None:
    first, second = loaded(tmp_path, STM)
    assert first == LabelledUtterance(
        audio=(tmp_path / "talk.mp3").as_uri(),
        text="hello there",
        duration=2.835,
        offset=44.454,
        channel=0,
        speaker="ann",
        source=f"{tmp_path}/ref.stm, line 2",
    )
    assert (second.text, second.channel, second.speaker) == ("between", 1, "bob")


@pytest.mark.parametrize(
    ("name", "channel"), [("A", 0), ("b", 1), ("1", 0), ("2", 1), ("x1", None)]
)
def test_channels_are_letters_or_numbers_and_any_word_where_it_is_alone(
    tmp_path: Path, name: str, channel: int | None
) -> None:
    assert loaded(tmp_path, f"talk {name} ann 0 1 hello\n")[0].channel == channel


def test_the_recording_is_found_below_by_name_whatever_its_extension(tmp_path: Path) -> None:
    (found,) = loaded(tmp_path, "talk 1 ann 0 1 hello\n", "sph/talk.sph", "sph/other.sph")
    assert found.audio == (tmp_path / "sph/talk.sph").as_uri()


def test_a_folders_stm_files_are_read_together(tmp_path: Path) -> None:
    (tmp_path / "stm").mkdir()
    (tmp_path / "stm/more.stm").write_text("more 1 bob 0 1 more\n")
    found = loaded(tmp_path, "talk 1 ann 0 1 hello\n", "talk.wav", "more.wav")
    assert sorted(one.audio.rpartition("/")[2] for one in found) == ["more.wav", "talk.wav"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("<o,f0> yes", "yes"),
        ("<unk> yes", "yes"),
        ("<o>yes", "<o>yes"),
        ("i've { um / uh / @ } as far", "i've um as far"),
        ("i've { @ / uh } as far", "i've as far"),
        ("a { b { c / d } / e } f", "a b c f"),
        ("and/or { either/or / both }", "and/or either/or"),
        ("{ / x } open {", "open {"),
        ("(uh) maybe", "(uh) maybe"),
        ("", ""),
    ],
)
def test_labels_go_and_of_alternatives_the_first_stays(words: str, said: str) -> None:
    assert spoken(words) == said


@given(st.text(alphabet="a{}/@<> ", max_size=60))
def test_any_transcript_is_read_and_reading_it_again_changes_no_alternative(words: str) -> None:
    found = spoken(words)
    assert found == " ".join(found.split())
    assert "{ a / a }" not in found


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("talk 1 ann 0", "found 'talk 1 ann 0'; file, channel, speaker, start and end"),
        ("talk 1 ann zero 1 x", "found 'talk 1 ann zero 1 x'; file"),
        ("talk 1 ann nan 1 x", "duration is nan; expected seconds above 0"),
        ("talk 1 ann 1 1 x", "duration is 0.0; expected seconds above 0"),
        ("talk left ann 0 1 x\ntalk right ann 0 1 x", "channel is 'left'; 1, 2, … or A, B, …"),
    ],
)
def test_a_bad_line_names_file_and_line(tmp_path: Path, line: str, said: str) -> None:
    with pytest.raises(InputError, match=rf"ref\.stm, line 2: {said}"):
        loaded(tmp_path, ";; head\n" + line + "\n")


def test_only_regions_that_are_left_out_is_nothing_to_learn_from(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no segment with a text found in it"):
        loaded(tmp_path, "talk 1 x 0 1 ignore_time_segment_in_scoring\n")


def test_a_recording_that_lies_elsewhere_is_named_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no recording 'gone', .*name the folder that holds both"):
        loaded(tmp_path, "gone 1 ann 0 1 x\n")
