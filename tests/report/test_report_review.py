"""Verdicts in the browser: given, kept, taken back, exported; the file is what ``score`` reads."""

import dataclasses
import json

import pytest

from batch.report import render
from batch.report.adjudication import adjudicate
from batch.report.verdict_file import read_verdicts


@pytest.fixture
def report(make_recording, make_report):
    return make_report(
        make_recording(
            "a.wav", "the cat sat on mats and left", "a cat sat mats and left here now", id="a"
        ),
        make_recording("b.wav", "one two", "three two", id="b", channel=1),
        make_recording("c.wav", "all well", "all wall", id="c"),
    )


@pytest.fixture
def reviewing(open_page, report):
    page = open_page(render(report), "#r=a")
    page.fill("#reviewer", "Ada")
    page.locator("#reviewer").blur()
    return page


def exported(page, folder):
    with page.expect_download() as download:
        page.locator("#export").click()
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    return path


def test_verdicts_are_exported_and_applied(reviewing, report, tmp_path):
    page = reviewing
    page.keyboard.press("n")
    page.keyboard.press("a")
    page.locator(".e.I").click()
    page.get_by_role("group", name="Verdict on this error").get_by_label("Note").fill("chatter")
    page.locator(".slot [data-ruling=reference-wrong]").click()
    page.get_by_role("button", name="b.wav").click()
    page.locator("[data-ruling=excluded]").click()
    page.get_by_role("button", name="c.wav").click()
    page.locator("[data-ruling=reference-wrong]").click()
    page.locator(".judge textarea").fill("all wall")
    page.locator(".judge textarea").blur()
    # One deletion of nine words: c.wav, whose reference is mended, is left out here.
    assert page.locator("#verdicts").text_content() == "5 verdicts: WER 11.11\u202f%"
    path = exported(page, tmp_path)
    assert path.name == "verdicts-run-1.json"
    verdicts = read_verdicts(path)
    assert {one.by for one in verdicts.entries} == {"Ada"}
    assert [one.note for one in verdicts.entries if one.error and one.error.kind == "I"] == [
        "chatter",
        "chatter",
    ]
    found = adjudicate(report, verdicts)
    assert found.not_found == ()
    assert (found.accepted, found.left_out, found.rescored) == (3, ("b.wav",), ("c.wav",))
    assert (found.counts.errors, found.counts.reference_words) == (1, 7 + 2 + 2)


def test_verdicts_are_kept_in_the_browser_and_shown_without_colour(reviewing):
    page = reviewing
    page.keyboard.press("n")
    page.keyboard.press("a")
    page.reload()
    page.wait_for_selector("html[data-ready]")
    assert page.locator("#reviewer").input_value() == "Ada"
    assert page.locator("#verdicts").text_content() == "1 verdict: WER 50.00\u202f%"
    assert page.locator(".row .tags").first.text_content() == "1 error settled"
    assert page.locator(".e.settled").get_attribute("aria-description") == "settled by a verdict"
    mark = "getComputedStyle(document.querySelector('.e.settled .k'), '::after').content"
    assert "✓" in page.evaluate(mark)


def test_a_run_of_the_same_name_in_another_archive_has_its_own_verdicts(
    open_page, report, tmp_path
):
    elsewhere = dataclasses.replace(
        report, facts=dataclasses.replace(report.facts, archive="/other/")
    )
    page = open_page(render(report), "#r=a")
    page.fill("#reviewer", "Ada")
    page.locator("[data-ruling=excluded]").click()
    page.fill("#sounds", "/mnt/meetings")
    page.locator("#sounds").blur()
    (tmp_path / "report.html").write_text(render(elsewhere), encoding="utf-8")
    page.reload()
    page.wait_for_selector("html[data-ready]")
    assert page.locator("#verdicts").text_content() == "No verdicts yet"
    assert page.locator("#sounds").input_value() == ""


def test_a_verdict_is_taken_back_by_the_same_button(reviewing):
    page = reviewing
    press = page.locator("[data-ruling=excluded]")
    press.click()
    assert press.get_attribute("aria-pressed") == "true"
    assert page.locator(".row .tags").first.text_content() == "excluded"
    press.click()
    assert press.get_attribute("aria-pressed") == "false"
    assert page.locator("#export").is_disabled()


def test_a_reviewer_without_a_name_is_asked_for_it(open_page, report):
    page = open_page(render(report), "#r=a")
    page.locator("[data-ruling=excluded]").click()
    assert page.locator("#verdicts").text_content() == "No verdicts yet"
    name = page.get_by_label("Your name")
    assert name.evaluate("node => node === document.activeElement")
    name.fill("Grace")
    name.press("Tab")
    assert page.locator("#verdicts").text_content().startswith("1 verdict")
    assert page.locator("#reviewer").input_value() == "Grace"


