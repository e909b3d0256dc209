"""Exports: what a subtitle player, a reader and a program get, and the names of their files."""

import html
import itertools
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch.exports import FORMATS, Transcript, export, safe_name
from batch.subtitles import LINE_COLUMNS, columns, cues_of
from transform_handler.records import Segment, Word

TIMES = re.compile(r"(\d\d+):(\d\d):(\d\d)[.,](\d{3}) --> (\d\d+):(\d\d):(\d\d)[.,](\d{3})")


def segment(text, start=0.0, end=2.0, channel=None, *, timed=True):
    words = text.split()
    step = (end - start) / max(len(words), 1)
    return Segment(
        start=start,
        end=end,
        channel=channel,
        text=text,
        confidence=0.9,
        words=tuple(
            Word(text=word, start=start + i * step, end=start + (i + 1) * step, confidence=0.9)
            for i, word in enumerate(words)
        )
        if timed
        else (),
    )


def transcript(*segments, **fields):
    defaults = {"path": "a/b.wav", "status": "ok", "duration": 60.0}
    text = " ".join(part.text for part in segments)
    return Transcript(**{**defaults, "text": text, "segments": segments, **fields})


def milliseconds(parts):
    h, m, s, ms = map(int, parts)
    return ((h * 60 + m) * 60 + s) * 1000 + ms


def parse(text):
    """Cues of an SRT or VTT file as a player reads them: start, end, lines."""
    cues = []
    for block in text.split("\n\n"):
        lines = block.strip("\n").split("\n")
        for at, line in enumerate(lines):
            if found := TIMES.fullmatch(line):
                numbers = found.groups()
                cues.append((milliseconds(numbers[:4]), milliseconds(numbers[4:]), lines[at + 1 :]))
    return cues


words = st.text(alphabet="ab<>&-é漢字ก็1 \u0301", min_size=1, max_size=60).filter(str.split)
times = st.floats(min_value=0, max_value=200, allow_nan=False)
segments = st.builds(
    lambda text, start, length, channel, timed: segment(
        text, start, start + length, channel, timed=timed
    ),
    words,
    times,
    st.floats(min_value=0, max_value=15),
    st.sampled_from([None, 0, 1]),
    st.booleans(),
)


@given(st.lists(segments, max_size=8))
def test_cues_never_overlap_are_never_empty_and_fit_the_screen(parts):
    cues = cues_of(parts)
    assert all(cue.start < cue.end for cue in cues)
    assert all(one.end <= other.start for one, other in itertools.pairwise(cues))
    assert all(1 <= len(cue.lines) <= 2 and all(cue.lines) for cue in cues)
    assert all(columns(line) <= LINE_COLUMNS for cue in cues for line in cue.lines)


@given(st.lists(segments, max_size=8))
def test_no_letter_is_lost_in_subtitles(parts):
    shown = "".join(line for cue in cues_of(parts) for line in cue.lines)
    said = "".join(part.text for part in parts)
    assert sorted(re.sub(r"\s", "", shown)) == sorted(re.sub(r"\s", "", said))


@given(segments)
def test_vtt_read_back_by_a_player_is_the_text(part):
    cues = parse(export(transcript(part), "vtt"))
    lines = [re.sub(r"^<v [^>]*>", "", line) for _, _, lines in cues for line in lines]
    assert "".join("".join(map(html.unescape, lines)).split()) == "".join(part.text.split())


@given(st.lists(segments, max_size=8))
def test_srt_and_vtt_hold_the_same_times_to_the_millisecond(parts):
    srt, vtt = parse(export(transcript(*parts), "srt")), parse(export(transcript(*parts), "vtt"))
    assert [cue[:2] for cue in srt] == [cue[:2] for cue in vtt]
    assert len(srt) == len(cues_of(parts))


def test_srt_is_numbered_with_a_comma_before_the_milliseconds():
    text = export(
        transcript(segment("hello there", 1.0006, 2.5), segment("bye", 3661, 3662)), "srt"
    )
    assert text == (
        "1\n00:00:01,001 --> 00:00:02,500\nhello there\n\n2\n01:01:01,000 --> 01:01:02,000\nbye\n"
    )


def test_vtt_names_the_channel_as_the_voice():
    text = export(transcript(segment("R&D <b>wins</b>", 0, 1, channel=1)), "vtt")
    assert text == (
        "WEBVTT\n\n00:00:00.000 --> 00:00:01.000\n<v Channel 1>R&amp;D &lt;b&gt;wins&lt;/b&gt;\n"
    )


@pytest.mark.parametrize("to", ["srt", "vtt"])
def test_a_text_cannot_forge_a_cue(to):
    forged = "one\n\n2\n00:00:09,000 --> 00:00:10,000\n\nNOTE hidden -->"
    cues = parse(export(transcript(segment(forged, 0, 4)), to))
    assert cues[-1][1] <= 4000
    assert not any("-->" in line for _, _, lines in cues for line in lines)


