"""A table of many thousands: only what is in view is drawn, and every row can be reached."""

import pytest

from batch.report import render
from tests.report.conftest import listed


@pytest.fixture(scope="module")
def many():
    from tests.report.conftest import recording, report_of

    rows = [recording(f"{n:04d}.wav", "a b c", "a b x" if n % 7 else "a b c") for n in range(2_000)]
    return render(report_of(*rows))


def drawn(page):
    return page.locator("#table tr.row").count()


def test_only_the_rows_near_the_window_are_drawn(open_page, many):
    page = open_page(many)
    assert page.locator("#table").get_attribute("aria-rowcount") == "2001"
    assert drawn(page) < 200


def test_the_table_is_as_high_as_all_its_rows(open_page, many):
    page = open_page(many)
    row = page.locator("#table tr.row").first.bounding_box()["height"]
    assert page.locator("#table").bounding_box()["height"] == pytest.approx(2_000 * row, rel=0.05)


def test_rows_come_when_they_are_scrolled_to_and_go_again(open_page, many):
    page = open_page(many, reduced_motion="reduce")
    page.get_by_role("button", name="Recording", exact=True).click()
    page.evaluate("document.querySelector('#slices, #words').scrollIntoView()")
    page.get_by_role("button", name="1999.wav").wait_for()
    page.locator("[data-from='0'] .spacer").wait_for(state="attached")
    assert drawn(page) < 200
    page.evaluate("scrollTo(0, 0)")
    page.locator("#recordings-title").scroll_into_view_if_needed()
    page.get_by_role("button", name="0000.wav").wait_for()


def test_keys_walk_into_rows_that_were_not_drawn(open_page, many):
    page = open_page(many, reduced_motion="reduce")
    page.get_by_role("button", name="Recording", exact=True).click()
    page.evaluate("document.activeElement.blur()")
    for _ in range(120):
        page.keyboard.press("j")
    assert page.locator(":focus bdi").text_content() == "0119.wav"
    assert page.locator(":focus").is_visible()


def test_a_link_opens_a_row_far_below(open_page, many):
    page = open_page(many, "#r=id-1407.wav&w=2", reduced_motion="reduce")
    row = page.locator("tr.row:has([aria-expanded=true])")
    assert row.locator("bdi").text_content() == "1407.wav"
    box = page.locator(".detail").bounding_box()
    assert 0 <= box["y"] < page.viewport_size["height"]
    assert drawn(page) < 300


def test_what_is_open_stays_while_the_table_is_scrolled_away(open_page, many):
    page = open_page(many, reduced_motion="reduce")
    page.locator("#table .open").first.click()
    page.evaluate("document.querySelector('#words').scrollIntoView()")
    page.locator("[data-from='1950'] tr.row").first.wait_for()
    assert page.locator(".detail").count() == 1


def test_a_filter_finds_what_was_not_drawn(open_page, many):
    page = open_page(many)
    page.fill("#filter", "1999")
    assert listed(page) == ["1999.wav"]
    assert page.locator("#shown").text_content() == "1 of 2\u202f000 recordings"
