"""Scores and report: the archive's transcripts, as a run left them, against the references."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from batch.capacity.used import Timing
from batch.collect import Collected
from batch.comparison.lines import difference_text
from batch.config import Config
from batch.datasets import read_rows
from batch.forgotten import without_forgotten
from batch.layout import SEGMENTS, TRANSCRIPTS
from batch.moves import Carried
from batch.parquet import parquet_bytes
from batch.plan import Plan
from batch.report.alignment import AlignedRecording
from batch.report.clips import write_clips
from batch.report.exports.writing import write_exports
from batch.report.html import render
from batch.report.model import (
    Channel,
    Coverage,
    ErrorRow,
    Report,
    RunFacts,
    ScoredRecording,
)
from batch.report.places import worst_places
from batch.report.scoring import scoring_pool
from batch.report.tables import errors_table, scores_table, summary
from batch.report.verdict_file import Verdicts
from batch.report.words import TimedWords
from batch.scored_by import configured_references, scored_by
from batch.scored_rows import SOUND, Scorer, counted, units
from batch.superseded import superseded_texts
from batch.window_grid import window_grid
from batch.word_columns import words_of
from manifests.references import match_references
from manifests.storage import Store
from training.scoring.verdict import Verdict

PART_ROWS = 50_000
"""Rows whose texts and words are read at once."""
_BATCH_ROWS = 10_000
_LIGHT = ["id", "path", "channel", "status", "error_kind", "error_message"]
_LIGHT += ["duration", "confidence", "run_id", "meta", "uri", "language"]
_LIGHT += ["channels", "calibrated", "size", "model_digest", "decode_digest"]


def build_report(
    output: Store, config: Config, plan: Plan, timing: Timing, verdicts: Verdicts | None = None
) -> Report:
    """Score every recording that has a reference, as run ``plan`` left the archive."""
    light = _light_rows(output, plan)
    references = configured_references(config)
    rules_digest = scored_by(config, references)
    matching = match_references(references, light["path"].to_pylist())
    del references  # What was matched goes with its recordings.
    previous = superseded_texts(output, plan, light)
    facts = _facts(
        config, plan, timing, rows=light, audio_seconds=_audio_seconds(output, plan, light)
    )
    joins = window_grid(output, _runs(light, plan), plan.decode_digest)
    scorer = Scorer(
        matching=matching,
        previous=previous,
        report_uri=output.uri_of(plan.keys.reports),
        meeting=config.report.meeting,
    )
    recordings: list[ScoredRecording] = []
    alignments: list[AlignedRecording | None] = []
    with scoring_pool(config.scoring.rules, config.archive.language) as pool:
        for part in _parts(light):
            ids = {row["id"] for row in part if row["path"] in matching.by_path}
            texts, words = _texts(output, plan, ids), _words(output, plan, ids)
            here = replace(scorer, texts=texts, words=words)
            rows = [here.scored(row) for row in units(part, matching, here)]
            for scored, aligned in counted(rows, pool):
                recordings.append(scored)
                alignments.append(aligned)
            for row in part:
                # What was said is in the report's rows from here on.
                matching.by_path.pop(row["path"], None)
    return Report(
        facts=replace(facts, joins=joins),
        coverage=Coverage.of(
            recordings,
            references_without_recording=sorted(without_forgotten(output, matching.unmatched)),
            ambiguous=[
                f"{name} (fits {', '.join(paths[:4])})"
                for name, paths in sorted(matching.ambiguous.items())
            ],
        ),
        recordings=tuple(recordings),
        verdicts=verdicts,
        second=previous or None,
        aligned=tuple(alignments),
        scored_by=rules_digest,
    )


def _light_rows(output: Store, plan: Plan) -> pa.Table:
    """The rows as the run left them, without texts, in the order of the report."""
    rows = read_rows(output, TRANSCRIPTS, until=plan.run_id, columns=[*_LIGHT, *SOUND])
    order = {"path": rows["path"], "id": rows["id"], "channel": pc.fill_null(rows["channel"], 0)}
    keys = [(name, "ascending") for name in order]
    return rows.take(pc.sort_indices(pa.table(order), sort_keys=keys))


def _parts(rows: pa.Table) -> Iterator[list[dict[str, Any]]]:
    """Rows some at a time, all of one recording together."""
    part: list[dict[str, Any]] = []
    for batch in rows.to_batches(max_chunksize=_BATCH_ROWS):
        for row in batch.to_pylist():
            if len(part) >= PART_ROWS and row["id"] != part[-1]["id"]:
                yield part
                part = []
            part.append(row)
    yield part


def write_scores(output: Store, plan: Plan, report: Report) -> dict[str, Any]:
    """Write the scores' tables and summary; returns the summary."""
    folder = plan.keys.reports
    tables = {"scores": scores_table(report), "errors": errors_table(report)}
    for name, table in tables.items():
        output.put(f"{folder}{name}.parquet", parquet_bytes(table))
    write_exports(output, folder, report, tables)
    figures = {"output": output.uri, **summary(report)}
    output.put(f"{folder}summary.json", (json.dumps(figures, indent=1) + "\n").encode())
    return figures


