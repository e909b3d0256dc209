"""The report as data: a scores table, an errors table and a summary, each with a fixed schema."""

from __future__ import annotations

from dataclasses import asdict
from itertools import islice
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from batch.report.adjudication import adjudicated_summary
from batch.report.alignment import word_errors
from batch.report.formatting_errors import formatting_errors
from batch.report.meetings import INTERVAL_RULE
from batch.report.model import UNSCORED_RULE
from batch.report.slices import slice_value
from manifests.hashing import sha256_of
from training.scoring import raw_tokens

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from batch.report.alignment import WordError
    from batch.report.model import Coverage, Report, RunFacts, ScoredRecording
    from training.scoring import ErrorCounts
    from training.scoring.labels import Label

SCORES_VERSION, ERRORS_VERSION = "2", "3"
_ROWS = 10_000
_COUNTS = ("reference_words", "hits", "substitutions", "deletions", "insertions")

SCORES_SCHEMA = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("path", pa.string(), nullable=False),
        pa.field("channel", pa.int32()),
        pa.field("status", pa.string(), nullable=False),
        *(pa.field(name, pa.int64()) for name in _COUNTS),
        pa.field("wer", pa.float64()),
        *(pa.field(f"raw_{name}", pa.int64()) for name in _COUNTS),
        pa.field("raw_wer", pa.float64()),
        pa.field("cer", pa.float64()),
        pa.field("meeting", pa.string(), nullable=False),
        pa.field("slices", pa.map_(pa.string(), pa.string())),
        pa.field("reference_digest", pa.string()),
        pa.field("hypothesis_digest", pa.string()),
        pa.field("run_id", pa.string(), nullable=False),
    ],
    metadata={"nightscribe": "scores", "nightscribe.schema": SCORES_VERSION},
)

ERRORS_SCHEMA = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("path", pa.string(), nullable=False),
        pa.field("channel", pa.int32()),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("label", pa.string(), nullable=False),
        pa.field("reference_word", pa.string()),
        pa.field("hypothesis_word", pa.string()),
        pa.field("start", pa.float64()),
        pa.field("end", pa.float64()),
    ],
    metadata={"nightscribe": "errors", "nightscribe.schema": ERRORS_VERSION},
)


def scores_table(report: Report) -> pa.Table:
    """One row a recording, in the report's order; counts are null where nothing was scored.

    ``wer`` and ``cer`` are after the normaliser, ``raw_wer`` before it; each is null where the
    reference is empty. Add up the counts for a rate over several rows. ``slices`` has the values
    by which the page slices, and the digests tell whether two runs had the same texts.
    """
    columns = [table.column for table in report.slices]
    return _table((_score_row(row, columns) for row in report.recordings), SCORES_SCHEMA)


def _table(rows: Iterator[dict[str, object]], schema: pa.Schema) -> pa.Table:
    """Rows as a table, some at a time: a row takes ten times as much before it is in columns."""
    parts = [schema.empty_table()]
    while some := list(islice(rows, _ROWS)):
        parts.append(pa.Table.from_pylist(some, schema=schema))
    return pa.concat_tables(parts).combine_chunks()


def _score_row(row: ScoredRecording, columns: Sequence[str]) -> dict[str, object]:
    cells: dict[str, object] = {
        "id": row.id,
        "path": storable(row.path),
        "channel": row.channel,
        "status": row.status,
        "meeting": storable(row.meeting),
        "run_id": row.run_id,
    }
    if row.scored:
        cells["slices"] = {storable(one): storable(slice_value(row, one)) for one in columns}
        cells["reference_digest"] = _digest(row.reference)
        cells["hypothesis_digest"] = _digest(row.hypothesis)
        cells |= {name: getattr(row.normalized, name) for name in _COUNTS}
        cells |= {f"raw_{name}": getattr(row.raw, name) for name in _COUNTS}
        cells |= {"wer": row.normalized.rate, "raw_wer": row.raw.rate, "cer": row.characters.rate}
    return cells


def _digest(text: str | None) -> str:
    """Twelve hexadecimal digits of a text's words as written."""
    return sha256_of(" ".join(raw_tokens(text or "")).encode("utf-8", "backslashreplace"))[:12]


