"""A reviewer's verdicts: a file that is checked, and figures that say what it changed."""

import dataclasses
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batch.report import render, summary
from batch.report.adjudication import adjudicate
from batch.report.lines import score_lines
from batch.report.verdict_file import read_verdicts
from manifests.errors import InputError
from training.scoring import align, count_errors


def entry(recording="a", verdict="acceptable", error=None, **fields):
    content = {"recording": recording, "verdict": verdict, "by": "Ada"}
    content |= {"given_at": "2026-11-23T08:12:00Z", **fields}
    return content if error is None else content | {"error": error}


def error(kind, position, reference_word=None, hypothesis_word=None, nth=0):
    return {
        "kind": kind,
        "position": position,
        "nth": nth,
        "reference_word": reference_word,
        "hypothesis_word": hypothesis_word,
    }


@pytest.fixture
def verdicts(tmp_path):
    def written(*entries, **fields):
        content = {"nightscribe": "verdicts", "version": 1, "run_id": "run-1"}
        path = tmp_path / "verdicts.json"
        path.write_text(json.dumps({**content, "verdicts": list(entries), **fields}))
        return path

    return written


@pytest.fixture
def report(make_recording, make_report):
    return make_report(
        make_recording("a.wav", "the cat sat down here", "a cat down here now", id="a"),
        make_recording("b.wav", "one word", "other words", id="b"),
    )


def judged(report, path):
    return adjudicate(report, read_verdicts(path))


def shape(counts):
    return (
        counts.substitutions,
        counts.deletions,
        counts.insertions,
        counts.hits,
        counts.reference_words,
    )


def test_without_verdicts_nothing_changes(report, verdicts):
    found = judged(report, verdicts())
    assert found.counts == report.normalized
    assert (found.recordings, found.accepted, found.left_out) == (2, 0, ())


@pytest.mark.parametrize(
    ("accepted", "counts"),
    [
        (error("S", 0, "the", "a"), (0, 1, 1, 4, 5)),
        (error("D", 2, "sat", None), (1, 0, 1, 3, 4)),
        (error("I", 5, None, "now"), (1, 1, 0, 4, 6)),
    ],
)
def test_an_accepted_error_is_read_as_the_reference(report, verdicts, accepted, counts):
    found = judged(report, verdicts(entry(error=accepted), entry("b", "excluded")))
    assert shape(found.counts) == counts
    assert found.accepted == 1


@given(st.lists(st.sampled_from("abcd"), max_size=8), st.lists(st.sampled_from("abcd"), max_size=8))
@settings(max_examples=60, deadline=None)
def test_accepting_errors_counts_as_a_new_alignment_of_the_mended_reference(said, heard):
    """Every second error accepted, against the reference rewritten there and aligned afresh."""
    steps = [step for step in align(said, heard).ops if step.op != "hit"]
    accepted = {id(step) for step in steps[::2]}
    mended = []
    for step in align(said, heard).ops:
        twin = any(
            (step.ref_index, step.hyp_index) == (one.ref_index, one.hyp_index)
            for one in steps
            if id(one) in accepted
        )
        if twin or step.op == "hit":
            mended += [] if step.hyp_index is None else [heard[step.hyp_index]]
        else:
            mended += [] if step.ref_index is None else [said[step.ref_index]]
    assert count_errors(mended, heard).errors == len(steps) - len(accepted)


def test_an_excluded_recording_leaves_the_figure(report, verdicts):
    found = judged(report, verdicts(entry("b", "excluded", note="music")))
    assert (found.recordings, found.left_out) == (1, ("b.wav",))
    assert found.counts == report.recordings[0].normalized


def test_a_wrong_reference_leaves_it_too_unless_it_is_mended(report, verdicts):
    found = judged(report, verdicts(entry("b", "reference-wrong")))
    assert found.left_out == ("b.wav",)
    mended = judged(report, verdicts(entry("b", "reference-wrong", reference="Other words!")))
    assert (mended.left_out, mended.rescored) == ((), ("b.wav",))
    assert mended.counts.errors == report.recordings[0].normalized.errors
    assert mended.counts.hits == report.recordings[0].normalized.hits + 2


def test_a_verdict_on_the_recording_stands_above_those_on_its_errors(report, verdicts):
    accepted = error("S", 0, "the", "a")
    found = judged(report, verdicts(entry(error=accepted), entry("a", "excluded")))
    assert found.recordings == 1
    assert [one.verdict for one in found.not_found] == []


@pytest.mark.parametrize(
    "stale",
    [
        entry("nobody", "excluded"),
        entry("a", "excluded", channel=1),
        entry(error=error("S", 0, "the", "an")),
        entry(error=error("S", 1, "cat", "hat")),
        entry(error=error("I", 5, None, "now", nth=1)),
    ],
)
def test_a_verdict_on_what_is_not_there_changes_nothing_and_is_named(report, verdicts, stale):
    found = judged(report, verdicts(stale))
    assert found.counts == report.normalized
    assert [one.recording for one in found.not_found] == [stale["recording"]]


def test_another_run_with_the_same_error_is_settled_too(make_recording, make_report, verdicts):
    later = make_report(make_recording("a.wav", "the cat sat down", "a cat sat up", id="a"))
    found = judged(later, verdicts(entry(error=error("S", 0, "the", "a"))))
    assert (found.accepted, found.counts.errors) == (1, 1)


