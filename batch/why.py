"""Why a recording has the row that it has: in the archive, in the ledger, in the rows, and next."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal

import pyarrow.compute as pc

from batch.bundles import configured_bundle
from batch.config import Config
from batch.forgotten import tombstone
from batch.layout import HISTORY, LEDGER, TRANSCRIPTS, RunKeys
from batch.ledger import Result
from batch.parquet import read_parquet
from batch.report.lines import printable
from batch.runs import unfinished
from batch.selection import MAX_ATTEMPTS, Chosen, Reason, Rest, Settings, judge
from batch.survey import settled_by
from manifests.errors import InputError, NightscribeError
from manifests.matching import Matcher
from manifests.recordings import Recording, list_recordings, recording_id
from manifests.storage import Store, open_store

_ROW = ["id", "channel", "status", "error_kind", "error_message", "model", "model_digest"]
_ROW += ["decode_digest", "run_id", "transcribed_at"]
_NEXT = {
    Reason.NEW: "transcribes it: it has no result yet",
    Reason.CHANGED: "transcribes it: it has changed since its result",
    Reason.MODEL: "transcribes it: its result was made with another model or setting",
    Reason.RETRY: "tries it again",
    Rest.DONE: "leaves it alone: it has the result of this version, model and setting",
    Rest.FINAL_ERROR: "leaves it alone: trying again would not mend this error",
    Rest.TRIED_OUT: f"leaves it alone: it was tried {MAX_ATTEMPTS} times",
    Rest.OTHER_SETTINGS: (
        "leaves it alone: its result is of another model or setting "
        '([run] on_model_change = "all" would transcribe it)'
    ),
    Rest.SETTLING: "waits: it came so lately that it may still be written to",
    Rest.FORGOTTEN: "leaves it alone: it was forgotten ('nightscribe forget --lift' ends that)",
}


@dataclass(frozen=True, kw_only=True)
class Why:
    """All that is known of one recording."""

    path: str
    id: str
    recording: Recording | None
    """As the archive has it; None where it is not there, or not included."""
    there: Literal["included", "not included", "gone"]
    result: Result | None
    rows: list[dict[str, Any]]
    history: list[dict[str, Any]]
    unfinished: list[str]
    """Runs under way that may have it."""
    next: str

    def as_json(self) -> dict[str, Any]:
        """Everything as plain values."""
        listed = None
        if self.recording is not None:
            modified = self.recording.modified
            listed = {
                "uri": self.recording.uri,
                "size": self.recording.size,
                "etag": self.recording.etag,
                "modified": modified.isoformat() if modified else None,
            }
        return {
            "path": self.path,
            "id": self.id,
            "archive": self.there,
            "recording": listed,
            "result": asdict(self.result) if self.result else None,
            "rows": [_plain(row) for row in self.rows],
            "history": [_plain(row) for row in self.history],
            "unfinished": self.unfinished,
            "next_run": self.next,
        }


def why(config: Config, name: str) -> Why:
    """Look a recording up everywhere; nothing is written.

    Raises:
        InputError: neither the archive nor the ledger knows it, or the name fits several.
    """
    archive, output = open_store(config.archive.uri), open_store(config.output.uri)
    path = _path(config, archive, output, name)
    one = recording_id(path)
    recording = _listed(config, archive, path)
    result = _result(output, one)
    there: Literal["included", "not included", "gone"] = "included"
    if recording is None:
        there = "not included" if archive.stat(path) is not None else "gone"
    return Why(
        path=path,
        id=one,
        recording=recording,
        there=there,
        result=result,
        rows=_current(output, one, result),
        history=_superseded(output, one),
        unfinished=unfinished(output),
        next=_next(config, output, recording, result),
    )


def lines_of(found: Why) -> Iterator[str]:
    """A few lines for a terminal."""
    yield f"recording       {printable(found.path)} (id {found.id})"
    yield f"archive         {_archive_line(found)}"
    for row in found.rows:
        yield f"row             {_row_line(row)}"
    if not found.rows:
        yield "row             none"
    if found.result is not None and found.result.error_kind:
        yield f"tried           {found.result.attempts} of at most {MAX_ATTEMPTS} times"
    for row in found.history:
        yield f"before          {_row_line(row)}"
    for run_id in found.unfinished:
        yield f"under way       run {run_id} is not finished and may have it"
    yield f"next run        {found.next}"


def _archive_line(found: Why) -> str:
    if found.recording is not None:
        modified = found.recording.modified
        when = f", changed {modified:%Y-%m-%d %H:%M} UTC" if modified else ""
        return f"there, {found.recording.size:,} bytes{when}"
    if found.there == "not included":
        return "there, but [archive] include and exclude leave it out"
    return "not there any more; its row stays"


def _row_line(row: dict[str, Any]) -> str:
    channel = "" if row["channel"] is None else f"channel {row['channel']}, "
    message = printable(row["error_message"] or "")
    problem = f" ({row['error_kind']}: {message})" if row["error_kind"] else ""
    return (
        f"{channel}{row['status']}{problem}, run {row['run_id']}, {row['model']}, model "
        f"{row['model_digest'][:12]}, decoding {row['decode_digest'][:12]}, "
        f"{row['transcribed_at']:%Y-%m-%d %H:%M} UTC"
    )


def _path(config: Config, archive: Store, output: Store, name: str) -> str:
    """The archive-relative path that a person means; exact ones need no listing."""
    if archive.stat(name) is not None or _result(output, recording_id(name)) is not None:
        return name
    section = config.archive
    listed = list_recordings(archive, include=section.include, exclude=section.exclude)
    known = {one.path for one in listed} | set(_ledger_paths(output))
    match = Matcher(known).match(name)
    if match.path is not None:
        return match.path
    if match.candidates:
        raise InputError(f"{name!r} fits several recordings: {', '.join(match.candidates[:5])}")
    raise InputError(
        f"{name!r}: neither {archive.uri} nor the ledger of {output.uri} has such a recording"
    )


def _listed(config: Config, archive: Store, path: str) -> Recording | None:
    """As a run would list it: a listing and a look at one object differ in S3's version."""
    section = config.archive
    found = list_recordings(archive, include=section.include, exclude=section.exclude, prefix=path)
    return next((one for one in found if one.path == path), None)


