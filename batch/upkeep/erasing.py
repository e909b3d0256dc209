"""Traces of a recording taken out, one output at a time; every step may be done again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from batch.dataset_files import data_files
from batch.layout import LEDGER, TRANSCRIPTS, RunKeys
from batch.moves import Carried
from batch.plan import Plan, ShardEntry
from batch.superseding import rewrite
from batch.upkeep.tables import files_with, rows_with
from batch.upkeep.traces import RunTrace, Target, Traces, lines_without, settled
from manifests.json_files import json_file
from manifests.storage import Store

_NO_SCORES = {"wer": {"rate": None}}


def erase(output: Store, traces: Traces) -> None:
    """Everything below one output but the ledger's lines."""
    for run in traces.runs:
        _erase_from_run(output, run, traces.target)
    for trace in settled(output, traces).tables:
        if not trace.file.key.startswith(LEDGER):
            _without_rows(output, trace.file.key, traces.target)
    for run_id in traces.reports:
        _erase_report(output, RunKeys(run_id=run_id))
    for key in traces.files:
        output.delete(key)


def erase_ledger(output: Store, traces: Traces) -> None:
    for trace in traces.tables:
        if trace.file.key.startswith(LEDGER):
            _without_rows(output, trace.file.key, traces.target)


def _without_rows(output: Store, key: str, target: Target) -> None:
    for file in data_files(output, key):
        if file.key == key:
            rewrite(output, file, lambda table: pc.invert(pc.is_in(table["id"], _ids(target))))


def _ids(target: Target) -> pa.Array:
    return pa.array(sorted(target.ids), pa.string())


def _erase_from_run(output: Store, run: RunTrace, target: Target) -> None:
    for key in run.whole:
        output.delete(key)
    for key in run.lines:
        output.put(key, lines_without(output.read(key), target))
    plan = replace(
        run.plan,
        forgotten=sum(run.plan.reasons.values()) - run.left,
        attempts={one: n for one, n in run.plan.attempts.items() if one not in target.ids},
        shards=[_entry(output, run, entry, target) for entry in run.plan.shards],
    )
    _recount(output, plan, target)
    output.put(plan.keys.plan, plan.to_json())
    for key in run.carried:
        _without_rows(output, key, target)
    for key in run.shards:
        output.put(key, lines_without(output.read(key), target))


def _entry(output: Store, run: RunTrace, entry: ShardEntry, target: Target) -> ShardEntry:
    key = run.plan.keys.shards + entry.name
    if key not in run.shards:
        return entry
    kept = lines_without(output.read(key), target)
    return replace(entry, pointers=sum(1 for line in kept.split(b"\n") if line))


def _recount(output: Store, plan: Plan, target: Target) -> None:
    """Take the recording out of what the run counted, once."""
    keys = plan.keys
    if output.stat(keys.collected) is None:
        return
    counted = json.loads(output.read(keys.collected))
    if counted["recordings"] > plan.recordings:
        columns = ["id", "status", "error_kind", "duration", "run_id"]
        files = files_with(output, TRANSCRIPTS, plan.run_id)
        table = rows_with(output, TRANSCRIPTS, plan.run_id, files, columns)
        rows = table.filter(pc.is_in(table["id"], _ids(target))).to_pylist()
        heard = target.ids.isdisjoint(Carried(output=output, keys=plan.keys).ids())
        counted = {**counted, **_less(counted, rows, heard=heard), "recordings": plan.recordings}
        output.put(keys.collected, json.dumps(counted).encode())
    if output.stat(keys.summary) is not None:
        summary = json.loads(output.read(keys.summary))
        if not summary.get("abandoned"):
            summary |= {**counted, "planned": plan.recordings, "scores": _NO_SCORES}
            output.put(keys.summary, json_file(summary))


def _less(counted: Mapping[str, Any], rows: list[dict[str, Any]], *, heard: bool) -> dict[str, Any]:
    if not rows:
        return {}
    spoken = "ok" if any(row["status"] == "ok" for row in rows) else rows[0]["status"]
    kind, seconds = rows[0]["error_kind"], (rows[0]["duration"] or 0.0) if heard else 0.0
    return {
        "rows": counted["rows"] - len(rows),
        "audio_seconds": round(counted["audio_seconds"] - seconds, 3),
        "statuses": _one_less(counted["statuses"], spoken),
        "kinds": _one_less(counted["kinds"], kind),
    }


def _one_less(counts: Mapping[str, int], name: str | None) -> dict[str, int]:
    less = {one: count - (one == name) for one, count in counts.items()}
    return {one: count for one, count in less.items() if count}


def _erase_report(output: Store, keys: RunKeys) -> None:
    for entry in list(output.list(keys.reports)):
        output.delete(entry.key)
    output.delete(keys.checksums)
