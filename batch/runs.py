"""The runs below an output location: their names, and which of them are unfinished."""

from __future__ import annotations

from datetime import date
from typing import Literal

from batch.layout import LEDGER, RunKeys
from manifests.errors import InputError
from manifests.storage import Store

# One small object for each unfinished run: finding them must not mean listing every night's shards.
# It is written first of all: what a run that was killed before its plan has written is removed.
PENDING = "pending/"


def next_run_id(output: Store, today: date) -> str:
    """The night's next run: ``2026-11-23-001``.

    Run ids sort by time, also where a driver's clock or time zone is behind the last one's.
    """
    known = [
        entry.key.rpartition("/")[2]
        for folder in (LEDGER, PENDING)
        for entry in output.list(folder)
    ]
    newest = max(known, default="")
    dt = max(today.isoformat(), newest[: len("2026-11-23")])
    prefix = f"runs/{dt}-"
    taken = [_number(folder, prefix) for folder in output.folders(prefix)]
    return f"{dt}-{max(taken, default=0) + 1:03d}"


def _number(key: str, prefix: str) -> int:
    digits = key[len(prefix) :].partition("/")[0]
    return int(digits) if digits.isdigit() else 0


def mark_pending(output: Store, run_id: str) -> None:
    """Say that a run has been begun."""
    output.put(PENDING + run_id, b"")


def mark_finished(output: Store, run_id: str) -> None:
    """Say that a run needs nothing more."""
    output.delete(PENDING + run_id)


def unfinished(output: Store) -> list[str]:
    """Runs that were planned and have no summary, oldest first."""
    return [run_id for run_id in pending(output) if _state_of(output, run_id) == "planned"]


def remove_remains(output: Store) -> None:
    """Remove what a run that was killed before its plan has written, and marks of finished runs."""
    for run_id in pending(output):
        state = _state_of(output, run_id)
        if state == "begun":
            for entry in list(output.list(RunKeys(run_id=run_id).folder)):
                output.delete(entry.key)
        if state != "planned":
            mark_finished(output, run_id)


def _state_of(output: Store, run_id: str) -> Literal["begun", "planned", "finished"]:
    keys = RunKeys(run_id=run_id)
    if output.stat(keys.summary) is not None:
        return "finished"
    return "begun" if output.stat(keys.plan) is None else "planned"


def pending(output: Store) -> list[str]:
    """The marks for runs that were begun, oldest first."""
    return [entry.key[len(PENDING) :] for entry in output.list(PENDING)]


def run_ids(output: Store) -> list[str]:
    """Every planned run, oldest first."""
    return [run_id for run_id in run_folders(output) if _is_planned(output, run_id)]


def latest(output: Store) -> str:
    """The newest run that has a plan.

    Raises:
        InputError: there is none.
    """
    newest_first = reversed(run_folders(output))
    found = next((run_id for run_id in newest_first if _is_planned(output, run_id)), None)
    if found is None:
        raise InputError(f"no run below {output.uri}; 'nightscribe run' makes one")
    return found


def run_folders(output: Store) -> list[str]:
    """Every run that was begun, oldest first, by its folder; one may have died before its plan."""
    return [folder.split("/")[1] for folder in output.folders("runs/")]


def _is_planned(output: Store, run_id: str) -> bool:
    return output.stat(RunKeys(run_id=run_id).plan) is not None
