"""axe-core finds nothing to mend, whatever is open, on paper-white, at night, on a telephone."""

import pytest
from axe_playwright_python.sync_playwright import Axe

from batch.report import render
from batch.report.places import Clip


def page_of(make_recording, make_report, number):
    words = "the cat sat on mats and left"
    rows = [
        make_recording(
            f"{n:03d}.wav",
            words,
            "a cat sat mats and left here now",
            id=f"r{n}",
            channel=n % 2,
            meta={"room": "Oslo" if n % 3 else "Lima"},
            audio_href="sound.wav",
            previous=words,
        )
        for n in range(number)
    ]
    rows.append(make_recording("rtl.wav", "مرحبا بكم في الاجتماع", "مرحبا في اجتماع", id="rtl"))
    rows.append(make_recording("quiet.wav", "one two", None, id="quiet"))
    rows.append(
        make_recording(
            "bad.wav", "x", None, status="error", error_kind="corrupt", error_message="ends early"
        )
    )
    clip = Clip(name="0.opus", recording="r0", channel=0, start=0.0, end=4.0, peaks="AZaz09+/" * 6)
    return render(make_report(*rows, references_without_recording=["gone.wav"]), [clip])


@pytest.fixture
def page_text(make_recording, make_report):
    return page_of(make_recording, make_report, 24)


VIEWS = {
    "light": {},
    "dark": {"color_scheme": "dark"},
    "narrow": {"viewport": {"width": 360, "height": 740}},
}


@pytest.mark.parametrize(
    ("view", "fragment"),
    [
        ("light", ""),
        *((view, "#r=r0:0&w=0") for view in VIEWS),
        ("light", "#r=rtl"),
        ("narrow", "#r=quiet"),
    ],
)
def test_axe_finds_nothing(open_page, page_text, view, fragment):
    page = open_page(page_text, fragment, reduced_motion="reduce", **VIEWS[view])
    if "w=" in fragment:
        page.fill("#reviewer", "Ada")
        page.keyboard.press("Tab")
        page.locator(".slot [data-ruling=acceptable]").click()
        page.locator(".detail > .judge [data-ruling=reference-wrong]").click()
    found = Axe().run(page).response["violations"]
    assert [(one["id"], one["nodes"][0]["html"][:200]) for one in found] == []


def test_a_screen_reader_hears_a_table_whose_rows_are_counted(open_page, page_text):
    page = open_page(page_text)
    table = page.locator("#table")
    assert table.get_attribute("aria-rowcount") == "28"
    assert page.get_by_role("row").nth(5).get_attribute("aria-rowindex") is not None
    assert page.get_by_role("columnheader", name="WER", exact=True).count() >= 1
    assert page.get_by_role("button", name="000.wav channel 0").get_attribute("aria-expanded")


def test_text_runs_from_right_to_left_where_it_is_written_so(open_page, page_text):
    page = open_page(page_text, "#r=rtl")
    boxes = [node.bounding_box()["x"] for node in page.locator(".aligned span[data-word]").all()]
    assert boxes[0] > boxes[-1]


def test_paper_has_the_worst_recordings_and_no_empty_pages(open_page, make_recording, make_report):
    page = open_page(page_of(make_recording, make_report, 150))
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator("#table tr.row").count() == 100
    assert page.locator("#table .spacer:visible").count() == 0
    assert page.locator("#review:visible, #controls:visible").count() == 0
    pages = page.pdf().count(b"/Type /Page\n")
    assert 2 <= pages <= 12
