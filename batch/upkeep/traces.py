"""Where a recording has left traces below an output: tables, runs, reports, exported files."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath

from batch.bodies.index import read_index
from batch.dataset_files import DataFile, opened, remove_hidden, tables_of
from batch.exports import FORMATS, safe_name
from batch.layout import HISTORY, LEDGER, SEGMENTS, TRANSCRIPTS, RunKeys
from batch.moves import Carried
from batch.parquet import read_parquet
from batch.plan import Plan, read_plan
from batch.runs import run_ids
from batch.upkeep.retention import shards_removed
from batch.upkeep.tables import files_with, rows_with
from manifests.errors import NightscribeError
from manifests.parallel import read_ahead
from manifests.pointers import read_pointers
from manifests.storage import Store, open_store

TABLES = (
    f"{TRANSCRIPTS}/",
    f"{SEGMENTS}/",
    f"{HISTORY}/{TRANSCRIPTS}/",
    f"{HISTORY}/{SEGMENTS}/",
    LEDGER,
)
# Of what lies below an output, only these folders can hold files that a person put there.
_OURS = frozenset(
    {
        *("canaries", "claim", "driver", "endpoint", "forgotten", "golden", "history", "ledger"),
        *("models", "nights", "pending", "reports", "runs", "schedules", "segments"),
        *("training", "transcripts"),
    }
)


@dataclass(frozen=True, kw_only=True)
class Target:
    """The recording that is to be forgotten; ``former``: ids and paths that it was moved from."""

    id: str
    path: str
    former: tuple[tuple[str, str], ...] = ()

    @property
    def ids(self) -> frozenset[str]:
        """All ids that it ever had."""
        return frozenset((self.id, *(one for one, _ in self.former)))

    @property
    def paths(self) -> tuple[str, ...]:
        """All paths that it ever had."""
        return (self.path, *(path for _, path in self.former))

    def is_in(self, data: bytes) -> bool:
        """Whether something written by this program can speak of it."""
        return any(one.encode() in data for one in self.ids)


@dataclass(frozen=True, kw_only=True)
class TableTrace:
    """Rows of the recording in one file."""

    file: DataFile
    rows: int


@dataclass(frozen=True, kw_only=True)
class RunTrace:
    """What a run has of the recording: keys of its shards and of what answered them."""

    plan: Plan
    shards: tuple[str, ...]
    lines: tuple[str, ...]
    """Objects that hold its lines beside others'."""
    whole: tuple[str, ...]
    """Objects that are of it alone."""
    carried: tuple[str, ...]
    """Tables of what was moved."""
    left: int
    """Recordings that the plan keeps; without its shards, its rows say which were in it."""


@dataclass(frozen=True, kw_only=True)
class Traces:
    """Everything below one output that speaks of a recording."""

    target: Target
    tables: tuple[TableTrace, ...] = ()
    runs: tuple[RunTrace, ...] = ()
    reports: tuple[str, ...] = ()
    """Runs whose report names it."""
    files: tuple[str, ...] = ()
    """Exported transcripts."""
    golden: tuple[tuple[str, Traces], ...] = field(default=())
    """Outputs of the golden set, by folder, with what they have."""

    @property
    def any(self) -> bool:
        """Whether there is anything at all."""
        return bool(self.tables or self.runs or self.reports or self.files or self.golden)


def find_traces(output: Store, target: Target, *, inner: bool = False) -> Traces:
    """Look everywhere; nothing is written. ``inner``: an output of the golden set."""
    return Traces(
        target=target,
        tables=tuple(_in_tables(output, target)),
        runs=tuple(_in_runs(output, target)),
        reports=tuple(_in_reports(output, target)),
        files=() if inner else tuple(_exported(output, target)),
        golden=() if inner else tuple(_in_golden(output, target)),
    )


def _in_tables(output: Store, target: Target) -> Iterator[TableTrace]:
    for folder in TABLES:
        for entry in output.list(folder):
            file = DataFile(key=entry.key, size=entry.size, etag=entry.etag)
            if rows := _count(output, file, target):
                yield TableTrace(file=file, rows=rows)


def _count(output: Store, file: DataFile, target: Target) -> int:
    with opened(output, file) as parquet:
        found = tables_of(parquet, columns=["id"], ids=target.ids)
        return sum(len(table) for table in found)


def _in_runs(output: Store, target: Target) -> Iterator[RunTrace]:
    for run_id in run_ids(output):
        keys = RunKeys(run_id=run_id)
        names = [entry.key for entry in output.list(keys.shards)]
        shards = dict(zip(names, read_ahead(output, names), strict=True))
        trace = _run_trace(output, target, read_plan(output, run_id), shards)
        if trace.shards or trace.carried or target.ids & trace.plan.attempts.keys():
            yield trace


