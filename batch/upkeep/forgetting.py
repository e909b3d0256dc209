"""A recording forgotten: every trace of it removed, so that a crash is mended by doing it again.

What finds the rest comes last: pointers after the outputs that they name, the ledger's lines after
the rows. The audio stays unless its removal is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property, partial
from typing import Any

from batch.forgotten import Tombstone, names_of, put_tombstone, tombstone
from batch.golden import MARK
from batch.plan import read_plan
from batch.run import Runner
from batch.runs import remove_remains, unfinished
from batch.upkeep.erasing import erase, erase_ledger
from batch.upkeep.forget_target import target_of
from batch.upkeep.traces import (
    TABLES,
    Target,
    Traces,
    below,
    find_traces,
)
from manifests.errors import InputError, NightscribeError
from manifests.recordings import recording_id
from manifests.storage import Store, StoredObject


@dataclass(kw_only=True)
class Done:
    """What was deleted, or would be: counts, and the keys that changed or went."""

    id: str
    rows: dict[str, int] = field(default_factory=dict)
    runs: int = 0
    reports: tuple[str, ...] = ()
    reports_not_made: tuple[str, ...] = ()
    golden: int = 0
    exports: int = 0
    versions: int = 0
    audio: bool = False
    keys: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """As plain values."""
        return vars(self)

    def lines(self) -> Iterator[str]:
        """For a terminal."""
        for name, count in self.rows.items():
            yield f"{name:<22}{count} rows"
        yield f"{'runs':<22}{self.runs} with its pointers, outputs and counts"
        yield f"{'reports':<22}{len(self.reports)}"
        yield f"{'golden outputs':<22}{self.golden}"
        yield f"{'exported files':<22}{self.exports}"
        yield f"{'older versions':<22}{self.versions}"
        yield f"{'audio':<22}{'goes' if self.audio else 'stays'}"


@dataclass(kw_only=True)
class Forgetter:
    """Forgets one recording of a runner's output; ``warn`` gets what could not be made again."""

    runner: Runner
    target: Target
    audio: bool = False
    warn: Callable[[str], None]

    @property
    def output(self) -> Store:
        """Where the traces are."""
        return self.runner.output

    def preview(self) -> Done:
        """What would be deleted; nothing is.

        Raises:
            InputError: a run that is not finished may still write of it.
        """
        traces = find_traces(self.output, self.target)
        self._check_unfinished(traces)
        done = _counted(traces, audio=self.audio)
        done.versions = len(list(self._versions(done.keys)))
        return done

    def forget(self) -> Done:
        """Delete every trace; under the claim only.

        Raises:
            InputError: a run that is not finished may still write of it.
        """
        # What a run that was killed before its plan has written, no plan leads to.
        remove_remains(self.output)
        traces = find_traces(self.output, self.target)
        self._check_unfinished(traces)
        done = _counted(traces, audio=self.audio)
        earlier = tombstone(self.output, self.target.id)
        to_make = {*traces.reports, *(earlier.reports if earlier else ())}
        stone = Tombstone(
            id=self.target.id,
            at=datetime.now(UTC).isoformat(timespec="seconds"),
            names=earlier.names if earlier else self._names(),
            reports=tuple(sorted(to_make)),
            former=tuple(sorted(self.target.ids - {self.target.id})),
        )
        put_tombstone(self.output, stone)
        erase(self.output, traces)
        for folder, inner in traces.golden:
            golden = below(self.output, folder)
            erase(golden, inner)
            erase_ledger(golden, inner)
            # The set is scored again by the next run; its own recordings are its owner's.
            golden.delete(MARK)
        if self.audio:
            self.runner.planner.archive.delete(self._audio)
        done.reports_not_made = tuple(self._make_reports(stone))
        erase_ledger(self.output, traces)
        done.versions = self._remove_versions(done.keys)
        return done

    def _names(self) -> tuple[str, ...]:
        return tuple(sorted({name for path in self.target.paths for name in names_of(path)}))

    def _check_unfinished(self, traces: Traces) -> None:
        busy = set(unfinished(self.output)) & {trace.plan.run_id for trace in traces.runs}
        if busy:
            raise InputError(
                f"run {min(busy)} has planned this recording and is not finished: its job may "
                "still write of it; let 'nightscribe run' finish it, then forget the recording"
            )

    def _make_reports(self, stone: Tombstone) -> Iterator[str]:
        """Write reports again from what is left; yields those that could not be made."""
        left = list(stone.reports)
        for run_id in stone.reports:
            try:
                self.runner.report(read_plan(self.output, run_id))
            except NightscribeError as error:
                self.warn(f"the report of run {run_id} is deleted and not made again: {error}")
                yield run_id
            left.remove(run_id)
            put_tombstone(self.output, replace(stone, reports=tuple(left)))

    def _versions(self, touched: list[str]) -> Iterator[tuple[Store, StoredObject]]:
        """What a versioned bucket keeps of the objects, and of those that have gone before.

        Which of a table's older versions held the recording could only be told by reading each:
        all of them go.
        """
        keys, tables = set(touched), (*TABLES, "reports/", "runs/", "golden/")
        for entry in self.output.noncurrent():
            if entry.key in keys or entry.key.startswith(tables):
                yield self.output, entry
        if self.audio:
            archive, key = self.runner.planner.archive, self._audio
            for entry in archive.noncurrent(key):
                if entry.key == key:
                    yield archive, entry

    @cached_property
    def _audio(self) -> str:
        """The recording's key; a table's path has no bytes that are no text, a file's name may."""
        archive = self.runner.planner.archive
        if archive.stat(self.target.path) is not None:
            return self.target.path
        listed = (entry.key for entry in archive.list())
        found = (key for key in listed if recording_id(key) == self.target.id)
        return next(found, self.target.path)

    def _remove_versions(self, touched: list[str]) -> int:
        count = 0
        for store, entry in list(self._versions(touched)):
            store.delete_version(entry.key, entry.version or "null")
            count += 1
        return count


def _counted(traces: Traces, *, audio: bool) -> Done:
    rows: dict[str, int] = {}
    for trace in traces.tables:
        name = next(folder for folder in TABLES if trace.file.key.startswith(folder))
        rows[name.rstrip("/")] = rows.get(name.rstrip("/"), 0) + trace.rows
    keys = [trace.file.key for trace in traces.tables]
    for run in traces.runs:
        keys += [run.plan.keys.plan, *run.shards, *run.lines, *run.whole, *run.carried]
    keys += [*traces.files, *(f"reports/{run_id}/" for run_id in traces.reports)]
    keys += [folder for folder, _ in traces.golden]
    return Done(
        id=traces.target.id,
        rows=rows,
        runs=len(traces.runs),
        reports=traces.reports,
        golden=len(traces.golden),
        exports=len(traces.files),
        audio=audio,
        keys=keys,
    )


def forgetter(runner: Runner, name: str, *, audio: bool) -> Forgetter:
    """For the recording that a person means."""
    warn = partial(runner.listener.warn)
    return Forgetter(runner=runner, target=target_of(runner.config, name), audio=audio, warn=warn)
