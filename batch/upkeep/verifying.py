"""Whether a run kept its promises: plan = rows, counts, checksums, and the sound still the same."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from batch.checksums import checksums
from batch.dataset_files import DataFile, data_files
from batch.datasets import newest, read_rows
from batch.layout import LEDGER, SEGMENTS, TRANSCRIPTS
from batch.ledger import MOVED
from batch.moves import Carried
from batch.parquet import is_intact
from batch.plan import Plan, read_plan, read_shard
from batch.upkeep.tables import files_with, ledger_table, rows_with
from batch.upkeep.verify_rows import (
    ROW,
    SEGMENT,
    Finding,
    Rows,
    by_recording,
    check_counts,
    check_plan,
    check_segments,
)
from manifests.errors import ObjectNotFoundError
from manifests.hashing import sha256_of
from manifests.recordings import recording_id
from manifests.storage import Store, open_store


@dataclass(frozen=True, kw_only=True)
class Verified:
    """What was looked at, and what does not hold; ``notes`` could not be looked at."""

    run_id: str
    recordings: int = 0
    rows: int = 0
    files: int = 0
    sounds: int = 0
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)

    def lines(self) -> Iterator[str]:
        """For a terminal: one line where all holds, else one for each finding."""
        looked = f"{self.recordings} recordings, {self.rows} rows, {self.files} files"
        sounds = f", {self.sounds} sounds" if self.sounds else ""
        found = f"{len(self.findings)} findings" if self.findings else "all holds"
        yield f"run {self.run_id}: {looked}{sounds}: {found}"
        yield from (f"  {one.line()}" for one in self.findings)
        yield from (f"  not looked at: {note}" for note in self.notes)


@dataclass(kw_only=True)
class Verifier:
    """Verifies runs of an output; the archive and the ledger are read once for all of them."""

    output: Store
    audio: bool = True
    _listings: dict[str, dict[str, tuple[str, int]]] = field(default_factory=dict)

    def verify(self, run_id: str) -> Verified:
        """Look at everything that a run left.

        Raises:
            InputError: there is no such run.
        """
        plan = read_plan(self.output, run_id)
        summary = self.json(plan.keys.summary)
        if summary is None:
            return _nothing(run_id, Finding(what="run", problem="is not finished"))
        if summary.get("abandoned"):
            return self._given_up(plan)
        return _OfRun(verifier=self, plan=plan, summary=summary).verified()

    def newest_lines(self, ids: Collection[str]) -> dict[str, Mapping[str, Any]]:
        """The newest line of the ledger of some recordings, by id."""
        table = self._newest_lines
        chosen = table.filter(pc.is_in(table["id"], pa.array(sorted(ids), pa.string())))
        return {row["id"]: row for row in chosen.to_pylist()}

    @cached_property
    def _newest_lines(self) -> pa.Table:
        lines = newest([ledger_table(self.output)])
        return lines.select(["id", "etag", "size", "attempts", "status", "run_id"])

    def listing(self, archive_uri: str) -> dict[str, tuple[str, int]]:
        """ETag and size of everything in an archive, by id."""
        if archive_uri not in self._listings:
            listed = open_store(archive_uri).list()
            self._listings[archive_uri] = {
                recording_id(one.key): (one.etag, one.size) for one in listed
            }
        return self._listings[archive_uri]

    def _given_up(self, plan: Plan) -> Verified:
        files = files_with(self.output, TRANSCRIPTS, plan.run_id)
        left = len(rows_with(self.output, TRANSCRIPTS, plan.run_id, files, ["id", "run_id"]))
        found = [Finding(what="run", problem=f"was given up, and has {left} rows")] if left else []
        return _nothing(plan.run_id, *found)

    def json(self, key: str) -> dict[str, Any] | None:
        """A JSON file of the output; None where it is not there."""
        try:
            found: dict[str, Any] = json.loads(self.output.read(key))
        except ObjectNotFoundError:
            return None
        return found


@dataclass(kw_only=True)
class _OfRun:
    verifier: Verifier
    plan: Plan
    summary: Mapping[str, Any]
    notes: list[str] = field(default_factory=list)
    files: int = 0
    sounds: int = 0

    @property
    def output(self) -> Store:
        return self.verifier.output

    @property
    def tidied(self) -> Mapping[str, Any]:
        """What retention removed."""
        return self.verifier.json(self.plan.keys.tidied) or {}

    def verified(self) -> Verified:
        damaged = list(self._damaged())
        findings = [*damaged, *self._report()]
        if damaged:
            self.notes.append("rows and counts, because tables are damaged")
            return self._made(Rows(by_id={}), 0, findings)
        rows, planned = self._rows(), self._planned()
        tidied = planned is None
        if planned is None:
            planned = {one: found[0]["path"] for one, found in rows.by_id.items()}
            self.notes.append("the plan's recordings, whose shards were removed by [retention]")
        rows = self._with_later(rows, planned)
        findings += check_plan(planned, rows)
        if not tidied and len(planned) != self.plan.recordings:
            problem = f"{self.plan.recordings} recordings, its shards have {len(planned)}"
            findings.append(Finding(what="plan.json", problem=problem))
        findings += [*self._segments(rows), *self._counts(rows), *self._ledger(rows)]
        if self.verifier.audio:
            findings += self._audio(rows)
        return self._made(rows, len(planned), findings)

    def _made(self, rows: Rows, planned: int, findings: Sequence[Finding]) -> Verified:
        return Verified(
            run_id=self.plan.run_id,
            recordings=planned,
            rows=rows.count,
            files=self.files,
            sounds=self.sounds,
            findings=tuple(findings),
            notes=tuple(self.notes),
        )

    def _damaged(self) -> Iterator[Finding]:
        """Tables whose bytes are not those that were written."""
        run_id = self.plan.run_id
        ledger = data_files(self.output, LEDGER)
        files: list[DataFile] = [
            *files_with(self.output, TRANSCRIPTS, run_id),
            *files_with(self.output, SEGMENTS, run_id),
            *(one for one in ledger if one.is_merged or one.may_hold(run_id)),
        ]
        silent = 0
        for file in files:
            with self.output.open(file.key) as stream:
                intact = is_intact(stream)
            self.files += 1
            silent += intact is None
            if intact is False:
                yield Finding(
                    what=file.key, problem="is not what was written: its checksum differs"
                )
        if silent:
            self.notes.append(f"checksums of {silent} tables that an older version wrote")

    def _report(self) -> Iterator[Finding]:
        noted = checksums(self.output, self.plan.keys)
        if noted is None or self.tidied.get("reports"):
            self.notes.append("the report, whose checksums are not noted")
            return
        mend = f"'nightscribe report ... {self.plan.run_id}' writes it again"
        for key, digest in noted.items():
            self.files += 1
            try:
                if sha256_of(self.output.read(key)) != digest:
                    yield Finding(what=key, problem=f"is not what was written; {mend}")
            except ObjectNotFoundError:
                yield Finding(what=key, problem=f"is not there; {mend}")

    def _rows(self) -> Rows:
        run_id = self.plan.run_id
        files = files_with(self.output, TRANSCRIPTS, run_id)
        rows = rows_with(self.output, TRANSCRIPTS, run_id, files, ROW)
        return Rows(by_id=by_recording(rows.to_pylist()))

    def _with_later(self, rows: Rows, planned: Mapping[str, str]) -> Rows:
        """The ledger says which recordings a later run took on; without a row here, it has one.

        Of what it moved, the row is under another id.
        """
        lines = self.verifier.newest_lines({*planned, *rows.by_id})
        later = {one for one, line in lines.items() if line["run_id"] > self.plan.run_id}
        moved = {one for one in later if lines[one]["status"] == MOVED}
        gone = later - rows.by_id.keys() - moved
        found = read_rows(self.output, TRANSCRIPTS, ids=gone, columns=["id"])["id"].to_pylist()
        return Rows(by_id=rows.by_id, later=frozenset(later - (gone - set(found))))

    def _planned(self) -> dict[str, str] | None:
        """Paths by id, as the shards have them; None where retention has removed those."""
        if self.tidied.get("shards"):
            return None
        archive = open_store(self.plan.archive_uri)
        planned = {
            pointer.id: os.fsencode(archive.key_of(pointer.uri)).decode("utf-8", "replace")
            for shard in self.plan.shards
            for pointer in read_shard(self.output, self.plan.keys, shard.name)
        }
        carried = Carried(output=self.output, keys=self.plan.keys).kept()
        return planned | {one.id: one.path for one in carried}

    def _segments(self, rows: Rows) -> Iterator[Finding]:
        run_id = self.plan.run_id
        files = files_with(self.output, SEGMENTS, run_id)
        found: pa.Table = rows_with(self.output, SEGMENTS, run_id, files, SEGMENT)
        yield from check_segments(rows, found.to_pylist())

    def _counts(self, rows: Rows) -> Iterator[Finding]:
        collected = self.verifier.json(self.plan.keys.collected)
        if collected is None:
            yield Finding(what="collected.json", problem="is not there")
            return
        forgotten = self.plan.forgotten
        # What it superseded is counted anew by each collection: the second finds it done.
        for key in sorted(collected.keys() - {"superseded"}):
            if self.summary.get(key) != collected[key]:
                problem = f"{key} is {self.summary.get(key)}, collected.json has {collected[key]}"
                yield Finding(what="summary.json", problem=problem)
        if len(rows.by_id) < collected["recordings"]:
            self.notes.append("the counts: some of its rows were superseded and are gone")
        elif 0 < sum(collected["statuses"].values()) - collected["recordings"] <= forgotten:
            self.notes.append("the counts: rows had expired before their recordings were forgotten")
        else:
            yield from check_counts("collected.json", collected, rows)

    def _ledger(self, rows: Rows) -> Iterator[Finding]:
        lines = self.verifier.newest_lines(rows.by_id)
        for one, found in rows.by_id.items():
            row, line = found[0], lines.get(one)
            if one in rows.later:
                continue
            if line is None or line["run_id"] != row["run_id"]:
                yield Finding(what=row["path"], problem="its row is not what the ledger speaks of")
            elif row["etag"] is not None and any(
                row[name] != line[name] for name in ("etag", "size", "attempts")
            ):
                yield Finding(what=row["path"], problem="its row and the ledger name two versions")

    def _audio(self, rows: Rows) -> Iterator[Finding]:
        """Sound that is no more what was transcribed; of current rows only."""
        listing = self.verifier.listing(self.plan.archive_uri)
        lines = self.verifier.newest_lines(rows.by_id)
        for one, found in rows.by_id.items():
            row, line = found[0], lines.get(one)
            etag = row["etag"] or (line and line["etag"])
            if one in rows.later or etag is None:
                continue
            self.sounds += 1
            if one not in listing:
                yield Finding(what=row["path"], problem="the recording is gone from the archive")
            elif listing[one] != (etag, row["size"]):
                problem = "the recording has changed since it was transcribed"
                yield Finding(what=row["path"], problem=f"{problem}; the next run takes it on")


def _nothing(run_id: str, *findings: Finding) -> Verified:
    return Verified(run_id=run_id, findings=findings)