def write_report(output: Store, plan: Plan, report: Report, *, clips: int = 0) -> str:
    """Write the page, and ``clips`` sounds of the worst places beside it; returns its URI."""
    key = f"{plan.keys.reports}report.html"
    reports = [folder for folder in output.folders("reports/") if folder < plan.keys.reports]
    sounds = write_clips(
        output,
        plan.keys.reports,
        worst_places(report, most=clips),
        earlier=max(reports, default=None),
    )
    output.put(key, render(report, sounds).encode())
    return output.uri_of(key)


def exceeded(config: Config, collected: Collected, report: Report) -> list[str]:
    """The thresholds of ``[report]`` that a run has passed, one sentence each."""
    limits, problems = config.report, []
    share = collected.statuses.get("error", 0) / max(1, collected.recordings)
    coverage, wer = report.coverage.share, report.normalized.rate
    if limits.max_error_share is not None and share > limits.max_error_share:
        allowed = f"at most {limits.max_error_share:.1%} may"
        problems.append(f"{share:.1%} of the recordings failed; {allowed}")
    if limits.min_coverage is not None and (coverage or 0.0) < limits.min_coverage:
        required = f"at least {limits.min_coverage:.1%} must"
        problems.append(f"{coverage or 0.0:.1%} of the references are scored; {required}")
    if limits.max_wer is not None and wer is not None and wer > limits.max_wer:
        problems.append(f"WER {wer:.2%}; at most {limits.max_wer:.2%} is allowed")
    golden = report.golden
    if limits.fail_when_worse and golden is not None and golden.verdict is Verdict.WORSE:
        problems.append(f"golden set: {difference_text(golden.difference)}: worse than before")
    return problems


def _texts(output: Store, plan: Plan, ids: set[str]) -> dict[Channel, str | None]:
    columns = ["id", "channel", "text", "run_id"]
    table = read_rows(output, TRANSCRIPTS, until=plan.run_id, ids=ids, columns=columns)
    return {(row["id"], row["channel"]): row["text"] for row in table.to_pylist()}


def _words(output: Store, plan: Plan, ids: set[str]) -> dict[Channel, TimedWords]:
    columns = ["id", "channel", "start", "words", "run_id"]
    return words_of(read_rows(output, SEGMENTS, until=plan.run_id, ids=ids, columns=columns))


def _facts(
    config: Config,
    plan: Plan,
    timing: Timing,
    *,
    rows: pa.Table,
    audio_seconds: float,
) -> RunFacts:
    rules = config.scoring.rules
    return RunFacts(
        run_id=plan.run_id,
        dt=plan.dt,
        archive=config.archive.uri,
        model_name=plan.model,
        model_digest=plan.model_digest,
        decode_digest=plan.decode_digest,
        normalizer=rules.normalizer_for(config.archive.language).name,
        aligner=rules.aligner.name,
        custom=rules.custom,
        started_at=timing.started_at,
        finished_at=timing.finished_at,
        audio_seconds=audio_seconds,
        rtfx=timing.rtfx,
        statuses=dict(Counter(rows["status"].to_pylist())),
        errors=tuple(
            ErrorRow(path=row["path"], kind=row["error_kind"], message=row["error_message"])
            for row in rows.filter(pc.equal(rows["status"], "error")).to_pylist()
        ),
    )


def _runs(rows: pa.Table, plan: Plan) -> list[str]:
    """The runs whose recordings were decoded as this one's."""
    same = rows.filter(pc.equal(rows["decode_digest"], plan.decode_digest))
    found: list[str] = pc.unique(same["run_id"]).to_pylist()
    return found


def _audio_seconds(output: Store, plan: Plan, rows: pa.Table) -> float:
    """Sound that the run transcribed; the channels of one recording share its length."""
    moved = Carried(output=output, keys=plan.keys).ids()
    ours = rows.filter(pc.equal(rows["run_id"], plan.run_id))
    pairs = zip(ours["id"].to_pylist(), ours["duration"].to_pylist(), strict=True)
    lengths = {one: duration or 0.0 for one, duration in pairs if one not in moved}
    return round(sum(lengths.values()), 3)
