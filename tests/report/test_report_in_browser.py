"""The page in a browser: it draws, it answers keys, links lead into it, and nothing else runs."""

import dataclasses
import re
import wave

import pytest

from batch.report import Coverage, Report, render
from tests.report.conftest import listed


def without_references(report: Report) -> Report:
    rows = tuple(dataclasses.replace(row, reference=None) for row in report.recordings)
    return dataclasses.replace(report, recordings=rows, coverage=Coverage.of(rows))


@pytest.fixture
def report(make_recording, make_report):
    return make_report(
        make_recording("good.wav", "all is well", "all is well", meta={"room": "Oslo"}),
        make_recording(
            "worst.wav", "the cat sat on mats and left", "a cat sat mats and left here now yes"
        ),
        make_recording("rate.wav", "one", "two three", meta={"room": "Lima"}),
        make_recording("broken.wav", "x", None, status="error", error_kind="corrupt"),
    )


def test_the_recordings_are_drawn_worst_first(open_page, report):
    page = open_page(render(report))
    assert listed(page) == ["worst.wav", "rate.wav", "good.wav", "broken.wav"]
    assert page.locator("#shown").text_content() == "4 recordings"


def test_a_link_opens_the_alignment_with_letters_not_colour_alone(open_page, report):
    page = open_page(render(report), "#r=id-worst.wav")
    text = " ".join(page.locator(".aligned").inner_text().split())
    assert text == "Sthe a cat sat Don mats and left I×3here now yes"
    assert page.locator(".aligned del").first.text_content() == "the"
    assert page.locator(".aligned ins").nth(1).text_content() == "here"


def test_hostile_text_runs_nothing_and_is_shown(open_page, make_recording, make_report):
    attack = "</script><img src=x onerror=\"document.title='owned'\"><script>document.title='owned'"
    row = make_recording(
        attack, attack, f"{attack} twice", id="attack", meta={"by": attack}, previous=attack
    )
    page = open_page(render(make_report(row)), "#r=attack")
    page.locator(".e").first.click()
    page.fill("#reviewer", attack)
    page.locator("[data-ruling=acceptable]").click()
    assert page.locator(".slot .judge bdi").text_content() == attack
    page.fill("#sounds", attack)
    page.locator("#sounds").blur()
    assert page.title().startswith("WER")
    assert page.locator("img").count() == 0
    assert listed(page) == [attack]


def test_keys_step_open_and_walk_from_error_to_error(open_page, report):
    page = open_page(render(report))
    for key in ("j", "j", "Enter"):
        page.keyboard.press(key)
    assert page.locator("[aria-current] bdi").text_content() == "rate.wav"
    assert page.locator("[aria-expanded=true] bdi").text_content() == "rate.wav"
    page.keyboard.press("k")
    assert page.locator("[aria-expanded=true] bdi").text_content() == "worst.wav"
    assert page.locator(".detail").count() == 1
    page.keyboard.press("n")
    assert page.locator(".e:focus").text_content() == "Sthe a"
    page.keyboard.press("p")
    assert page.locator(".e:focus").text_content() == "I×3here now yes"
    page.keyboard.press("/")
    page.keyboard.type("j oslo")
    assert page.locator("#filter").input_value() == "j oslo"


def test_the_table_is_filtered_sorted_and_sliced(open_page, report):
    page = open_page(render(report))
    page.select_option("#worst", "wer")
    page.fill("#least", "1")
    assert listed(page) == ["rate.wav", "worst.wav", "good.wav", "broken.wav"]
    page.fill("#least", "2")
    assert listed(page) == ["worst.wav", "good.wav", "rate.wav", "broken.wav"]
    page.fill("#filter", "OSLO good")
    assert listed(page) == ["good.wav"]
    page.keyboard.press("Escape")
    assert len(listed(page)) == 4
    page.locator("[data-value=Lima]").click()
    assert listed(page) == ["rate.wav"]
    page.locator("[data-kind=D]").first.click()
    assert listed(page) == ["worst.wav"]
    assert page.locator("#chip").text_content() == "deletion on ✕"
    page.locator("#chip").click()
    page.select_option("#status", "error")
    assert listed(page) == ["broken.wav"]
    page.fill("#filter", "nothing like it")
    assert "No recording matches" in page.locator("#table").inner_text()


def test_a_column_sorts_both_ways_and_says_so(open_page, report):
    page = open_page(render(report))
    page.get_by_role("button", name="Recording", exact=True).click()
    assert listed(page) == ["broken.wav", "good.wav", "rate.wav", "worst.wav"]
    assert page.locator("[aria-sort=ascending]").text_content() == "Recording"
    page.get_by_role("button", name="Recording", exact=True).click()
    assert listed(page)[0] == "worst.wav"
    assert page.locator("[aria-sort=descending]").count() == 1


def test_the_address_follows_what_is_opened_and_leads_back_to_it(open_page, report):
    page = open_page(render(report))
    page.get_by_role("button", name="worst.wav").click()
    assert page.url.endswith("#r=id-worst.wav")
    page.locator(".aligned ins", has_text="now").click()
    address = page.url
    assert address.endswith("#r=id-worst.wav&w=6")
    again = open_page(render(report), address[address.index("#") :])
    assert again.locator(".e:focus").text_content() == "I×3here now yes"
    again.get_by_role("button", name="worst.wav").click()
    assert again.url.endswith("#recordings")


