"""The ledger made again from the rows, which say all that it knows, and compared with it.

Rows of tables before schema version 4 have no ETag: their lines are taken from the ledger where it
still has them; elsewhere the next run takes those recordings for changed, and transcribes them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from batch.dataset_files import DataFile, read_files, steadily
from batch.datasets import newest
from batch.layout import HISTORY, LEDGER, TRANSCRIPTS, RunKeys
from batch.ledger import MOVED
from batch.parquet import parquet_bytes
from batch.runs import unfinished
from batch.schema import LEDGER as SCHEMA
from batch.schema import TRANSCRIPTS as ROWS
from batch.upkeep.moved_lines import lines_beside, lines_of_moves, moved_lines, owners
from batch.upkeep.tables import ledger_table
from manifests.storage import Store

_SAME = [name for name in SCHEMA.names if name != "run_id"]
_COLUMNS = [name for name in ROWS.names if name in _SAME and name != "channels"]
_COLUMNS += ["channel", "channel_mode", "run_id", "transcribed_at"]
_NAMED = 20


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One recording about which ledger and rows do not agree."""

    path: str
    id: str
    what: str


@dataclass(frozen=True, kw_only=True)
class Rebuilt:
    """What the rows say, and where the ledger said something else."""

    recordings: int
    """Recordings with a row; a path that one was moved from is none."""
    differences: int
    named: tuple[Difference, ...]
    """The first of them."""


def check_ledger(output: Store) -> Rebuilt:
    """Compare the ledger with the rows; of runs that are unfinished nothing is expected."""
    busy = unfinished(output)
    return _compared(_lines_of_rows(output, busy), _without(ledger_table(output), busy))


def rebuild_ledger(output: Store) -> Rebuilt:
    """Write the ledger anew from the rows; safe to repeat, and at no moment is a result missing.

    Under the claim only. Returns what was different before.
    """
    busy = unfinished(output)
    lines = _lines_of_rows(output, busy)
    found = _compared(lines, _without(ledger_table(output), busy))
    written = {RunKeys(run_id=run_id).ledger for run_id in busy}
    for run_id in sorted(pc.unique(lines["run_id"]).to_pylist()):
        key = RunKeys(run_id=run_id).ledger
        output.put(key, parquet_bytes(lines.filter(pc.equal(lines["run_id"], run_id))))
        written.add(key)
    for entry in list(output.list(LEDGER)):
        if entry.key not in written:
            output.delete(entry.key)
    return found


def lines_of(found: Rebuilt, *, rebuilt: bool) -> Iterator[str]:
    """A few lines for a terminal."""
    yield f"{found.recordings} recordings have rows"
    if not found.differences:
        yield "the ledger says what the rows say"
        return
    yield f"{found.differences} recordings differ:"
    for one in found.named:
        yield f"  {one.path}: {one.what}"
    if found.differences > len(found.named):
        yield f"  and {found.differences - len(found.named)} more"
    yield (
        "written anew" if rebuilt else "'nightscribe ledger --rebuild' writes it anew from the rows"
    )


def _lines_of_rows(output: Store, busy: Iterable[str]) -> pa.Table:
    """A line for each recording and run that has rows, and for each move."""

    def read(files: list[list[DataFile]]) -> tuple[pa.Table, pa.Table]:
        current, history = (read_files(output, one, ROWS, columns=_COLUMNS) for one in files)
        return current, history

    folders = [f"{TRANSCRIPTS}/", f"{HISTORY}/{TRANSCRIPTS}/"]
    current, history = steadily(output, folders, read)
    rows = _without(pa.concat_tables([current, history], promote_options="default"), busy)
    rows = rows.append_column("is_ok", pc.cast(pc.equal(rows["status"], "ok"), pa.int8()))
    rows = rows.sort_by([("id", "ascending"), ("run_id", "ascending"), ("channel", "ascending")])
    others = [name for name in rows.column_names if name not in ("id", "run_id")]
    wanted = [(name, "max" if name == "is_ok" else "first") for name in others]
    keep_nulls = pc.ScalarAggregateOptions(skip_nulls=False)
    grouped = rows.group_by(["id", "run_id"], use_threads=False).aggregate(
        [(name, how, keep_nulls if how == "first" else None) for name, how in wanted]
    )
    found = {name: grouped[f"{name}_{how}"] for name, how in wanted}
    split = pc.if_else(pc.is_valid(found["channel"]), "split", "mix")
    spoken = pc.equal(found["is_ok"], 1)
    found |= {
        "id": grouped["id"],
        "run_id": grouped["run_id"],
        "status": pc.if_else(spoken, "ok", found["status"]),
        "channels": pc.coalesce(found["channel_mode"], split),
        "attempts": pc.coalesce(found["attempts"], pa.scalar(1, pa.int32())),
    }
    lines = pa.table(found)
    ledger = _without(ledger_table(output), busy)
    moved = moved_lines(lines, current, ledger)
    # A row that was superseded by none of its id: the recording has another path, and another id.
    ids = pa.chunked_array([*current["id"].chunks, *moved["id"].chunks], pa.string())
    status = pc.if_else(pc.is_in(lines["id"], pc.unique(ids)), lines["status"], MOVED)
    lines = lines.set_column(lines.schema.get_field_index("status"), "status", status)
    lines = lines.select(SCHEMA.names).cast(SCHEMA)
    lines = _with_older_etags(lines, ledger)
    lines = pa.concat_tables([lines, moved], promote_options="default")
    return pa.concat_tables([lines, _older_of_moves(lines, ledger)])