def _run_trace(output: Store, target: Target, plan: Plan, shards: dict[str, bytes]) -> RunTrace:
    holding = [key for key, data in shards.items() if target.is_in(data)]
    names = {PurePosixPath(key).name for key in holding}
    staged = [plan.keys.staged + name for name in sorted(names)]
    staged = [key for key in staged if output.stat(key) is not None]
    bodies = {
        body
        for key in staged
        for one in read_index(output.read(key))
        if one.record.id in target.ids
        for body in one.bodies
    }
    outs = [entry.key for entry in output.list(plan.keys.out)]
    answers = {key: PurePosixPath(key).name.removesuffix(".out") for key in outs}
    return RunTrace(
        plan=plan,
        shards=tuple(holding),
        lines=(*staged, *(key for key, name in answers.items() if name in names)),
        whole=(
            *(key for key, name in answers.items() if name in bodies),
            *(one.key for one in output.list(plan.keys.bodies) if _name(one.key) in bodies),
        ),
        carried=tuple(_carried(output, plan, target)),
        left=_left(output, target, plan, shards),
    )


def _carried(output: Store, plan: Plan, target: Target) -> Iterator[str]:
    for entry in output.list(plan.keys.moved_folder):
        file = DataFile(key=entry.key, size=entry.size, etag=entry.etag)
        if _count(output, file, target):
            yield entry.key


def _name(key: str) -> str:
    return key.rpartition("/")[2]


def _left(output: Store, target: Target, plan: Plan, shards: dict[str, bytes]) -> int:
    if shards_removed(output, plan) is not None:
        if target.ids.isdisjoint(plan.attempts) and not any(map(target.is_in, shards.values())):
            return plan.recordings
        files = files_with(output, TRANSCRIPTS, plan.run_id)
        rows = rows_with(output, TRANSCRIPTS, plan.run_id, files, ["id", "run_id"])
        return plan.recordings - len(target.ids & set(rows["id"].to_pylist()))
    planned = (shards.get(plan.keys.shards + shard.name, b"") for shard in plan.shards)
    texts = (read_pointers(data.decode(), name="shard") for data in planned)
    ids = {pointer.id for pointers in texts for pointer in pointers}
    return len((ids | Carried(output=output, keys=plan.keys).ids()) - target.ids)


def _in_reports(output: Store, target: Target) -> Iterator[str]:
    """Runs whose report is about it; one whose scores cannot be read may be."""
    for folder in output.folders("reports/"):
        try:
            scores = read_parquet(output.read(f"{folder}scores.parquet"), columns=["id"])
            named = not target.ids.isdisjoint(scores["id"].to_pylist())
        except (NightscribeError, ValueError, OSError):
            named = True
        if named:
            yield folder.split("/")[1]


def _exported(output: Store, target: Target) -> Iterator[str]:
    """Files of 'nightscribe export', whose names are made of the recording's."""
    stems = [safe_name(path) for path in target.paths]
    for folder in output.folders():
        if folder.rstrip("/") in _OURS:
            continue
        for entry in output.list(folder):
            if any(_is_export(_name(entry.key), stem) for stem in stems):
                yield entry.key


def _is_export(name: str, stem: str) -> bool:
    channel, _, form = name.removeprefix(stem).rpartition(".")
    return name.startswith(stem) and form in FORMATS and _is_channel(channel)


def _is_channel(text: str) -> bool:
    return not text or text.removeprefix(".channel-").isdigit()


def _in_golden(output: Store, target: Target) -> Iterator[tuple[str, Traces]]:
    for group in output.folders("golden/"):
        for folder in output.folders(group):
            found = find_traces(below(output, folder), target, inner=True)
            if found.any:
                yield folder, found


def below(output: Store, folder: str) -> Store:
    """An output that lies in a folder of another, under the same claim."""
    return open_store(output.uri_of(folder), before_write=output.before_write)


def settled(output: Store, traces: Traces) -> Traces:
    """The traces in tables once mergers that were cut short are finished."""
    for folder in TABLES:
        remove_hidden(output, folder)
    return replace(traces, tables=tuple(_in_tables(output, traces.target)))


def lines_without(data: bytes, target: Target) -> bytes:
    """JSON lines without those of the recording."""
    kept = [line for line in data.split(b"\n") if not _is_of(line, target)]
    return b"\n".join(kept)


def _is_of(line: bytes, target: Target) -> bool:
    if not target.is_in(line):
        return False
    try:
        content = json.loads(line)
    except ValueError:
        return True
    return not target.ids.isdisjoint((content.get("id"), content.get("record", {}).get("id")))