def test_a_link_shows_a_word_that_would_be_folded_away(open_page, make_recording, make_report):
    words = " ".join(["before"] * 200 + ["here"] + ["after"] * 199)
    row = make_recording("long.wav", words, words, id="long")
    page = open_page(render(make_report(row)), "#r=long&w=200")
    assert page.locator(":focus").text_content() == "here"
    assert page.locator(":focus").is_visible()
    page = open_page(render(make_report(row)), "#r=long")
    assert page.locator(".fold").text_content() == "… 376 correct words …"


def test_a_channel_has_a_link_of_its_own(open_page, make_recording, make_report):
    rows = [make_recording("a.wav", "a b", f"a {n}", id="a", channel=n) for n in (0, 1)]
    page = open_page(render(make_report(*rows)), "#r=a:1")
    assert page.locator(".row:has([aria-expanded=true]) .channel").text_content() == "channel 1"


@pytest.mark.parametrize("fragment", ["#r=nobody", "#r=%E0%A4%A&w=1", "#r=id-worst.wav&w=r900"])
def test_a_link_that_leads_nowhere_opens_the_page(open_page, report, fragment):
    assert len(listed(open_page(render(report), fragment))) == 4


@pytest.fixture
def sound(tmp_path):
    with wave.open(str(tmp_path / "sound.wav"), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(bytes(2 * 8000 * 6))
    return "sound.wav"


def test_a_click_on_a_word_plays_it_and_a_little_around_it(
    open_page, make_recording, make_report, sound
):
    row = make_recording("sound.wav", "a be see dee e", "a be see dee e", id="s", audio_href=sound)
    page = open_page(render(make_report(row)), "#r=s")
    page.evaluate("""() => {
      const audio = document.querySelector("audio");
      const time = (name) => new Promise((done) => {
        audio.addEventListener(name, () => done(audio.currentTime), { once: true });
      });
      [window.from, window.until] = [time("play"), time("pause")];
    }""")
    page.locator(".aligned span", has_text="dee").click()
    assert page.evaluate("window.from") == pytest.approx(1.0, abs=0.05)
    # The word begins at 1.5 s, the next one at 2.0 s.
    assert page.evaluate("window.until") == pytest.approx(2.5, abs=0.3)
    page.locator(".aligned span", has_text="dee").click()
    page.locator("#table .open").focus()
    page.keyboard.press("Space")
    assert page.evaluate("document.querySelector('audio').paused")


def test_sound_that_lies_elsewhere_is_found_where_the_reviewer_says(
    open_page, make_recording, make_report, sound, tmp_path
):
    folder = tmp_path / "night & day"
    (folder / "a #1").mkdir(parents=True)
    (tmp_path / sound).rename(folder / "a #1" / "50%.wav")
    row = make_recording("a #1/50%.wav", "a b", "a c", id="s", audio_href="gone.wav")
    text = render(make_report(row))
    page = open_page(text, "#r=s")
    page.fill("#sounds", str(folder))
    page.locator("#sounds").blur()
    page.locator("audio[src*=night]").wait_for()
    length = page.evaluate("""() => new Promise((done) => {
      const audio = document.querySelector("audio");
      audio.addEventListener("loadedmetadata", () => done(audio.duration));
      audio.preload = "auto";
      audio.load();
    })""")
    assert length == 6
    page.reload()
    page.wait_for_selector("html[data-ready]")
    assert page.locator("#sounds").input_value() == str(folder)
    assert "night%20&%20day/a%20%231/50%25.wav" in page.locator("audio").get_attribute("src")


@pytest.mark.parametrize(
    ("typed", "url"),
    [
        ("/mnt/meetings", "file:///mnt/meetings/"),
        ("C:\\Meetings\\2026", "file:///C:/Meetings/2026/"),
        ("\\\\server\\share", "file://server/share/"),
        ("https://host/a", "https://host/a/"),
        ("javascript:alert(1)", None),
        ("s3://bucket/a", None),
        ("", None),
    ],
)
def test_a_typed_place_becomes_an_address(open_page, report, typed, url):
    assert open_page(render(report)).evaluate("typed => folderUrl(typed)", typed) == url


def test_sound_that_cannot_be_played_says_so(open_page, make_recording, make_report):
    row = make_recording("sound.wav", "a b c", "a b x", id="s", audio_href="gone.wav")
    page = open_page(render(make_report(row)), "#r=s")
    page.locator(".e").click()
    page.get_by_text("The sound cannot be played from here: gone.wav").wait_for()


def test_the_run_before_stands_beside_this_one(open_page, make_recording, make_report):
    row = make_recording("a.wav", "a be so do", "a ox so do", id="a", previous="a be yo zoo")
    page = open_page(render(make_report(row)), "#r=a")
    text = re.sub(r"\s+", " ", page.locator(".previous").inner_text())
    assert "Before: 2 errors" in text
    assert "2 words mended, 1 word broken" in text
    assert page.locator(".previous .was").all_text_contents() == ["Sso yo", "Sdo zoo"]
    page.keyboard.press("n")
    assert page.locator(".e:focus").text_content() == "Sbe ox"


@pytest.mark.parametrize("referenced", [True, False], ids=["scored", "no references"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_paints_and_fits_a_telephone(open_page, report, tmp_path, referenced, scheme):
    shown = report if referenced else without_references(report)
    page = open_page(render(shown), color_scheme=scheme, viewport={"width": 360, "height": 740})
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert len(page.screenshot(full_page=True)) > 20_000
