"""What ``[retention]`` lets go: superseded rows, outputs of finished runs, reports.

Current rows, the ledger, and what an unfinished run needs are never touched; of a run that was
tidied its plan, counts and summary stay.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from batch.config import RetentionSection
from batch.layout import HISTORY, RunKeys, last_run
from batch.plan import Plan
from batch.runs import run_folders, unfinished
from batch.upkeep.compacting import MANY, compact
from manifests.errors import InputError
from manifests.json_files import json_file
from manifests.storage import Store


@dataclass(frozen=True, kw_only=True)
class Expired:
    """Keys that go together; ``run_id`` is the run that notes it, empty for superseded rows."""

    what: str
    keys: tuple[str, ...]
    run_id: str = ""

    def line(self) -> str:
        """For a terminal."""
        whose = f" of run {self.run_id}" if self.run_id else ""
        return f"{self.what}{whose}: {len(self.keys)} files"


def expired(output: Store, section: RetentionSection, *, today: date) -> list[Expired]:
    """What the section lets go on a day; nothing is written."""
    if not (section.history_days or section.runs_days or section.reports_days):
        return []
    busy = frozenset(unfinished(output))
    runs = [run_id for run_id in run_folders(output) if run_id not in busy]
    found = list(_history(output, _before(today, section.history_days), busy))
    limit = _before(today, section.runs_days)
    found += [one for run_id in runs if run_id < limit for one in _outputs(output, run_id)]
    limit = _before(today, section.reports_days)
    reported = {folder.split("/")[1] for folder in output.folders("reports/")}
    reports = [run_id for run_id in runs if run_id in reported]
    # The newest is what people look at, however long ago the last meeting was.
    found += [one for run_id in reports[:-1] if run_id < limit for one in _report(output, run_id)]
    return found


def let_go(output: Store, gone: Sequence[Expired], *, today: date) -> None:
    """Delete what has expired; what a run loses is noted before. Under the claim only."""
    for one in gone:
        if one.run_id:
            _note(output, RunKeys(run_id=one.run_id), one.what, today)
        for key in one.keys:
            output.delete(key)


def tidy_up(output: Store, section: RetentionSection, *, today: date) -> None:
    """What a run does when it ends: let go what has expired, merge where many files lie."""
    let_go(output, expired(output, section, today=today), today=today)
    compact(output, least=MANY)


def check_outputs(output: Store, plan: Plan) -> None:
    """Raise where a run's outputs were removed: collected again, it would have no transcripts.

    Raises:
        InputError: they were.
    """
    removed = shards_removed(output, plan)
    if removed is not None:
        raise InputError(
            f"run {plan.run_id}: its shards and outputs were removed on {removed} "
            "([retention] runs_days); its rows stay as they are"
        )


def shards_removed(output: Store, plan: Plan) -> str | None:
    """The day on which a run's shards and outputs were removed, None where they were not."""
    if output.stat(plan.keys.tidied) is None:
        return None
    day: str | None = json.loads(output.read(plan.keys.tidied)).get("shards")
    return day


def _before(today: date, days: int | None) -> str:
    """Runs whose id sorts before this have expired."""
    return "" if days is None else (today - timedelta(days=days)).isoformat()


def _history(output: Store, limit: str, busy: frozenset[str]) -> Iterator[Expired]:
    """Superseded rows, by the night that superseded them: of a merged file, by its last night."""
    keys = [
        entry.key
        for entry in output.list(f"{HISTORY}/")
        if last_run(entry.key) < limit and last_run(entry.key) not in busy
    ]
    if keys:
        yield Expired(what="history", keys=tuple(keys))


def _outputs(output: Store, run_id: str) -> Iterator[Expired]:
    """What only the transform and the collection read."""
    keys = RunKeys(run_id=run_id)
    folders = (keys.shards, keys.out, keys.staged, keys.bodies, keys.stopped(), keys.moved_folder)
    # A run that was tidied has none of these folders: one request tells.
    if set(output.folders(keys.folder)) & set(folders):
        lying = tuple(entry.key for folder in folders for entry in output.list(folder))
        yield Expired(what="shards", keys=lying, run_id=run_id)


def _report(output: Store, run_id: str) -> Iterator[Expired]:
    lying = tuple(entry.key for entry in output.list(RunKeys(run_id=run_id).reports))
    if lying:
        yield Expired(what="reports", keys=lying, run_id=run_id)


def _note(output: Store, keys: RunKeys, what: str, today: date) -> None:
    known = {}
    if output.stat(keys.tidied) is not None:
        known = json.loads(output.read(keys.tidied))
    output.put(keys.tidied, json_file({**known, what: today.isoformat()}))
