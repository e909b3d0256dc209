"""The sections on where errors live: what they say, and that text in them stays text."""

import dataclasses
import re
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import pytest

from batch.report import TimedWord, render
from batch.report.figures import clock, deep_link, points
from batch.report.findings.joins import JoinGrid

GRID = JoinGrid(step=18.0, reach=1.5, longest=23.0)


class Page(HTMLParser):
    """Elements with their attributes, and the words between them."""

    def __init__(self, text):
        super().__init__()
        self.elements, self._text, self._inside = [], [], None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self._inside = tag

    def handle_endtag(self, tag):
        self._inside = None

    def handle_data(self, data):
        if self._inside not in {"script", "style"}:
            self._text.append(data)

    @property
    def words(self):
        return " ".join("".join(self._text).replace("\u202f", " ").split())


def words_of(report):
    return Page(render(report)).words


@pytest.fixture
def found(make_recording, make_report):
    """A report with a finding of each kind, each full of markup."""
    # Unclosed: the English rules take what stands in angle brackets for a tag, and drop it.
    evil = "<img src=x onerror=alert"
    common = [f"x{chr(97 + i // 26)}{chr(97 + i % 26)}" for i in range(150)]
    heard = [*common, "new", "profit", "<fell"]
    sure = [0.5] * 150 + [0.9] * 3
    words = [
        TimedWord(text=w, start=i * 1.0, end=i + 0.5, confidence=c)
        for i, (w, c) in enumerate(zip(heard, sure, strict=True))
    ]
    rows = [
        make_recording("lost.wav", f"{' '.join(common[:20])} {evil} said", "xaa xab", id="l/1"),
        make_recording("loop.wav", "so", f"{evil} " * 4, id="loop", channel=1),
        make_recording("music.wav", "", f"thanks {evil}", id="m"),
        make_recording(
            "doubt.wav",
            " ".join([*common, "old", "budget", evil]),
            " ".join(heard),
            id="d",
            words=tuple(words),
            duration=200.0,
        ),
    ]
    digest = make_report().facts.decode_digest
    report = make_report(*(dataclasses.replace(row, decode_digest=digest) for row in rows))
    return dataclasses.replace(report, facts=dataclasses.replace(report.facts, joins=GRID))


def test_text_in_findings_stays_text(found):
    page = Page(render(found))
    assert not [tag for tag, _ in page.elements if tag == "img"]
    assert "src=x onerror=alert" in page.words
    assert not [name for _, attrs in page.elements for name in attrs if name.startswith("on")]


def test_each_kind_of_finding_is_on_the_page_with_a_link_to_its_recording(found):
    page = Page(render(found))
    links = {attrs["href"] for tag, attrs in page.elements if tag == "a" and "href" in attrs}
    assert {"#r=l%2F1&w=r2", "#r=loop:1&w=0", "#r=m&w=0", "#r=d&w=150"} <= links
    for title in ("Lost speech", "Written over and over", "Made up where nobody speaks"):
        assert title in page.words
    assert "1 of 1 recording whose reference is empty" in page.words
    assert "Three or more words in a row against the reference" in page.words


def test_what_is_not_known_is_said_to_be(make_recording, make_report):
    words = words_of(make_report(make_recording("a.wav", "a b", "a c", words=())))
    assert "Not known: no scored recording has both word times and a length." in words
    assert "Not known: no output of this run says how recordings were cut." in words
    assert "Not known: fewer than a hundred right words have a confidence." in words
    assert "No reference is empty, so there is nothing to see it by." in words


def test_joins_are_named_as_the_grid_that_they_are(found):
    words = words_of(found)
    assert "Near is the nominal grid: within 3.5 s of a multiple of 18 s." in words.replace(
        "\u00a0", " "
    )
    assert "too few meetings to rely on it" in words


def test_recordings_too_short_for_a_join_are_said_to_be(make_recording, make_report):
    report = make_report(make_recording("a.wav", "a b", "a c"))
    facts = dataclasses.replace(report.facts, joins=GRID)
    words = words_of(dataclasses.replace(report, facts=facts)).replace("\u00a0", " ")
    assert "is known to be long enough to have a join: over 23 s" in words


def test_one_meeting_has_a_difference_and_no_verdict(found):
    row = found.recordings[3]
    alone = dataclasses.replace(found, recordings=(row,))
    assert "points, from one meeting: it says nothing of others." in words_of(alone)


def test_with_a_second_run_the_page_says_what_agreed(found):
    row = found.recordings[3]
    both = dataclasses.replace(found, second={(row.id, row.channel): row.hypothesis})
    assert "Two runs wrote the same words against the reference" in words_of(both)


def test_every_picture_has_a_title_and_says_its_numbers(found):
    text = render(found)
    pictures = re.findall(r'<svg class="chart.*?</svg>', text, re.DOTALL)
    assert pictures
    for picture in pictures:
        svg = ET.fromstring(picture)
        ids = svg.attrib["aria-labelledby"].split()
        assert [child.attrib["id"] for child in svg[:2]] == ids
        assert "%" in svg[1].text


def test_anchors_lead_to_places_that_are_there(found):
    page = Page(render(found))
    ids = {attrs["id"] for _, attrs in page.elements if "id" in attrs}
    anchors = [a["href"][1:] for t, a in page.elements if t == "a" and "href" in a]
    assert [one for one in anchors if not one.startswith("r=") and one not in ids] == []


def test_ids_are_escaped_as_the_script_escapes_them(make_recording):
    row = make_recording("a.wav", id="a b/ü(1)'%")
    assert deep_link(row, 3) == "#r=a%20b%2F%C3%BC(1)'%25&w=3"
    assert deep_link(row, 3, "ref").endswith("&w=r3")
    assert deep_link(make_recording("a.wav", id="</script><script>"), 0).count("<") == 0


def test_times_and_differences_read_as_a_person_writes_them():
    assert [clock(s) for s in (None, 0, 67.9, 3729)] == ["–", "0:00", "1:07", "1:02:09"]
    assert [points(r) for r in (None, 0.01234, -0.005, 0.00001, -0.00001)] == [
        "–",
        "+1.23",
        "−0.50",
        "0.00",
        "0.00",
    ]
