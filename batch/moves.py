"""Recordings that were moved or renamed: the same content under a new path keeps its transcript.

A recording is known again only where nothing else is possible: its old path is gone, and its size
and change token are those of that one recording. S3's ETag says so of the content (of an object
that was encrypted anew it differs, and the recording is transcribed again). A file's token is its
time of change and its size: times that an unpacker may have set, whole milliseconds, do not count.
"""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from batch.dataset_files import OpenedFile, tables_of
from batch.datasets import read_rows, row_writer
from batch.layout import SEGMENTS, TRANSCRIPTS, RunKeys
from batch.ledger import MOVED, Ledger, Result
from batch.schema import LEDGER
from batch.schema import SEGMENTS as SEGMENTS_SCHEMA
from batch.schema import TRANSCRIPTS as TRANSCRIPTS_SCHEMA
from manifests.local_store import changed_at
from manifests.parallel import in_order
from manifests.recordings import Recording, path_as_text
from manifests.storage import Store

_DATASETS = {SEGMENTS: SEGMENTS_SCHEMA, TRANSCRIPTS: TRANSCRIPTS_SCHEMA}
_MILLISECOND = 1_000_000
_BATCH_ROWS = 1000


@dataclass(frozen=True, kw_only=True)
class Move:
    """A recording under its new path, and what is known of it under the old one."""

    recording: Recording
    before: Result


def found_again(
    recordings: Sequence[Recording], ledger: Ledger, archive: Store
) -> tuple[Move, ...]:
    """New recordings whose content the ledger knows under a path that is gone; reads nothing."""
    places = ledger.places([one.id for one in recordings])
    fresh = [recordings[n] for n in np.flatnonzero(places < 0).tolist()]
    known: dict[tuple[str, int], list[Result]] = defaultdict(list)
    for result in ledger.beside(places, {one.etag for one in fresh}):
        # Of a name that is no text nobody can say whether it is gone.
        told = result.etag is not None and result.size and "\ufffd" not in result.path
        if told and result.error_kind is None:
            known[result.etag or "", result.size or 0].append(result)
    wanting: dict[tuple[str, int], list[Recording]] = defaultdict(list)
    for one in fresh:
        if (one.etag, one.size) in known and _tells(archive, one):
            wanting[one.etag, one.size].append(one)
    pairs = [
        Move(recording=found[0], before=known[content][0])
        for content, found in wanting.items()
        if len(found) == len(known[content]) == 1
    ]
    # What [archive] include leaves out now is still there.
    there = in_order(lambda one: archive.stat(one.before.path) is not None, pairs)
    return tuple(one for one, stays in zip(pairs, there, strict=True) if not stays)


def _tells(archive: Store, one: Recording) -> bool:
    """Whether the change token can be of this content alone."""
    return not archive.uri.startswith("file://") or changed_at(one.etag) % _MILLISECOND != 0


def carry_over(
    output: Store, keys: RunKeys, moves: Sequence[Move], carried: Mapping[str, Mapping[str, str]]
) -> frozenset[str]:
    """Write the moved recordings' rows as they will stand, into the run's folder.

    Collection takes them from there however often it is repeated: the old rows are in history then.
    ``carried`` has the metadata of those that keep their transcript, by the new id; the others are
    transcribed anew, and only their old rows go.

    Returns the new ids of those whose rows were there.
    """
    if not moves:
        return frozenset()
    found: set[str] = set()
    by_run: dict[str, dict[str, Move]] = defaultdict(dict)
    for move in moves:
        if move.recording.id in carried:
            by_run[move.before.run_id][move.before.id] = move
    for name, schema in _DATASETS.items():
        with row_writer(schema) as rows:
            for run_id, of_run in by_run.items():
                for row in read_rows(output, name, ids=set(of_run), run_id=run_id).to_pylist():
                    one = of_run[row["id"]].recording
                    rows.add([_renamed(row, one, keys, carried[one.id])])
                    if name == TRANSCRIPTS:
                        found.add(one.id)
            output.put(keys.moved(name), rows.close())
    with row_writer(LEDGER) as lines:
        for move in moves:
            lines.add(map(asdict, _results(move, keys, keeps=move.recording.id in found)))
        output.put(keys.moved_ledger, lines.close())
    return frozenset(found)


def _renamed(
    row: dict[str, Any], one: Recording, keys: RunKeys, meta: Mapping[str, str]
) -> dict[str, Any]:
    path = path_as_text(one.path)
    changed: dict[str, Any] = {"id": one.id, "uri": one.uri, "path": path, "run_id": keys.run_id}
    if "meta" in row and meta:
        changed["meta"] = list(meta.items())
    if "version" in row:
        changed["version"] = one.version
    return {**row, **changed}


def _results(move: Move, keys: RunKeys, *, keeps: bool) -> Iterator[Result]:
    """The old id's line, which says that it has no row any more, and the new one's."""
    one = move.recording
    yield replace(move.before, status=MOVED, run_id=keys.run_id)
    if keeps:
        path = path_as_text(one.path)
        yield replace(move.before, id=one.id, path=path, version=one.version, run_id=keys.run_id)


@dataclass(frozen=True, kw_only=True)
class Carried:
    """What ``carry_over`` left for a run's collection."""

    output: Store
    keys: RunKeys

    def results(self) -> Iterator[Result]:
        """Lines of the ledger: of the new ids, and of the old ones that they moved."""
        for row in self._rows(self.keys.moved_ledger):
            yield Result(**row)

    def kept(self) -> Iterator[Result]:
        """Lines of the new ids alone."""
        return (one for one in self.results() if one.status != MOVED)

    def ids(self) -> set[str]:
        """Recordings that kept their transcript: the run has rows of them that it did not make."""
        return {one.id for one in self.kept()}

    def rows(self, name: str, wanted: Callable[[str], bool]) -> Iterator[dict[str, Any]]:
        """Rows of a dataset whose id is wanted."""
        for row in self._rows(self.keys.moved(name)):
            if wanted(row["id"]):
                yield row

    def _rows(self, key: str) -> Iterator[dict[str, Any]]:
        if self.output.stat(key) is None:
            return
        opened = OpenedFile.of(io.BytesIO(self.output.read(key)), self.output.uri_of(key))
        for table in tables_of(opened):
            for batch in table.to_batches(max_chunksize=_BATCH_ROWS):
                yield from batch.to_pylist()
