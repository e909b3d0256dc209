"""Which run found a recording elsewhere: what the ledger says of it, and what the rows tell."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from batch.ledger import MOVED
from batch.schema import LEDGER

Owner = tuple[str, str]
"""Id and run."""


def moved_lines(lines: pa.Table, current: pa.Table, ledger: pa.Table) -> pa.Table:
    """Lines of what was moved, each once.

    Args:
        lines: one for each id and run that has rows, with ``transcribed_at``.
        current: ``id`` and ``run_id`` of the rows that are not history.
        ledger: the lines that are there. History may have expired, which would tell it, too.
    """
    there = ledger.filter(pc.equal(ledger["status"], MOVED))
    told = _with_contents_of_several(lines)
    ids = pc.unique(pa.chunked_array([*told["id"].chunks, *there["id"].chunks], pa.string()))
    written, now = _runs(lines, ids), _runs(current, ids)
    found = {_owner(row): row for row in _moved(told.to_pylist(), written, now)}
    for row in there.to_pylist():
        # A row that is current since before has not been moved.
        stays = any(run_id < row["run_id"] for run_id in now[row["id"]])
        if not stays and row["run_id"] not in written[row["id"]]:
            found[_owner(row)] = row
    rows = [{name: row[name] for name in LEDGER.names} for row in found.values()]
    return pa.Table.from_pylist(rows, LEDGER)


def lines_of_moves(ledger: pa.Table) -> pa.Table:
    """Lines of what was moved, and of the same content under other paths; each once.

    They say where a recording went, also when it has changed since and its history has expired.
    """
    is_moved = pc.equal(ledger["status"], MOVED)
    moved, others = ledger.filter(is_moved), ledger.filter(pc.invert(is_moved))
    elsewhere = pc.and_(
        pc.is_in(_contents(others), pc.unique(_contents(moved))),
        pc.invert(pc.is_in(_contents(others, "id"), _contents(moved, "id"))),
    )
    lines = pa.concat_tables([moved, others.filter(elsewhere)])
    places = pa.table({"owner": owners(lines), "place": pa.array(range(len(lines)), pa.int64())})
    first = places.group_by("owner", use_threads=False).aggregate([("place", "min")])
    return lines.take(first["place_min"])


def lines_beside(lines: pa.Table, others: pa.Table) -> pa.Table:
    """Lines of an id and run of which ``others`` has none."""
    return lines.filter(pc.invert(pc.is_in(owners(lines), owners(others))))


def owners(lines: pa.Table) -> pa.Array:
    """Id and run of each line, in one text."""
    return pc.binary_join_element_wise(lines["id"], lines["run_id"], " ").combine_chunks()


def _contents(lines: pa.Table, *more: str) -> pa.Array:
    """Change token and size, and ``more``, in one text."""
    names = ("etag", "size", *more)
    parts = [pc.fill_null(pc.cast(lines[name], pa.string()), "") for name in names]
    return pc.binary_join_element_wise(*parts, " ").combine_chunks()


def _with_contents_of_several(lines: pa.Table) -> pa.Table:
    """Lines whose transcript stands, or stood, under more than one id."""
    lines = lines.filter(pc.is_valid(lines["etag"]))
    parts = [pc.cast(lines[name], pa.string()) for name in ("etag", "size", "transcribed_at")]
    lines = lines.append_column("content", pc.binary_join_element_wise(*parts, " "))
    counted = lines.group_by("content", use_threads=False).aggregate([("id", "count_distinct")])
    several = counted.filter(pc.greater(counted["id_count_distinct"], 1))
    return lines.filter(pc.is_in(lines["content"], several["content"].combine_chunks()))


def _moved(
    told: list[dict[str, Any]],
    written: Mapping[str, set[str]],
    now: Mapping[str, set[str]],
) -> Iterator[dict[str, Any]]:
    """What the next run has under another id, before the recording had another row of its own."""
    by_content: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in told:
        by_content[row["content"]].append(row)
    for rows in by_content.values():
        for row in rows:
            one, run_id = _owner(row)
            elsewhere = [r["run_id"] for r in rows if r["id"] != one and r["run_id"] > run_id]
            if not elsewhere or run_id in now[one]:
                continue
            moving = min(elsewhere)
            if not any(run_id < own <= moving for own in written[one]):
                yield {**row, "status": MOVED, "run_id": moving}


def _runs(table: pa.Table, ids: pa.Array) -> Mapping[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    chosen = table.select(["id", "run_id"]).filter(pc.is_in(table["id"], ids))
    for row in chosen.to_pylist():
        found[row["id"]].add(row["run_id"])
    return found


def _owner(row: Mapping[str, Any]) -> Owner:
    return row["id"], row["run_id"]
