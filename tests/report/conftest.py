"""Reports as the run builds them, from pairs of texts."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from batch.report import Coverage, ErrorRow, Report, RunFacts, ScoredRecording, TimedWord
from training.scoring import ALIGNER_NAME, normalizer_for, score_pair

EN = normalizer_for("en")


def recording(
    path: str, reference: str | None = None, hypothesis: str | None = None, **fields
) -> ScoredRecording:
    """A recording scored as the run scores it, its words half a second apart."""
    status = fields.pop("status", "ok" if hypothesis else "empty")
    counts = {}
    if reference is not None and status in {"ok", "empty"}:
        score = score_pair(reference, hypothesis or "", EN)
        counts = {"raw": score.raw, "normalized": score.normalized, "characters": score.characters}
    words = tuple(
        TimedWord(text=word, start=i * 0.5, end=i * 0.5 + 0.4, confidence=0.9)
        for i, word in enumerate((hypothesis or "").split())
    )
    defaults = {"id": f"id-{path}", "run_id": "run-1", "words": words, "duration": 12.0}
    return ScoredRecording(
        path=path,
        reference=reference,
        hypothesis=hypothesis,
        status=status,
        **{**defaults, **counts, **fields},
    )


def report_of(*recordings: ScoredRecording, **coverage) -> Report:
    errors = tuple(
        ErrorRow(path=row.path, kind=row.error_kind or "internal", message=row.error_message or "")
        for row in recordings
        if row.status == "error"
    )
    facts = RunFacts(
        run_id="run-1",
        dt="2026-11-22",
        archive="s3://acme-meetings/2026/",
        model_name="demo",
        model_digest="ab" * 32,
        decode_digest="cd" * 32,
        normalizer=EN.name,
        aligner=ALIGNER_NAME,
        started_at="2026-11-22T22:00:00Z",
        finished_at="2026-11-22T23:04:00Z",
        audio_seconds=36000.0,
        rtfx=9.4,
        statuses={"ok": 3, "error": 1},
        errors=errors,
    )
    return Report(
        facts=facts, coverage=Coverage.of(recordings, **coverage), recordings=tuple(recordings)
    )


@pytest.fixture
def make_recording() -> Callable[..., ScoredRecording]:
    return recording


@pytest.fixture
def make_report() -> Callable[..., Report]:
    return report_of


CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, without a window; started once for the tests of a file."""
    if CHROMIUM is None:
        pytest.skip("needs Chromium: install Debian's package chromium")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        yield started
        started.close()


@pytest.fixture
def open_page(browser: Browser, tmp_path: Path) -> Iterator[Callable[..., Page]]:
    """Write a page below ``tmp_path``, open it, and wait until its script is ready.

    Whatever the page says on its console fails the test: a policy that was broken says so there.
    """
    contexts, complaints = [], []

    def opened(text: str, fragment: str = "", **options: Any) -> Page:
        file = tmp_path / "report.html"
        file.write_text(text, encoding="utf-8")
        contexts.append(browser.new_context(**options))
        page = contexts[-1].new_page()
        page.set_default_timeout(15_000)
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(f"{file.as_uri()}{fragment}")
        page.wait_for_selector("html[data-ready]")
        return page

    yield opened
    for context in contexts:
        context.close()
    # Sounds that are not there are what some tests are about.
    assert [text for text in complaints if "ERR_FILE_NOT_FOUND" not in text] == []


def listed(page: Page) -> list[str]:
    """The recordings in the table, as they are drawn."""
    return page.locator("#table .open bdi").all_text_contents()
