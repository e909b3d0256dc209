"""How long the report page of many utterances takes to write, how heavy it is, how fast it opens.

Utterances of about 20 words with times, in meetings of 60, one word in eight wrong. Printed: the
time to score them, to align them for the page and to write it, each part's share; the page's size
against the same data unpacked; and in Chromium the time from the click on the file to rows that
answer, to a filter's answer, and to rows after a jump to the end of the table.

    report_page.py [--utterances 20000] [--language en]
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from batch.report import (  # noqa: E402
    Coverage,
    Report,
    RunFacts,
    ScoredRecording,
    TimedWord,
    render,
)
from batch.report.payload import unpacked  # noqa: E402
from training.scoring import ALIGNER_NAME, Normalizer, normalizer_for, score_pair  # noqa: E402

WORDS = 20
OPENED = 5  # times, of which the middle one is printed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--utterances", type=int, default=20_000)
    parser.add_argument("--language", help="en has slower rules than any other")
    options = parser.parse_args()
    normalizer = normalizer_for(options.language)
    print(f"{options.utterances} utterances of {WORDS} words; {normalizer.name}")
    report = timed("scored", lambda: made_up(options.utterances, normalizer))
    timed("aligned", lambda: report.alignments)
    timed("intervals", lambda: (report.interval, report.slices))
    page = timed("written", lambda: render(report))
    print(f"page            {len(page.encode()) / 1e6:.2f} MB")
    packed = page.split('id="payload">')[1].split("<")[0]
    plain = len(repr(unpacked(packed)).encode())
    print(f"its data        {len(packed) / 1e6:.2f} MB, {plain / len(packed):.1f} times packed")
    in_browser(page)


def timed(what: str, work: Callable[[], Any]) -> Any:
    begun, busy = time.perf_counter(), time.process_time()
    done = work()
    took, busy = time.perf_counter() - begun, time.process_time() - busy
    print(f"{what:<15} {took:.1f} s, {busy:.1f} s of one processor")
    return done


def made_up(number: int, normalizer: Normalizer) -> Report:
    rows = tuple(utterances(number, normalizer))
    facts = RunFacts(
        run_id="benchmark",
        dt="2026-11-22",
        archive="benchmark",
        model_name="none",
        model_digest="0" * 64,
        decode_digest="0" * 64,
        normalizer=normalizer.name,
        aligner=ALIGNER_NAME,
        started_at="2026-11-22T22:00:00Z",
        finished_at="2026-11-22T23:00:00Z",
        audio_seconds=0.0,
    )
    return Report(facts=facts, coverage=Coverage.of(rows), recordings=rows)


def utterances(number: int, normalizer: Normalizer) -> Iterator[ScoredRecording]:
    chance = random.Random(7)
    text = (ROOT / "demo/references.tsv").read_text("utf-8")
    words = sorted({word for word in text.lower().split() if word.isalpha()})
    for at in range(number):
        said = chance.choices(words, k=WORDS)
        heard = list(misheard(said, words, chance))
        reference, hypothesis = " ".join(said), " ".join(heard)
        score = score_pair(reference, hypothesis, normalizer)
        yield ScoredRecording(
            id=f"{at:020x}",
            path=f"2026-11-{at % 28 + 1:02d}/meeting-{at // 60:04d}/utterance-{at:06d}.flac",
            status="ok",
            duration=10.0,
            reference=reference,
            hypothesis=hypothesis,
            raw=score.raw,
            normalized=score.normalized,
            characters=score.characters,
            confidence=chance.random(),
            words=tuple(spoken(heard, chance)),
            run_id="benchmark",
            meta={"room": f"room {at // 60 % 12}", "team": f"team {at % 5}"},
            meeting_name=f"meeting {at // 60}",
            audio_href=f"../../archive/utterance-{at:06d}.flac",
        )


def misheard(said: list[str], words: list[str], chance: random.Random) -> Iterator[str]:
    for word in said:
        draw = chance.random()
        if draw > 0.03:
            yield word if draw > 0.10 else chance.choice(words)
        if draw > 0.975:
            yield chance.choice(words)


def spoken(heard: list[str], chance: random.Random) -> Iterator[TimedWord]:
    at = 0.0
    for word in heard:
        end = at + 0.1 + 0.06 * len(word)
        yield TimedWord(text=word, start=round(at, 2), end=round(end, 2), confidence=0.9)
        at = end + chance.random() * 0.2


FILTER = """async () => {
  const begun = performance.now();
  const filter = document.getElementById("filter");
  filter.value = "meeting-0042";
  filter.dispatchEvent(new Event("input", { bubbles: true }));
  await new Promise(requestAnimationFrame);
  const taken = performance.now() - begun;
  filter.value = "";
  filter.dispatchEvent(new Event("input", { bubbles: true }));
  return taken;
}"""
JUMP = """async () => {
  const begun = performance.now();
  document.documentElement.style.scrollBehavior = "auto";
  document.querySelector("#table").scrollIntoView({ block: "end" });
  while (!document.querySelector("#table tbody:last-child tr.row")) {
    await new Promise(requestAnimationFrame);
  }
  return performance.now() - begun;
}"""


def in_browser(page: str) -> None:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        print("chromium is not installed: not opened")
        return
    from playwright.sync_api import sync_playwright  # noqa: PLC0415

    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "report.html"
        file.write_text(page, encoding="utf-8")
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        found = sorted(opened(browser, file) for _ in range(OPENED))
        for what, values in zip(
            ("opens", "filters", "jumps"), zip(*found, strict=True), strict=True
        ):
            middle, slowest = sorted(values)[OPENED // 2], max(values)
            print(f"{what:<15} {middle / 1000:.2f} s (slowest of {OPENED}: {slowest / 1000:.2f} s)")
        browser.close()


def opened(browser: Any, file: Path) -> tuple[float, ...]:
    """Milliseconds until rows are there, until a filter answers, until the end is drawn."""
    tab = browser.new_page()
    tab.goto(file.as_uri(), wait_until="commit")
    tab.wait_for_selector("html[data-ready]")
    ready = tab.evaluate(
        "async () => (await new Promise(requestAnimationFrame), document.querySelector('tr.row')"
        " ? performance.getEntriesByName('nightscribe-ready')[0].startTime : Infinity)"
    )
    found = (ready, tab.evaluate(FILTER), tab.evaluate(JUMP))
    tab.close()
    return found


if __name__ == "__main__":
    main()
