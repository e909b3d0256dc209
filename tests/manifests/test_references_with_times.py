"""References with times: NIST's forms, SegLST, subtitles, and the regions that are scored."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manifests.errors import InputError
from manifests.reference_forms import load_references
from manifests.references import Reference, Utterance, merged, overlap_share, seconds_of

STM = """;; category line
m 1 ann 0.0 2.0 <o,f0> hello there
m 1 gap 2.0 5.0 ignore_time_segment_in_scoring
m 1 ann 5.0 6.0 bye
m 2 bob 1.0 2.0 hi
m 2 bob 2.5 4.5 you hear the radio
"""


def loaded(folder: Path, name: str, content: str, *, scored: str | None = None) -> list[Reference]:
    (folder / name).write_text(content, "utf-8")
    if scored is not None:
        (folder / "regions.uem").write_text(scored, "utf-8")
    regions = str(folder / "regions.uem") if scored is not None else None
    return load_references(str(folder / name), scored=regions)


def texts(found: list[Reference]) -> dict[tuple[str, int | None], str]:
    return {(one.recording, one.channel): one.text for one in found}


def test_an_ignored_region_counts_on_neither_side(tmp_path: Path) -> None:
    found = {one.channel: one for one in loaded(tmp_path, "r.stm", STM)}
    assert found[0].text == "hello there bye"
    assert found[0].unscored == ((2.0, 5.0),)
    # Bob's channel is scored there, the mix is not: nobody knows whose words were written.
    assert (found[1].text, found[1].unscored) == ("hi you hear the radio", ())
    assert (found[None].text, found[None].unscored) == ("hello there hi bye", ((2.0, 5.0),))


def test_words_of_a_ctm_are_joined_and_alternatives_kept(tmp_path: Path) -> None:
    ctm = (
        ";; a comment\nm A 1.0 0.5 two 0.9\nm A 0.0 0.5 one\n"
        "n 1 0.0 0.2 the\nn 1 * * <ALT_BEGIN>\nn 1 0.3 0.2 ok\nn 1 * * <ALT>\n"
        "n 1 0.3 0.2 okay\nn 1 * * <ALT_END>\n"
    )
    assert texts(loaded(tmp_path, "r.ctm", ctm)) == {
        ("m", None): "one two",
        ("n", None): "the { ok / okay }",
    }


def test_words_of_an_rttm_are_lexemes(tmp_path: Path) -> None:
    rttm = (
        "SPEAKER m 1 0.0 3.0 <NA> <NA> ann <NA>\n"
        "LEXEME m 1 0.5 0.4 hello lex ann 0.9\n"
        "NON-LEX m 1 1.0 0.4 <NA> laugh ann <NA>\n"
        "NOSCORE m 1 1.5 1.0 <NA> <NA> <NA> <NA>\n"
        "LEXEME m 1 1.8 0.4 mumble lex ann <NA>\n"
        "LEXEME m 1 2.6 0.3 there lex ann <NA>\n"
    )
    (found,) = loaded(tmp_path, "r.rttm", rttm)
    assert (found.text, found.unscored) == ("hello there", ((1.5, 2.5),))
    assert [one.speaker for one in found.utterances] == ["ann"] * 3


def test_an_rttm_without_words_says_what_it_has_and_what_is_expected(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"who spoke when \(SPEAKER\), but not what: LEXEME"):
        loaded(tmp_path, "r.rttm", "SPEAKER m 1 0.0 3.0 <NA> <NA> ann <NA>\n")


def test_segments_of_a_seglst_are_joined_in_time(tmp_path: Path) -> None:
    segments = [
        {"session_id": "m", "speaker": "bob", "start_time": 2, "end_time": 3, "words": "well"},
        {"session_id": "m", "speaker": "ann", "start_time": "0.5", "end_time": 1, "words": "so"},
        {"session_id": "n", "speaker": None, "start_time": 0, "end_time": 1, "words": ""},
    ]
    found = loaded(tmp_path, "r.json", json.dumps(segments))
    assert texts(found) == {("m", None): "so well", ("n", None): ""}
    assert [one.speaker for one in found[0].utterances] == ["ann", "bob"]


def test_words_that_are_no_text_are_no_words(tmp_path: Path) -> None:
    segment = {"session_id": "m", "speaker": "a", "start_time": 0, "end_time": 1, "words": None}
    with pytest.raises(InputError, match=r"r\.json, segment 1: .*words is None"):
        loaded(tmp_path, "r.json", json.dumps([segment]))


def test_a_segment_that_lacks_a_key_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"r\.json, segment 1: has session_id, words; session_id"):
        loaded(tmp_path, "r.json", '[{"session_id": "m", "words": "x"}]')


VTT = """WEBVTT