def entry(recording, given_at, **fields):
    base = {"recording": recording, "channel": None, "path": "x", "verdict": "excluded"}
    return {**base, "note": "", "by": "Grace", "given_at": given_at, **fields}


def imported(page, tmp_path, *entries, **fields):
    content = {"nightscribe": "verdicts", "version": 1, "run_id": "run-1", "verdicts": entries}
    path = tmp_path / "in.json"
    path.write_text(json.dumps({**content, **fields}))
    page.set_input_files("#file", path)
    page.locator("#taken:not(:empty)").wait_for()
    return page.locator("#taken").text_content()


def test_another_reviewers_file_is_merged_and_the_later_verdict_stays(reviewing, tmp_path):
    page = reviewing
    page.locator("[data-ruling=reference-wrong]").first.click()
    said = imported(
        page,
        tmp_path,
        entry("a", "2020-01-01T00:00:00Z"),
        entry("c", "2020-01-01T00:00:00Z"),
        entry("elsewhere", "2020-01-01T00:00:00Z"),
        {"recording": "c"},
    )
    assert said == "3 verdicts read, 1 could not be."
    verdicts = {one.recording: one for one in read_verdicts(exported(page, tmp_path)).entries}
    assert verdicts["a"].verdict == "reference-wrong"
    assert verdicts["c"].by == "Grace"
    assert set(verdicts) == {"a", "c", "elsewhere"}


@pytest.mark.parametrize(
    ("fields", "said"),
    [({"nightscribe": "other"}, "no file of verdicts"), ({"verdicts": 3}, "no file of verdicts")],
)
def test_another_file_is_refused(reviewing, tmp_path, fields, said):
    assert said in imported(reviewing, tmp_path, **fields)


def test_hostile_verdicts_run_nothing(reviewing, tmp_path):
    attack = "<img src=x onerror=\"document.title='owned'\">"
    imported(
        reviewing,
        tmp_path,
        entry("a", "2030-01-01T00:00:00Z", by=attack, note=attack, path=attack),
    )
    reviewing.get_by_role("button", name="c.wav").click()
    reviewing.get_by_role("button", name="a.wav").click()
    assert reviewing.locator(".judge bdi").first.text_content() == attack
    assert reviewing.locator("img").count() == 0
    assert reviewing.title().startswith("WER")


def test_verdicts_that_were_applied_are_on_the_page_and_can_be_taken_back(
    open_page, report, tmp_path
):
    path = tmp_path / "given.json"
    content = {"nightscribe": "verdicts", "version": 1, "run_id": "run-0"}
    path.write_text(json.dumps({**content, "verdicts": [entry("a", "2020-01-01T00:00:00Z")]}))
    judged = dataclasses.replace(report, verdicts=read_verdicts(path))
    page = open_page(render(judged), "#r=a")
    assert page.locator(".row:has([aria-expanded=true]) .tags").text_content() == "excluded"
    assert "by Grace (1 verdict, last on 2020-01-01)" in page.locator(".adjudicated").inner_text()
    page.fill("#reviewer", "Ada")
    page.locator("[data-ruling=excluded]").click()
    page.reload()
    page.wait_for_selector("html[data-ready]")
    assert page.locator("#verdicts").text_content() == "No verdicts yet"


def test_clips_play_where_the_recording_is_not_at_hand(
    open_page, make_recording, make_report, tmp_path
):
    import numpy as np
    import soundfile

    from batch.report.clips import write_clips
    from batch.report.places import worst_places
    from manifests.local_store import LocalStore, uri_of_path

    sound = tmp_path / "archive.wav"
    soundfile.write(sound, np.sin(np.arange(16_000 * 10) / 8).astype(np.float32) * 0.5, 16_000)
    row = make_recording(
        "x.wav", "a ba ca da e fa ga ha", "a ba ca da xa fa ga ha", id="x", uri=uri_of_path(sound)
    )
    report = make_report(row)
    clips = write_clips(LocalStore(tmp_path), "", worst_places(report, most=9))
    page = open_page(render(report, clips), "#r=x")
    # The clip is no element of the document: the script is asked what plays.
    asked = """(word) => new Promise((done) => {
      const play = HTMLMediaElement.prototype.play;
      HTMLMediaElement.prototype.play = function () {
        this.addEventListener("pause", () => done([this.src.split("/").at(-2), this.currentTime]));
        return play.call(this);
      };
      document.querySelector(word).click();
    })"""
    folder, until = page.evaluate(asked, ".e")
    # The clip begins at 1.0 s; the word is heard from 2.0 to 2.5 s.
    assert folder == "clips"
    assert until == pytest.approx(2.5 + 0.5 - 1.0, abs=0.3)
    assert page.locator(".clip svg .all").get_attribute("d").count("M") == len(clips[0].peaks)
    (tmp_path / "clips" / clips[0].name).unlink()
    page.reload()
    page.wait_for_selector("html[data-ready]")
    page.locator(".e").click()
    page.locator(".clip:disabled").wait_for()
