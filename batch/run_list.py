"""Every run in one line: what its files say, without looking at its shards."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from batch.layout import RunKeys
from batch.plan import Plan
from batch.report.lines import hours
from batch.runs import run_folders
from manifests.errors import InputError, ObjectNotFoundError
from manifests.parallel import in_order
from manifests.storage import Store


@dataclass(frozen=True, kw_only=True)
class RunLine:
    """One run. Counts are of recordings; ``audio_seconds`` is the sound that was transcribed.

    ``state`` is ``finished``, ``unfinished`` (the next run goes on with it), ``given up`` or
    ``unreadable``; ``wall_seconds`` is how long its jobs took.
    """

    run_id: str
    dt: str
    state: str
    at: str = ""
    model: str = ""
    planned: int = 0
    ok: int = 0
    empty: int = 0
    errors: int = 0
    audio_seconds: float = 0.0
    wer: float | None = None
    wall_seconds: float | None = None

    def as_json(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)


def run_list(output: Store) -> list[RunLine]:
    """Every run, newest last: one small file read for each."""
    lines = in_order(lambda run_id: _line(output, run_id), run_folders(output))
    return [line for line in lines if line is not None]


def table_of(runs: list[RunLine]) -> Iterator[str]:
    """Lines for a terminal, with a head."""
    head = ("run", "when (UTC)", "model", "planned", "ok", "empty", "error", "audio", "WER", "took")
    rows = [head, *(_cells(one) for one in runs)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    for row, state in zip(rows, ("state", *(one.state for one in runs)), strict=True):
        cells = [
            cell.ljust(width) if column < 3 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield "  ".join([*cells, state])


def _cells(one: RunLine) -> tuple[str, ...]:
    wer = "" if one.wer is None else f"{one.wer:.2%}"
    took = "" if one.wall_seconds is None else hours(one.wall_seconds)
    counts = (str(n) for n in (one.planned, one.ok, one.empty, one.errors))
    when = one.at[:16].replace("T", " ")
    return (one.run_id, when, one.model, *counts, hours(one.audio_seconds), wer, took)


def _line(output: Store, run_id: str) -> RunLine | None:
    keys = RunKeys(run_id=run_id)
    try:
        summary = json.loads(output.read(keys.summary))
        if summary.get("abandoned"):
            return RunLine(run_id=run_id, dt=keys.dt, state="given up")
        return _finished(run_id, summary)
    except ObjectNotFoundError:
        return _unfinished(output, keys)
    except (ValueError, KeyError, TypeError):
        return RunLine(run_id=run_id, dt=keys.dt, state="unreadable")


def _finished(run_id: str, summary: dict[str, Any]) -> RunLine:
    statuses, timing = summary["statuses"], summary["timing"]
    return RunLine(
        run_id=run_id,
        dt=summary["dt"],
        state="finished",
        at=timing.get("started_at", ""),
        model=summary["model"],
        planned=summary["planned"],
        ok=statuses.get("ok", 0),
        empty=statuses.get("empty", 0),
        errors=statuses.get("error", 0),
        audio_seconds=summary["audio_seconds"],
        wer=summary["scores"]["wer"]["rate"],
        wall_seconds=timing.get("wall_seconds"),
    )


def _unfinished(output: Store, keys: RunKeys) -> RunLine | None:
    """A run without a summary; a folder without a plan is none, and is planned anew."""
    try:
        plan = Plan.from_json(output.read(keys.plan), name=keys.plan)
    except ObjectNotFoundError:
        return None
    except InputError:
        return RunLine(run_id=keys.run_id, dt=keys.dt, state="unreadable")
    return RunLine(
        run_id=keys.run_id,
        dt=plan.dt,
        state="unfinished",
        at=plan.created_at,
        model=plan.model,
        planned=plan.recordings,
    )
