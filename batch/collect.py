"""Collection: the plan reconciled with the outputs, one row for every planned recording.

It runs on a failed job too. What has no output is a row that says so.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from batch.datasets import RowWriter, row_writer, writing
from batch.joining import Joiner
from batch.layout import SEGMENTS, TRANSCRIPTS
from batch.ledger import MOVED, Ledger, Result, read_ledger
from batch.moves import Carried
from batch.outputs import Outputs, by_recording, rounds_begun
from batch.plan import Plan
from batch.requests import LOCAL_ROLE
from batch.schema import LEDGER
from batch.superseding import supersede, take_out_lines
from manifests.errors import NightscribeError
from manifests.storage import Store, open_store
from transform_handler.records import ErrorKind


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

    One recording is in memory at a time. Safe to repeat, also after later runs: what they
    transcribed anew stays theirs. ``still_ours`` raises where another process has taken over.

    Raises:
        NightscribeError: plan and rows do not agree, which would be a lost recording.
    """
    others = read_ledger(output, without=plan.run_id)
    joiner = Joiner(plan=plan, archive=open_store(plan.archive_uri), now=now)
    outputs = Outputs(store=output, plan=plan)
    tally = _Tally()
    with row_writer(LEDGER) as lines:
        with writing(output, plan.keys) as tables:
            for answers in by_recording(outputs.answers(rounds_begun(output, plan))):
                made = joiner.rows(answers)
                owner = others.run_of(made.result.id)
                tally.add(made.result, owner, rows=len(made.transcripts))
                lines.add([vars(made.result)])
                if owner is None or owner < plan.run_id:
                    tables[TRANSCRIPTS].add(made.transcripts)
                    tables[SEGMENTS].add(made.segments)
            _carry_over(Carried(output=output, keys=plan.keys), others, tally, lines, tables)
            tally.check(plan)
            still_ours()
        superseded = supersede(output, plan.keys, tally.replaced)
        output.put(plan.keys.ledger, lines.close())
        take_out_lines(output, plan.run_id)
    return tally.collected(superseded)


def _carry_over(
    carried: Carried,
    others: Ledger,
    tally: _Tally,
    lines: RowWriter,
    tables: Mapping[str, RowWriter],
) -> None:
    """Rows of recordings that were moved; those under their old path are superseded."""
    ours: set[str] = set()
    for result in carried.results():
        owner = others.run_of(result.id)
        lines.add([vars(result)])
        if result.status == MOVED:
            tally.replace(result, owner)
            continue
        tally.add(result, owner, rows=0, heard=False)
        if owner is None or owner < result.run_id:
            ours.add(result.id)
    for name, table in tables.items():
        for row in carried.rows(name, ours.__contains__):
            table.add([row])
            tally.rows += name == TRANSCRIPTS


def forbidden(plan: Plan, collected: Collected) -> str | None:
    """Who may not read how many recordings, and what mends it."""
    count = collected.kinds.get(ErrorKind.FORBIDDEN)
    if not count:
        return None
    role = plan.model_request["ExecutionRoleArn"]
    who = "this user" if role == LOCAL_ROLE else f"the jobs' role {role}"
    mend = "its policy (s3:GetObject, and kms:Decrypt where they are encrypted)"
    if plan.archive_uri.startswith("file://"):
        mend = "their permissions, or the links that lead out of the archive"
    return (
        f"{who} may not read {count} recordings below {plan.archive_uri}; mend {mend}, "
        "and the next run tries them again"
    )


@dataclass(kw_only=True)
class _Tally:
    """What has been collected so far."""

    ids: set[str] = field(default_factory=set)
    recordings: int = 0
    rows: int = 0
    audio_seconds: float = 0.0
    statuses: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    replaced: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """The ids whose row an earlier run holds, by that run."""

    def add(self, result: Result, owner: str | None, *, rows: int, heard: bool = True) -> None:
        """Count a recording; ``owner`` is the other run that has a result of it."""
        self.ids.add(result.id)
        self.recordings += 1
        self.rows += rows
        self.audio_seconds += (result.duration or 0.0) if heard else 0.0
        self.statuses[result.status] += 1
        if result.error_kind is not None:
            self.kinds[result.error_kind] += 1
        self.replace(result, owner)

    def replace(self, result: Result, owner: str | None) -> None:
        """Note the row that an earlier run has of the recording."""
        if owner is not None and owner < result.run_id:
            self.replaced[owner].add(result.id)

    def check(self, plan: Plan) -> None:
        """Raise where recordings are missing, or stand twice."""
        if not self.recordings == len(self.ids) == plan.recordings:
            raise NightscribeError(
                f"run {plan.run_id}: {plan.recordings} recordings were planned, "
                f"{self.recordings} rows ({len(self.ids)} ids) were found; the shards were changed"
            )

    def collected(self, superseded: int) -> Collected:
        """The figures."""
        return Collected(
            recordings=self.recordings,
            rows=self.rows,
            audio_seconds=round(self.audio_seconds, 3),
            superseded=superseded,
            statuses=dict(self.statuses),
            kinds=dict(self.kinds),
        )
