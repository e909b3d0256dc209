"""Collection: the plan reconciled with the outputs, one row for every planned recording.

It runs on a failed job too. What has no output is a row that says so.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from batch.datasets import writing
from batch.joining import Joiner
from batch.layout import SEGMENTS, TRANSCRIPTS
from batch.ledger import ledger_bytes, read_ledger
from batch.outputs import Outputs, by_recording, rounds_begun
from batch.plan import Plan
from batch.selection import Result
from batch.superseding import supersede
from manifests.errors import NightscribeError
from manifests.storage import Store, open_store


@dataclass(frozen=True, kw_only=True)
class Collected:
    """What a run's collection found; ``statuses`` and ``kinds`` count recordings."""

    recordings: int
    rows: int
    audio_seconds: float
    superseded: int
    statuses: dict[str, int] = field(default_factory=dict)
    kinds: dict[str, int] = field(default_factory=dict)


def collect(
    output: Store, plan: Plan, *, now: datetime, still_ours: Callable[[], None]
) -> Collected:
    """Write a run's rows, move what they supersede, then enter the results into the ledger.

    Safe to repeat, also after later runs: what they transcribed anew stays theirs.
    ``still_ours`` raises where another process has taken over.

    Raises:
        NightscribeError: plan and rows do not agree, which would be a lost recording.
    """
    others = read_ledger(output, without=plan.run_id)
    joiner = Joiner(plan=plan, archive=open_store(plan.archive_uri), now=now)
    outputs = Outputs(store=output, plan=plan)
    results: list[Result] = []
    rows = 0
    with writing(output, plan.keys) as tables:
        for answers in by_recording(outputs.answers(rounds_begun(output, plan))):
            made = joiner.rows(answers)
            rows += len(made.transcripts)
            results.append(made.result)
            known = others.get(made.result.id)
            if known is None or known.run_id < plan.run_id:
                tables[TRANSCRIPTS].add(made.transcripts)
                tables[SEGMENTS].add(made.segments)
        _check(plan, results)
        still_ours()
    moved = supersede(output, plan.keys, _replaced(results, others))
    output.put(plan.keys.ledger, ledger_bytes(results))
    return Collected(
        recordings=len(results),
        rows=rows,
        audio_seconds=round(sum(result.duration or 0.0 for result in results), 3),
        superseded=moved,
        statuses=dict(Counter(result.status for result in results)),
        kinds=dict(Counter(r.error_kind for r in results if r.error_kind is not None)),
    )


def _replaced(results: list[Result], others: Mapping[str, Result]) -> dict[str, set[str]]:
    """The ids whose row an earlier run holds, by that run."""
    replaced: dict[str, set[str]] = defaultdict(set)
    for result in results:
        known = others.get(result.id)
        if known is not None and known.run_id < result.run_id:
            replaced[known.run_id].add(result.id)
    return replaced


def _check(plan: Plan, results: list[Result]) -> None:
    ids = {result.id for result in results}
    if len(results) != plan.recordings or len(ids) != plan.recordings:
        raise NightscribeError(
            f"run {plan.run_id}: {plan.recordings} recordings were planned, "
            f"{len(results)} rows ({len(ids)} ids) were found; the shards were changed"
        )
