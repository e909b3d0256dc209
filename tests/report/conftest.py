"""Reports as the run builds them, from pairs of texts."""

from collections.abc import Callable

import pytest

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