def _result(output: Store, one: str) -> Result | None:
    """The newest line of the ledger; the newest files are looked at first."""
    for entry in sorted(output.list(LEDGER), key=lambda entry: entry.key, reverse=True):
        table = read_parquet(output.read(entry.key))
        rows = table.filter(pc.equal(table["id"], one)).to_pylist()
        if rows:
            return Result(**rows[-1])
    return None


def _ledger_paths(output: Store) -> Iterator[str]:
    for entry in output.list(LEDGER):
        yield from read_parquet(output.read(entry.key), columns=["path"])["path"].to_pylist()


def _current(output: Store, one: str, result: Result | None) -> list[dict[str, Any]]:
    """The rows that readers see; the ledger says in which file they are."""
    if result is None:
        return []
    return _rows(output, RunKeys(run_id=result.run_id).rows(TRANSCRIPTS), one)


def _superseded(output: Store, one: str) -> list[dict[str, Any]]:
    files = output.list(f"{HISTORY}/{TRANSCRIPTS}/")
    rows = [row for entry in files for row in _rows(output, entry.key, one)]
    return sorted(rows, key=lambda row: (row["run_id"], row["channel"] or 0), reverse=True)


def _rows(output: Store, key: str, one: str) -> list[dict[str, Any]]:
    if output.stat(key) is None:
        return []
    table = read_parquet(output.read(key), columns=_ROW)
    rows: list[dict[str, Any]] = table.filter(pc.equal(table["id"], one)).to_pylist()
    return sorted(rows, key=lambda row: row["channel"] or 0)


def _next(config: Config, output: Store, recording: Recording | None, result: Result | None) -> str:
    if recording is not None and tombstone(output, recording.id) is not None:
        return _NEXT[Rest.FORGOTTEN]
    if recording is None:
        return "leaves it alone: it is not among the recordings"
    try:
        bundle = configured_bundle(config, output, dry=True)
    except NightscribeError as error:
        return f"cannot be said: {error}"
    found = judge(
        recording,
        result,
        Settings(
            channels=config.archive.channels,
            model_digest=bundle.model_digest,
            decode_digest=bundle.decode_digest,
        ),
        on_model_change=config.run.on_model_change,
        settled_by=settled_by(config),
    )
    return _NEXT[found.reason if isinstance(found, Chosen) else found]


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "transcribed_at": row["transcribed_at"].isoformat()}