def _older_of_moves(lines: pa.Table, ledger: pa.Table) -> pa.Table:
    """Lines that tell of moves and have no rows any more; a newer one of the same id decides."""
    older = lines_beside(lines_of_moves(ledger), lines)
    last = dict(zip(*(newest([lines])[name].to_pylist() for name in ("id", "run_id")), strict=True))
    told = zip(older["id"].to_pylist(), older["run_id"].to_pylist(), strict=True)
    return older.filter(pa.array([run < last.get(one, "") for one, run in told], pa.bool_()))


def _with_older_etags(lines: pa.Table, ledger: pa.Table) -> pa.Table:
    """Lines of the ledger in the place of those whose rows do not say which version they are of."""
    old = lines.filter(pc.is_null(lines["etag"]))
    known = ledger.filter(pc.is_in(owners(ledger), owners(old)))
    return pa.concat_tables([lines_beside(lines, known), known], promote_options="default")


def _without(table: pa.Table, runs: Iterable[str]) -> pa.Table:
    return table.filter(pc.invert(pc.is_in(table["run_id"], pa.array(list(runs), pa.string()))))


def _compared(lines: pa.Table, ledger: pa.Table) -> Rebuilt:
    """The newest line of each recording, on both sides: only those decide anything."""
    expected, there = newest([lines]), newest([ledger])
    # Which run found a recording elsewhere, no row says; and its old rows may have expired.
    expected, there = _without_run_of_moved(expected), _without_run_of_moved(there)
    gone = pc.invert(pc.is_in(there["id"], pc.unique(expected["id"])))
    there = there.filter(pc.invert(pc.and_(gone, pc.equal(there["status"], MOVED))))
    differences = sorted(_differences(expected, there), key=lambda one: one.path)
    return Rebuilt(
        recordings=pc.sum(pc.not_equal(expected["status"], MOVED)).as_py() or 0,
        differences=len(differences),
        named=tuple(differences[:_NAMED]),
    )


def _without_run_of_moved(lines: pa.Table) -> pa.Table:
    place = lines.schema.get_field_index("run_id")
    runs = pc.if_else(pc.equal(lines["status"], MOVED), "", lines["run_id"])
    return lines.set_column(place, SCHEMA.field("run_id"), runs)


def _differences(expected: pa.Table, there: pa.Table) -> Iterator[Difference]:
    equal = _texts(expected), _texts(there)
    mine = _by_id(expected.filter(pc.invert(pc.is_in(equal[0], equal[1]))))
    found = _by_id(there.filter(pc.invert(pc.is_in(equal[1], equal[0]))))
    for one in sorted(mine.keys() | found.keys()):
        row, line = mine.get(one), found.get(one)
        path = (row or line or {})["path"]
        if row is None:
            what = "has a line in the ledger, and no row"
        elif line is None:
            what = "has a row, and no line in the ledger"
        else:
            what = "; ".join(
                f"{name} is {row[name]!r} in the row, {line[name]!r} in the ledger"
                for name in SCHEMA.names
                if row[name] != line[name]
            )
        yield Difference(path=path, id=one, what=what)


def _texts(table: pa.Table) -> pa.Array:
    """Each line as one text, to find the few that differ without a loop over all."""
    values = [pc.coalesce(pc.cast(table[name], pa.string()), "\0") for name in SCHEMA.names]
    return pc.binary_join_element_wise(*values, "\1").combine_chunks()


def _by_id(table: pa.Table) -> dict[str, dict[str, Any]]:
    return {row["id"]: row for row in table.to_pylist()}
