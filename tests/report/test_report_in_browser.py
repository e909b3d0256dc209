"""The page in a browser: it draws, it answers keys, and nothing from outside runs."""

import dataclasses
import json
import re
import shutil
import subprocess
import wave
from html import unescape

import pytest

from batch.report import Coverage, Report, render

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="needs Chromium: install Debian's package chromium"
)


@pytest.fixture
def browse(tmp_path):
    def run(page, *options, fragment=""):
        file = tmp_path / "report.html"
        file.write_text(page, encoding="utf-8")
        command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"]
        command += ["--disable-background-networking", f"--user-data-dir={tmp_path / 'profile'}"]
        command += ["--enable-logging=stderr", "--virtual-time-budget=4000", *options]
        command.append(f"{file.as_uri()}{fragment}")
        done = subprocess.run(command, capture_output=True, text=True, timeout=90, check=True)
        # Headless Chromium complains about the desktop it lacks; only the page's words matter.
        assert "CONSOLE" not in done.stderr, done.stderr
        return done.stdout

    return run


def scripted(page: str, script: str) -> str:
    """The page without its policy and with a script that leaves its findings in the title."""
    page = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page)
    return page.replace("</body>", f"<script>{script}</script></body>")


def found(dom: str):
    return json.loads(unescape(re.search(r"<title>(.*?)</title>", dom, re.DOTALL).group(1)))


def without_references(report: Report) -> Report:
    rows = tuple(dataclasses.replace(row, reference=None) for row in report.recordings)
    return dataclasses.replace(report, recordings=rows, coverage=Coverage.of(rows))


def rows_of(dom: str) -> list[str]:
    return re.findall(r'aria-expanded="(?:true|false)"><bdi>(.*?)</bdi>', dom)


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


def test_the_recordings_are_drawn_worst_first(browse, report):
    dom = browse(render(report), "--dump-dom")
    assert rows_of(dom) == ["worst.wav", "rate.wav", "good.wav", "broken.wav"]
    assert "4 recordings" in dom


def test_a_link_opens_the_alignment_with_letters_not_colour_alone(browse, report):
    dom = browse(render(report), "--dump-dom", fragment="#r=id-worst.wav")
    text = re.sub(r"<[^>]+>", "", re.search(r'<p class="aligned".*?</p>', dom).group())
    assert " ".join(text.split()) == "Sthe a cat sat Don mats and left I×3here now yes"
    assert re.search(r"<del[^>]*>the</del>", dom)
    assert re.search(r"<ins[^>]*>here</ins>", dom)


def test_hostile_text_runs_nothing_and_is_shown(browse, make_recording, make_report):
    attack = "</script><img src=x onerror=\"document.title='owned'\"><script>document.title='owned'"
    row = make_recording(attack, attack, f"{attack} twice", id="attack", meta={"by": attack})
    dom = browse(render(make_report(row)), "--dump-dom", fragment="#r=attack")
    assert "<title>WER" in dom
    assert "<img" not in dom
    assert unescape(rows_of(dom)[0]) == attack


def test_keys_and_filters_do_what_they_say(browse, report):
    script = """
      const press = (key) =>
        document.body.dispatchEvent(new KeyboardEvent("keydown", {key, bubbles: true}));
      const names = () => [...document.querySelectorAll("#table .open bdi")];
      const paths = () => names().map((name) => name.textContent);
      const opened = () => document.querySelector("#table [aria-expanded=true] bdi")?.textContent;
      const type = (id, value) => {
        const input = document.getElementById(id);
        input.value = value;
        input.dispatchEvent(new Event("input", {bubbles: true}));
      };
      const seen = {};
      press("j"); press("j");
      seen.current = document.querySelector("[aria-current] bdi").textContent;
      document.activeElement.click();
      seen.opened = opened();
      press("k");
      seen.before = opened();
      press("n");
      seen.error = document.activeElement.textContent;
      type("worst", "wer"); type("least", "1");
      seen.byRate = paths();
      type("least", "2");
      seen.byRateOfTwoWords = paths();
      type("filter", "OSLO good");
      seen.filtered = paths();
      press("Escape");
      seen.cleared = paths().length;
      document.querySelector("[data-value=Lima]").click();
      seen.slice = paths();
      document.querySelector("[data-kind=D]").click();
      seen.deletion = paths();
      document.getElementById("chip").click();
      type("status", "error");
      seen.failed = paths();
      document.title = JSON.stringify(seen);
    """
    assert found(browse(scripted(render(report), script), "--dump-dom")) == {
        "current": "rate.wav",
        "opened": "rate.wav",
        "before": "worst.wav",
        "error": "Sthe a",
        "byRate": ["rate.wav", "worst.wav", "good.wav", "broken.wav"],
        "byRateOfTwoWords": ["worst.wav", "good.wav", "rate.wav", "broken.wav"],
        "filtered": ["good.wav"],
        "cleared": 4,
        "slice": ["rate.wav"],
        "deletion": ["worst.wav"],
        "failed": ["broken.wav"],
    }


def test_a_click_on_a_word_plays_from_half_a_second_before(
    browse, make_recording, make_report, tmp_path
):
    with wave.open(str(tmp_path / "sound.wav"), "wb") as sound:
        sound.setparams((1, 2, 8000, 0, "NONE", ""))
        sound.writeframes(bytes(2 * 8000 * 4))
    row = make_recording("sound.wav", "a b c d e", "a b c d e", id="s", audio_href="sound.wav")
    script = """
      const words = [...document.querySelectorAll(".aligned span")];
      const word = words.find((span) => span.textContent === "d");
      const audio = document.querySelector("audio");
      let asked = null;
      audio.play = () => { asked = audio.currentTime; return Promise.resolve(); };
      word.click();
      document.title = JSON.stringify({asked, src: audio.getAttribute("src")});
    """
    page = scripted(render(make_report(row)), script)
    dom = browse(page, "--dump-dom", fragment="#r=s")
    assert found(dom) == {"asked": 1.0, "src": "sound.wav"}


@pytest.mark.parametrize("referenced", [True, False], ids=["scored", "no references"])
def test_the_page_paints(browse, report, tmp_path, referenced):
    shown = report if referenced else without_references(report)
    picture = tmp_path / "page.png"
    browse(render(shown), f"--screenshot={picture}", "--window-size=1000,1400")
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert picture.stat().st_size > 20_000