def errors_table(report: Report) -> pa.Table:
    """One row a word error: kind S, D or I, its label, the words, and seconds where known.

    *Recognition* errors are the normalised WER's, in normalised words. *Formatting* errors are
    gone after normalising, so theirs are words as written.
    """
    return _table(_error_rows(report), ERRORS_SCHEMA)


def _error_rows(report: Report) -> Iterator[dict[str, object]]:
    for row, aligned in zip(report.recordings, report.alignments, strict=True):
        if aligned is None:
            continue
        texts = row.reference or "", row.hypothesis or ""
        for error in word_errors(aligned):
            yield _error_row(row, error, "recognition")
        for error in formatting_errors(*texts, aligned, report.facts.unit):
            yield _error_row(row, error, "formatting")


def _error_row(row: ScoredRecording, error: WordError, label: Label) -> dict[str, object]:
    return {
        "id": row.id,
        "path": storable(row.path),
        "channel": row.channel,
        "kind": error.kind,
        "label": label,
        "reference_word": storable(error.reference_word),
        "hypothesis_word": storable(error.hypothesis_word),
        "start": error.start,
        "end": error.end,
    }


def storable(text: str | None) -> str | None:
    """Text that UTF-8 can hold: a file name's undecodable bytes are written out as escapes."""
    if text is None or text.isascii():
        return text
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def summary(report: Report) -> dict[str, Any]:
    """The report's figures as JSON-able data, each rate beside its counts and its rules."""
    facts = report.facts
    return {
        "run_id": facts.run_id,
        "dt": facts.dt,
        "archive": facts.archive,
        "model": {"name": facts.model_name, "digest": facts.model_digest},
        "decode_digest": facts.decode_digest,
        "started_at": facts.started_at,
        "finished_at": facts.finished_at,
        "audio_seconds": facts.audio_seconds,
        "rtfx": facts.rtfx,
        "statuses": dict(facts.statuses),
        "coverage": _coverage(report.coverage),
        "wer": _counted(report.normalized) | {"interval": report.interval.as_json()},
        "raw_wer": _counted(report.raw)
        | {label: report.written[label] for label in ("formatting", "recognition")},
        "cer": _counted(report.characters),
        **_adjudicated(report),
        **_several_speakers(report),
        "confidence": report.confidence.as_json(),
        "places": report.places.as_json(report),
        "unit": facts.unit,
        "left_out": asdict(report.left_out),
        "golden": None if report.golden is None else report.golden.as_json(),
        "rules": {
            "normalizer": facts.normalizer,
            "aligner": facts.aligner,
            "custom": facts.custom.as_json(),
            "costs": costs_of(facts),
            "unscored": UNSCORED_RULE,
            "interval": INTERVAL_RULE,
        },
    }


def _adjudicated(report: Report) -> dict[str, Any]:
    adjudication = report.adjudication
    return {} if adjudication is None else {"adjudicated": adjudicated_summary(adjudication)}


def _several_speakers(report: Report) -> dict[str, Any]:
    found = report.several_speakers
    return {} if found is None else {"several_speakers": found.as_json()}


def costs_of(facts: RunFacts) -> str:
    """What the aligner pays for each kind of error."""
    costs = facts.alignment_rule.costs
    return (
        f"substitution {costs.substitution}, deletion {costs.deletion}, insertion {costs.insertion}"
    )


def _counted(counts: ErrorCounts) -> dict[str, Any]:
    return {**counts.as_json(), "mer": counts.match_error_rate, "wil": counts.information_lost}


def _coverage(coverage: Coverage) -> dict[str, object]:
    return {
        "recordings": coverage.recordings,
        "references": coverage.references,
        "with_reference": coverage.with_reference,
        "scored": coverage.scored,
        "share": coverage.share,
        "empty": coverage.empty,
        "error": coverage.error,
        "missing": coverage.missing,
        "unscored_seconds": round(coverage.unscored_seconds, 3),
        "references_without_recording": list(coverage.references_without_recording),
        "ambiguous": list(coverage.ambiguous),
        "references_that_look_edited": [storable(path) for path in coverage.edited],
    }
