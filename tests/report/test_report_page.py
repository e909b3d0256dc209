"""The page as a document: what it says, and that no text from outside becomes markup."""

import dataclasses
import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch.report import ErrorRow, TimedWord, render
from batch.report.html import count, percent, spoken, utc
from batch.report.payload import MAX_RECORDINGS, MAX_WORDS, cigar, packed, playable, unpacked
from batch.report.places import Clip
from training.scoring import align

HOSTILE = [
    "</script><script>alert(1)</script>",
    "<!--<script>",
    "<img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "{{ 7*7 }}{% raw %}",
    '=HYPERLINK("http://x")',
    "line\u2028para\u2029end",
    "\u202eevil",
]


class Page(HTMLParser):
    """Every element with its attributes, the text outside scripts, and the data inside."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.scripts, self.text, self._open = [], [], [], None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self._open = tag
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag):
        self._open = None

    def handle_data(self, data):
        if self._open == "script":
            self.scripts[-1] += data
        elif self._open != "style":
            self.text.append(data)

    @property
    def data(self):
        return unpacked(self.scripts[0])

    @property
    def words(self):
        return " ".join(" ".join(self.text).replace("\u202f", " ").split())


@pytest.fixture
def hostile(make_recording, make_report):
    rows = [
        make_recording(text, text, f"{text} heard", id=text, meta={text: text, "n": str(i)})
        for i, text in enumerate(HOSTILE)
    ]
    failed = make_recording(
        "x", "y", None, status="error", error_kind=HOSTILE[0], error_message=HOSTILE[2]
    )
    report = make_report(*rows, failed, references_without_recording=HOSTILE, ambiguous=HOSTILE)
    facts = dataclasses.replace(
        report.facts,
        archive=HOSTILE[0],
        run_id=HOSTILE[3],
        model_name=HOSTILE[2],
        statuses={HOSTILE[0]: 1},
        errors=tuple(ErrorRow(path=text, kind=text, message=text) for text in HOSTILE),
    )
    return dataclasses.replace(report, facts=facts)


def test_text_from_outside_never_becomes_markup(hostile):
    page = Page(render(hostile))
    assert [tag for tag, _ in page.elements].count("script") == 2
    assert not [tag for tag, _ in page.elements if tag == "img"]
    assert not [name for _, attrs in page.elements for name in attrs if name.startswith("on")]
    assert "49" not in page.words.split()


def test_text_from_outside_is_on_the_page_as_it_was_written(hostile):
    page = Page(render(hostile))
    assert [row["path"] for row in page.data["recordings"]][: len(HOSTILE)] == HOSTILE
    assert HOSTILE[3] in page.words


def test_only_the_pages_own_script_may_run(hostile):
    page = Page(render(hostile))
    (policy,) = [a["content"] for _, a in page.elements if "http-equiv" in a]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert re.search(r"script-src 'sha256-[A-Za-z0-9+/=]{44}'", policy)


def test_the_page_asks_for_nothing_from_the_network(hostile):
    for tag, attrs in Page(render(hostile)).elements:
        assert tag not in {"link", "iframe", "object", "embed"}
        assert not {"src", "srcset", "action"} & set(attrs)
        assert attrs.get("href", "#").startswith("#")


@given(st.recursive(st.text(), lambda children: st.lists(children, max_size=4), max_leaves=8))
def test_data_in_a_script_is_unharmed_and_harmless(data):
    text = packed(data)
    assert unpacked(text) == data
    assert re.fullmatch("[A-Za-z0-9+/=]+", text)


def test_the_coverage_stands_before_the_rates_and_says_the_rule(make_recording, make_report):
    text = render(
        make_report(
            make_recording("a.wav", "the cat", "the cat"),
            make_recording("b.wav", "the cat", None, status="missing"),
        )
    )
    words = Page(text).words
    assert "1 of 2 references scored 50.0 %" in words
    assert words.index("references scored") < words.index("Normalised WER")
    assert "An empty transcript is scored, as deletions." in words
    assert "whisper-english" in words
    assert "unit costs (substitution 1, deletion 1, insertion 1)" in words


def test_both_rates_stand_side_by_side_with_their_counts(make_recording, make_report):
    words = Page(render(make_report(make_recording("a.wav", "The cat.", "the dog")))).words
    assert "Normalised WER 50.00 % no interval from 1 meeting 1 error in 2 words" in words
    assert "Raw WER 100.00 % 2 errors in 2 words" in words


def test_without_references_the_page_says_so_and_lists_the_transcripts(make_recording, make_report):
    page = Page(render(make_report(make_recording("a.wav", None, "hello there"))))
    assert "1 recording, no references" in page.words
    assert "Word error rate" not in page.words
    assert page.data["recordings"][0]["hyp"] == "hello there"


def test_references_that_all_failed_have_no_rate(make_recording, make_report):
    words = Page(render(make_report(make_recording("a.wav", "said", None, status="error")))).words
    assert "No rate: none of the references has a transcript." in words


def test_an_empty_run_is_a_page_too(make_report):
    assert "This run has no recordings." in Page(render(make_report())).words


def test_the_same_report_is_the_same_page(make_recording, make_report):
    rows = [make_recording(f"{i}.wav", "a b c", "a c d") for i in range(5)]
    assert render(make_report(*rows)) == render(make_report(*rows))


def test_a_file_name_that_is_not_utf8_can_be_written(make_recording, make_report):
    text = render(make_report(make_recording("caf\udce9.wav", "a", "a")))
    assert Page(text.encode().decode()).data["recordings"][0]["path"] == "caf\udce9.wav"


def test_scores_of_another_normaliser_are_not_drawn_with_this_one(make_recording, make_report):
    report = make_report(make_recording("a.wav", "a", "b"))
    facts = dataclasses.replace(report.facts, normalizer="whisper-english 0.0.1")
    with pytest.raises(ValueError, match="no normaliser"):
        render(dataclasses.replace(report, facts=facts))


def test_beyond_the_limits_the_worst_recordings_stay(make_recording, make_report, monkeypatch):
    monkeypatch.setattr("batch.report.payload.MAX_RECORDINGS", 2)
    monkeypatch.setattr("batch.report.payload.MAX_WORDS", 8)
    rows = [
        make_recording("fine.wav", "a b", "a b"),
        make_recording("worst.wav", "a b c d", "x y z w"),
        make_recording("bad.wav", "a b", "c b"),
    ]
    kept = Page(render(make_report(*rows))).data["recordings"]
    assert [(row["path"], "ops" in row) for row in kept] == [
        ("worst.wav", True),
        ("bad.wav", False),
    ]
    assert (MAX_RECORDINGS, MAX_WORDS) == (20_000, 1_500_000)


def test_errors_listed_on_the_page_lead_to_their_recordings(make_recording, make_report):
    page = Page(
        render(
            make_report(
                make_recording("a.wav", "same", "same"),
                make_recording("b.wav", "cat cat", "hat hat"),
            )
        )
    )
    assert page.data["places"]["S"] == [[1]]


def test_times_are_kept_as_differences(make_recording, make_report):
    words = (
        TimedWord(text="a", start=1.5, end=1.6),
        TimedWord(text="be", start=2.0, end=2.1),
        TimedWord(text="other", start=2.1, end=2.2),
        TimedWord(text="do", start=2.25, end=2.3),
    )
    text = "a be see do"
    page = Page(render(make_report(make_recording("a.wav", text, text, words=words))))
    assert page.data["recordings"][0]["starts"] == "150 50 - 25"


def test_clips_and_the_previous_run_are_in_the_data(make_recording, make_report):
    row = make_recording("a.wav", "a be so", "a ox so", id="a", previous="a be")
    clip = Clip(name="0.opus", recording="a", channel=None, start=0.5, end=2.0, peaks="AZ")
    kept = Page(render(make_report(row), [clip])).data["recordings"][0]
    assert kept["clips"] == [["clips/0.opus", 0.5, 2.0, "AZ"]]
    assert kept["previous"] == {"ops": "2=1D", "hyp": "a be"}


def test_where_the_sound_lies_in_the_archive_is_not_on_the_page(make_recording, make_report):
    row = make_recording("a.wav", "a b", "a x", uri="s3://secret-bucket/a.wav")
    assert "secret-bucket" not in str(Page(render(make_report(row))).data)


def test_run_lengths_say_the_steps():
    assert cigar(align(list("abcde"), list("axcdfe")).ops) == "1=1S2=1I1="
    assert cigar(align([], []).ops) == ""


@pytest.mark.parametrize(
    ("href", "plays"),
    [
        ("clips/a%20b.opus", True),
        ("file:///archive/a.wav", True),
        ("https://host/a.wav?X-Amz-Signature=1", True),
        ("javascript:alert(1)", False),
        ("JavaScript:alert(1)", False),
        ("vbscript:x", False),
        ("s3://bucket/a.wav", False),
        ("http://[broken", False),
        (None, False),
    ],
)
def test_only_links_that_a_player_may_open_are_kept(href, plays):
    assert playable(href) == (href if plays else None)


def test_figures_read_as_a_person_writes_them():
    assert percent(0.12345) == "12.3\u202f%"
    assert percent(None) == "–"
    assert count(1234567) == "1\u202f234\u202f567"
    assert count(-2) == "−2"
    assert [spoken(s) for s in (None, 42.4, 61, 11100)] == ["–", "42 s", "1 min", "3 h 05 min"]
    assert utc("2026-11-22T23:30:00+01:00") == "2026-11-22 22:30 UTC"
    assert utc("soon") == "soon"
