"""The runs below an output location: their names, and which of them are unfinished."""

from __future__ import annotations

from datetime import date

from batch.layout import LEDGER, RunKeys
from manifests.errors import InputError
from manifests.storage import Store

# One small object for each unfinished run: finding them must not mean listing every night's shards.
# It is written after the plan: a run killed in between is planned anew, and nothing is lost.
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
    found: list[str] = []
    for entry in list(output.list(PENDING)):
        run_id = entry.key[len(PENDING) :]
        keys = RunKeys(run_id=run_id)
        if output.stat(keys.plan) is None or output.stat(keys.summary) is not None:
            # Killed between the summary and the removal of this mark.
            mark_finished(output, run_id)
        else:
            found.append(run_id)
    return found


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