NOTE made by hand

00:01.000 --> 00:02.500 align:start
<v Ann>Hello <b>there</b> AT&amp;T</v>

second
01:00:02.500 --> 01:00:04.000
and
bye
"""


def test_subtitles_are_the_recording_of_their_name(tmp_path: Path) -> None:
    (tmp_path / "day").mkdir()
    (tmp_path / "day/m.vtt").write_text(VTT, "utf-8")
    srt = "1\n00:00:01,250 --> 00:00:02,500\n<i>Good</i>\n{\\an8}day\n"
    (tmp_path / "day/n.srt").write_text(srt, "utf-8")
    (tmp_path / "day/o.txt").write_text("plain", "utf-8")
    found = {one.recording: one for one in load_references(str(tmp_path))}
    assert {name: one.text for name, one in found.items()} == {
        "day/m": "Hello there AT&T and bye",
        "day/n": "Good day",
        "day/o": "plain",
    }
    first, last = found["day/m"].utterances
    assert (first.start, first.end, first.speaker) == (1.0, 2.5, "Ann")
    assert (last.start, last.end, last.speaker) == (3602.5, 3604.0, None)
    assert found["day/n"].utterances[0].start == 1.25


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("m.vtt", "hello\n", r"m\.vtt: not WebVTT"),
        ("m.srt", "hello\n", r"m\.srt: not SRT"),
        ("m.vtt", "WEBVTT\n\n00:01,000 --> 00:02,000\nhi\n", r"m\.vtt, line 3: found '00:01,000"),
        (
            "m.srt",
            "1\n00:00:01,000 --> 00:00:02,000\na\n\n2\n00:03,000 --> 00:04,000\nb\n",
            r"m\.srt, line 6: found '00:03,000",
        ),
        ("m.vtt", "WEBVTT\n\n00:01.000 --> soon\nhi\n", r"m\.vtt, line 3: found '00:01\.000"),
        ("r.ctm", "m 1 0.0\n", r"r\.ctm, line 1: 3 fields found; file channel start"),
        ("r.ctm", "m 1 zero 1 hi\n", r"r\.ctm, line 1: start 'zero' is no number"),
        ("r.rttm", "LEXEME m 1 0 1 hi\n", r"r\.rttm, line 1: 6 fields found"),
    ],
)
def test_what_cannot_be_read_is_named_with_what_is_expected(
    tmp_path: Path, name: str, content: str, said: str
) -> None:
    with pytest.raises(InputError, match=said):
        loaded(tmp_path, name, content)


def test_only_regions_of_a_uem_are_scored(tmp_path: Path) -> None:
    uem = ";; transcribed so far\nm.wav 1 0.0 2.2\nm.wav 1 5.5 9\nm.wav 2 0.5 2.2\n"
    found = {one.channel: one for one in loaded(tmp_path, "r.stm", STM, scored=uem)}
    # "bye" (5.0 to 6.0) reaches out of its region, and is left out on both sides.
    assert found[0].text == "hello there"
    assert found[0].unscored == ((2.0, 6.0), (9.0, float("inf")))
    assert found[1].text == "hi"
    assert seconds_of(found[0].unscored, duration=10.0) == pytest.approx(4 + 1)
    assert found[None].text == "hello there hi"


def test_what_no_region_names_is_scored_whole(tmp_path: Path) -> None:
    alone = {one.channel: one for one in loaded(tmp_path, "r.stm", STM)}
    found = {one.channel: one for one in loaded(tmp_path, "r.stm", STM, scored="m 1 0.0 2.2\n")}
    assert (found[0].text, found[1]) == ("hello there", alone[1])


def test_names_that_resemble_each_other_have_regions_of_their_own(tmp_path: Path) -> None:
    body = "meeting.01 1 a 0 1 one\nmeeting.01 1 a 5 6 more\nmeeting.02 1 a 5 6 two\n"
    uem = "meeting.01 1 0 2\n"
    assert texts(loaded(tmp_path, "r.stm", body, scored=uem)) == {
        ("meeting.01", None): "one",
        ("meeting.02", None): "two",
    }


@pytest.mark.parametrize(
    ("uem", "said"),
    [
        ("m 1 0\n", r"regions\.uem, line 1: found 'm 1 0'; file channel start end"),
        ("m 1 zero 1\n", r"regions\.uem, line 1: found"),
        ("nobody 1 0 1\n", r"regions\.uem, line 1: 'nobody' is none of the recordings"),
        ("\nm 1 5 5\n", r"regions\.uem, line 2: the region ends at 5 s"),
    ],
)
def test_a_region_that_is_none_is_named(tmp_path: Path, uem: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        loaded(tmp_path, "r.stm", STM, scored=uem)


def test_a_text_without_times_cannot_be_scored_in_regions(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"'m' is scored in regions, and its reference .* no times"
    ):
        loaded(tmp_path, "r.tsv", "m\thello\n", scored="m 1 0 1\n")


def test_spans_are_merged_and_measured() -> None:
    assert list(merged([(3, 4), (0, 1), (1, 2), (0.5, 0.7)])) == [(0, 2), (3, 4)]
    assert seconds_of([(0, 2), (1, 3), (8, float("inf"))], duration=9.0) == 4.0


@pytest.mark.parametrize(
    ("utterances", "share"),
    [
        ([("a", 0, 4), ("b", 4, 8)], 0.0),
        ([("a", 0, 4), ("b", 2, 6)], 2 / 6),
        ([("a", 0, 4), ("a", 2, 6)], 0.0),
        ([("a", 0, 4), ("b", 1, 2), ("c", 1, 3), ("b", 9, 10)], 2 / 5),
        ([], None),
        ([("a", 3, 3)], None),
        ([(None, 0, 4), ("b", 2, 6)], None),
    ],
)
def test_overlap_is_the_share_of_speech_in_which_several_speak(utterances, share) -> None:
    said = [Utterance(start=s, end=e, text="x", speaker=who) for who, s, e in utterances]
    assert overlap_share(said) == (None if share is None else pytest.approx(share))


def unscored_by_definition(
    spans: list[tuple[int, int]], utterances: list[tuple[int, int]]
) -> tuple[tuple[int, int], ...]:
    """An utterance that reaches into a span is unscored whole, and so on, until none does."""
    while True:
        touched = [
            (start, end)
            for start, end in utterances
            if any(
                low < end and start < high if start < end else low <= start < high
                for low, high in spans
            )
        ]
        wider = list(merged([*spans, *touched]))
        if wider == spans:
            return tuple(spans)
        spans = wider


pairs = st.tuples(st.integers(0, 12), st.integers(0, 5)).map(lambda pair: (pair[0], sum(pair)))


@given(st.lists(pairs, max_size=4), st.lists(pairs, max_size=8))
def test_what_reaches_into_an_unscored_span_is_unscored_whole(spans, spoken) -> None:
    said = [Utterance(start=start, end=end, text=f"{start}") for start, end in spoken]
    found = Reference.of_utterances("m", said, unscored=spans)
    expected = unscored_by_definition(list(merged(spans)), spoken)
    assert found.unscored == expected
    kept = [
        str(start)
        for start, end in sorted(spoken)
        if not any(
            low < end and start < high if start < end else low <= start < high
            for low, high in expected
        )
    ]
    assert sorted(found.text.split()) == sorted(kept)
