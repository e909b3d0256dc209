"""ORC-WER of mixes against several speakers: ours, and meeteval's where it is installed."""

from __future__ import annotations

import random
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version

import pytest

from batch.report import render, summary
from batch.report.exports.markdown import summary_markdown
from batch.report.lines import score_lines
from batch.report.several_speakers import several_speakers
from manifests.references import Reference, Utterance

WORDS = ["one", "twenty", "five", "the", "a", "cat", "sat", "um", "well", "(really)", "it's", "25"]


def test_a_report_without_several_speakers_says_nothing_of_orc(make_recording, make_report):
    report = make_report(make_recording("a.wav", "the cat sat", "the cat"))
    assert several_speakers(report) is None
    assert "several_speakers" not in summary(report)


@pytest.fixture
def report(make_recording, make_report):
    """A mix of two speakers, one of whose numbers ends in the other's turn, and a monologue."""
    text = "pay twenty five now please"
    mix = make_recording("mix.wav", text, "pay 25 please now", turns=(2, 0, 3))
    alone = make_recording("alone.wav", "the cat sat", "the cat")
    return make_report(mix, alone)


def test_only_mixes_against_several_speakers_count(report, monkeypatch):
    monkeypatch.setattr("batch.report.several_speakers._installed", lambda: False)
    found = several_speakers(report)
    assert (found.recordings, found.counts) == (1, report.recordings[0].normalized)
    figures = summary(report)["several_speakers"]
    assert figures["orc_wer"]["rate"] == report.recordings[0].normalized.rate
    assert "meeteval" not in figures


def test_the_figure_stands_in_terminal_message_and_page(report, monkeypatch):
    monkeypatch.setattr("batch.report.several_speakers._installed", lambda: False)
    text = "50.00% in 1 mix against several speakers"
    assert f"ORC-WER         {text}" in score_lines(summary(report))
    assert f"- **ORC-WER**: {text}" in summary_markdown(report, page="x")
    assert f"ORC-WER {text}." in render(report)
    others = replace(report, recordings=report.recordings[1:])
    assert "ORC-WER" not in render(others)


def test_a_reference_knows_the_utterances_and_speakers_that_are_scored():
    turns = [
        Utterance(start=2.0, end=3.0, text="b  c", speaker="B"),
        Utterance(start=0.0, end=1.0, text="a", speaker="A"),
        Utterance(start=5.0, end=6.0, text="d", speaker="C"),
    ]
    found = Reference.of_utterances("x.wav", turns, unscored=[(5.5, 9.0)])
    assert found.text == "a b c"
    assert [one.text for one in found.scored_utterances] == ["a", "b  c"]
    assert found.speakers == {"A", "B"}


def meetevals() -> str:
    """Its version; the test is left out where it is not installed."""
    try:
        return version("meeteval")
    except PackageNotFoundError:
        pytest.skip("needs meeteval, which is compiled: pip install 'nightscribe[meeteval]'")


def test_meeteval_counts_the_same_errors_of_one_stream(make_recording, make_report):
    """Whatever the turns, marks and fillers: the optimal combination of one stream is the WER."""
    meetevals()
    chance = random.Random(7)
    recordings = []
    for number in range(50):
        spoken = [chance.choices(WORDS, k=chance.randrange(9)) for _ in range(6)]
        text = " ".join(word for turn in spoken for word in turn)
        heard = " ".join(word for word in text.split() if chance.random() < 0.7)
        turns = tuple(map(len, spoken))
        recordings.append(make_recording(f"{number}.wav", text, heard, turns=turns))
    found = several_speakers(make_report(*recordings))
    assert found.meeteval.errors == found.counts.errors > 100
    assert found.meeteval.reference_words == found.counts.reference_words


def test_meetevals_figure_stands_beside_ours_with_its_version(report):
    known = meetevals()
    figures = summary(report)["several_speakers"]
    assert figures["meeteval"]["version"] == known
    assert figures["meeteval"]["orc_wer"]["rate"] == figures["orc_wer"]["rate"]
    assert f"; by meeteval {known} 50.00%" in "\n".join(score_lines(summary(report)))
