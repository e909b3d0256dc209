"""The WER report of a run: a page to read, tables to query, a summary for machines."""

from batch.report.html import render
from batch.report.model import (
    Coverage,
    ErrorRow,
    Report,
    RunFacts,
    ScoredRecording,
    Sound,
)
from batch.report.tables import (
    ERRORS_SCHEMA,
    SCORES_SCHEMA,
    errors_table,
    scores_table,
    summary,
)
from batch.report.words import TimedWord, TimedWords

__all__ = [
    "ERRORS_SCHEMA",
    "SCORES_SCHEMA",
    "Coverage",
    "ErrorRow",
    "Report",
    "RunFacts",
    "ScoredRecording",
    "Sound",
    "TimedWord",
    "TimedWords",
    "errors_table",
    "render",
    "scores_table",
    "summary",
]