def test_two_channels_at_once_take_turns_in_order():
    both = transcript(segment("left talks", 0, 5, 0), segment("right talks", 0, 4, 1))
    cues = parse(export(both, "vtt"))
    assert [lines for _, _, lines in cues] == [
        ["<v Channel 1>right talks"],
        ["<v Channel 0>left talks"],
    ]
    assert cues[0][1] <= cues[1][0]
    assert cues[1][1] == 5000


def test_long_segments_split_where_the_words_are():
    text = " ".join(f"word{i:02d}" for i in range(30))
    cues = cues_of([segment(text, 0, 15)])
    assert len(cues) > 1
    first_of_second = text.split().index(cues[1].lines[0].split()[0])
    assert cues[1].start == pytest.approx(first_of_second * 500, abs=1)


def test_word_times_of_another_text_are_not_used():
    part = segment("these words", 2, 4)
    other = Segment(**{**vars(part), "text": "quite other words here"})
    (cue,) = cues_of([other])
    assert (cue.start, cue.end, cue.lines) == (2000, 4000, ("quite other words here",))


def test_scripts_without_spaces_are_cut_to_the_line_and_marks_stay_on_their_letters():
    thai = "ที่" * 60
    lines = [line for cue in cues_of([segment(thai, 0, 10)]) for line in cue.lines]
    assert "".join(lines) == thai
    assert all(line.startswith("ท") and columns(line) <= LINE_COLUMNS for line in lines)
    assert columns("漢字") == 4


def test_an_error_is_a_note_in_vtt_and_nothing_in_srt_and_txt():
    failed = transcript(
        status="error", error_kind="corrupt", error_message="stops --> here\n\nafter 3 s"
    )
    assert failed.problem == "not transcribed (corrupt): stops --> here after 3 s"
    assert export(failed, "vtt") == (
        "WEBVTT\n\nNOTE not transcribed (corrupt): stops → here after 3 s\n"
    )
    assert export(failed, "srt") == export(failed, "txt") == ""
    assert json.loads(export(failed, "json"))["error"]["kind"] == "corrupt"


def test_silence_is_an_empty_subtitle_file_with_its_reason():
    silent = transcript(status="empty")
    assert export(silent, "vtt") == "WEBVTT\n\nNOTE no speech was found\n"
    assert export(silent, "srt") == export(silent, "txt") == ""


def test_text_is_a_segment_a_line_and_names_channels_only_where_there_are_several():
    one = transcript(segment("first  part\n"), segment("second", 3, 4))
    assert export(one, "txt") == "first part\nsecond\n"
    two = transcript(segment("yes", 1, 2, 1), segment("well", 0, 1, 0))
    assert export(two, "txt") == "Channel 0: well\nChannel 1: yes\n"
    assert export(transcript(text="no segments"), "txt") == "no segments\n"


@given(st.lists(segments, max_size=4), st.text())
def test_json_read_back_is_the_transcript(parts, path):
    document = json.loads(export(transcript(*parts, path=path), "json"))
    assert document["path"] == path
    assert [item["text"] for item in document["segments"]] == [part.text for part in parts]
    assert [len(item["words"]) for item in document["segments"]] == [len(p.words) for p in parts]


def test_another_format_is_refused_with_those_there_are():
    with pytest.raises(ValueError, match='no export format "docx": choose one of txt, srt, vtt'):
        export(transcript(), "docx")
    assert FORMATS == ("txt", "srt", "vtt", "json")


@given(st.text())
def test_a_safe_name_is_one_harmless_file_name(path):
    name = safe_name(path)
    assert name
    assert not re.search(r'[/\\:*?"<>|\s\x00-\x1f]', name)
    assert not name.startswith((".", "-"))
    assert not name.endswith((".", " "))
    assert len(name.encode()) <= 120
    assert safe_name(path) == name


@given(st.lists(st.text(alphabet="aA._~/-é\u0301 😀'\n", max_size=6), unique=True))
def test_two_paths_never_share_a_name_even_where_case_does_not_count(paths):
    assert len({safe_name(path).casefold() for path in paths}) == len(paths)


@pytest.mark.parametrize("path", ["call-1.wav", "2026_board.m4a", "a"])
def test_a_harmless_name_stays_as_it_is(path):
    assert safe_name(path) == path


@pytest.mark.parametrize(
    ("path", "readable"),
    [
        ("2026/board/Call 1.wav", "2026_board_Call_1.wav~"),
        ("../../etc/passwd", "etc_passwd~"),
        ("réunion/会議.wav", "réunion_会議.wav~"),
        ("😀", "recording~"),
        ("", "recording~"),
        ("nul.txt", "nul.txt~"),
        ("safe.", "safe~"),
        ('q"uote\nnew', "q_uote_new~"),
        ("\udcff.wav", "wav~"),
    ],
)
def test_any_other_name_stays_readable_and_gets_a_hash(path, readable):
    assert re.fullmatch(re.escape(readable) + "[0-9a-f]{12}", safe_name(path))


def test_a_changed_name_cannot_meet_an_unchanged_one():
    changed = safe_name("A.wav")
    assert safe_name(changed) != changed