def test_the_second_of_two_inserted_words_is_another_error(make_recording, make_report, verdicts):
    report = make_report(make_recording("a.wav", "yes", "yes no no", id="a"))
    found = judged(report, verdicts(entry(error=error("I", 1, None, "no", nth=1))))
    assert (found.accepted, found.counts.insertions) == (1, 1)


def test_both_figures_are_shown_with_who_and_when(report, verdicts):
    path = verdicts(
        entry(error=error("S", 0, "the", "a")),
        entry("b", "excluded", by="Grace", given_at="2026-11-24T01:00:00+02:00"),
        entry("gone", "excluded"),
    )
    shown = dataclasses.replace(report, verdicts=read_verdicts(path))
    figures = summary(shown)
    assert figures["wer"]["errors"] == 5
    assert figures["adjudicated"]["wer"]["errors"] == 2
    assert figures["adjudicated"]["reviewers"] == [
        {"name": "Ada", "verdicts": 1, "last": "2026-11-23T08:12:00Z"},
        {"name": "Grace", "verdicts": 1, "last": "2026-11-23T23:00:00Z"},
    ]
    lines = "\n".join(score_lines(figures))
    assert "WER             71.43%" in lines
    assert "WER adjudicated 40.00%  (S 0, D 1, I 1, N 5 words)" in lines
    assert "1 errors accepted, 0 references mended, 1 recordings left out" in lines
    assert "by Ada, Grace, last on 2026-11-23" in lines
    assert "1 are about what this run does not have" in lines
    page = render(shown)
    assert "WER after adjudication" in page
    assert "<bdi>Grace</bdi>" in page
    json.dumps(figures)


def test_hostile_verdicts_are_text_on_the_page(report, verdicts):
    attack = "</script><img src=x onerror=alert(1)>"
    path = verdicts(entry("a", "excluded", by=attack, note=attack))
    page = render(dataclasses.replace(report, verdicts=read_verdicts(path)))
    assert "<img" not in page


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (entry(verdict="acceptible"), "did you mean 'acceptable'?"),
        (entry(verdict=None), "'verdict' is missing; expected one of acceptable, reference-wrong"),
        (entry(), "verdict 'acceptable' needs an 'error'"),
        (entry(verdict="excluded", error=error("S", 0, "a", "b")), "recordings are excluded"),
        (entry(verdict="excluded", recording=""), "'recording' is \"\"; expected a text"),
        (entry(verdict="excluded", recording=7), "'recording' is 7; expected a text"),
        (entry(verdict="excluded", by="  "), "'by' is \"  \"; expected a text"),
        (
            entry(verdict="excluded", given_at="yesterday"),
            "expected a moment as in 2026-11-23T08:12:00Z",
        ),
        (entry(verdict="excluded", given_at="2026-11-23T08:12:00"), "expected a moment"),
        (entry(verdict="excluded", channel=-1), "'channel' is -1; expected a number from 0"),
        (entry(verdict="excluded", channel=True), "'channel' is true"),
        (entry(colour="red"), "unknown key 'colour'"),
        (entry(not_e="x"), "unknown key 'not_e'; did you mean 'note'?"),
        (entry(error=[]), "error: []; expected an object"),
        (entry(error=error("X", 0, "a", "b")), "'kind' is \"X\"; expected one of S, D, I"),
        (entry(error=error("D", 0, "a", "b")), "an error of kind D has none"),
        (entry(error=error("S", 0, "a", None)), "an error of kind S has a word"),
        (entry(error=error("S", None, "a", "b")), "'position' is missing"),
        (entry(verdict="excluded", reference="x"), "'reference' goes with verdict"),
        ("text", 'verdicts[0]: "text"; expected an object'),
    ],
)
def test_a_wrong_entry_is_named_with_what_was_expected(verdicts, wrong, said):
    path = verdicts(wrong)
    with pytest.raises(InputError) as raised:
        read_verdicts(path)
    assert str(raised.value).startswith(f"{path}, verdicts[0]")
    assert said in str(raised.value)


def test_two_verdicts_on_one_place_are_refused(verdicts):
    path = verdicts(entry("a", "excluded"), entry("b", "excluded"), entry("a", "reference-wrong"))
    with pytest.raises(InputError, match=r"verdicts\[2\]: about the same place as verdicts\[0\]"):
        read_verdicts(path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"{]", "line 1: not JSON"),
        (b"\xff\xfe", "not UTF-8 text"),
        (b"[]", "no file of verdicts"),
        (b'{"nightscribe": "verdicts", "version": 2}', "version is 2; expected 1"),
        (b'{"nightscribe": "verdicts", "version": 1}', "'verdicts' is missing; expected a list"),
        (b'{"nightscribe": "verdicts", "version": 1, "verdicts": []}', "'run_id' is missing"),
    ],
)
def test_another_file_is_refused(tmp_path, content, said):
    path = tmp_path / "v.json"
    path.write_bytes(content)
    with pytest.raises(InputError) as raised:
        read_verdicts(path)
    assert said in str(raised.value)


def test_a_file_that_is_not_there_is_said(tmp_path):
    with pytest.raises(InputError, match="no such file of verdicts; the report page exports one"):
        read_verdicts(tmp_path / "none.json")


def test_what_was_read_can_be_written_again(verdicts):
    path = verdicts(
        entry(error=error("S", 0, "the", "a"), note="fine", path="a.wav", channel=0),
        entry("b", "reference-wrong", reference="said"),
    )
    first = read_verdicts(path)
    again = read_verdicts(verdicts(*(one.as_json() for one in first.entries)))
    assert again.entries == first.entries
