"""Which recording a person means that is to be forgotten, under all the paths that it ever had."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from batch.config import Config
from batch.dataset_files import DataFile, opened, steadily, tables_of
from batch.datasets import newest
from batch.forgotten import forgotten_by, tombstone
from batch.layout import HISTORY, TRANSCRIPTS
from batch.ledger import MOVED
from batch.upkeep.tables import ledger_table
from batch.upkeep.traces import Target
from manifests.errors import InputError
from manifests.matching import Matcher
from manifests.recordings import list_recordings, recording_id
from manifests.storage import Store, open_store

Content = tuple[str, int]
"""Change token and size: what tells a recording again that was moved."""


def target_of(config: Config, name: str) -> Target:
    """The recording that a person means, in the ledger, in the archive, or forgotten already.

    Raises:
        InputError: none, or several, or one that has moved.
    """
    output = open_store(config.output.uri)
    lines = ledger_table(output)
    one, path = _meant(config, output, lines, name)
    former = _former(output, lines, one)
    stone = tombstone(output, one)
    if stone is not None:
        # The lines that tell may be gone already, by a forget that was cut short.
        known = {old for old, _ in former}
        former += [(old, path) for old in stone.former if old not in known]
    return Target(id=one, path=path, former=tuple(former))


def _meant(config: Config, output: Store, lines: pa.Table, name: str) -> tuple[str, str]:
    """Id and path."""
    archive = open_store(config.archive.uri)
    paths = dict(zip(lines["path"].to_pylist(), lines["id"].to_pylist(), strict=True))
    if archive.stat(name) is not None or name in paths:
        return paths.get(name, recording_id(name)), name
    if name in paths.values():
        return name, next(path for path, one in paths.items() if one == name)
    section = config.archive
    listed = list_recordings(archive, include=section.include, exclude=section.exclude)
    known = {one.id: one.path for one in listed}
    stone = forgotten_by(output, name)
    if stone is not None:
        return stone.id, known.get(stone.id, name)
    match = Matcher({*paths, *known.values()}).match(name)
    if match.path is None:
        said = f"fits {', '.join(match.candidates[:5])}" if match.candidates else "is not known"
        raise InputError(f"{name!r} {said}; give a recording's path in the archive, or its id")
    return paths.get(match.path, recording_id(match.path)), match.path


def _former(output: Store, lines: pa.Table, one: str) -> list[tuple[str, str]]:
    """Ids and paths that the recording was moved from, by the contents that it had.

    Raises:
        InputError: it was moved itself, and is another recording now.
    """
    latest = newest([lines]).to_pylist()
    moved = {row["id"]: row for row in latest if row["status"] == MOVED}
    if one in moved:
        content = _content(moved[one])
        now = [r["path"] for r in latest if r["id"] not in moved and _content(r) == content]
        raise InputError(
            f"{moved[one]['path']!r} was moved{f' to {now[0]!r}' if now else ''}; "
            "forget it by the path that it has now"
        )
    found: list[tuple[str, str]] = []
    waiting = [one]
    while waiting and moved:
        contents = _contents(output, lines, waiting.pop())
        for old in [old for old, row in moved.items() if _content(row) in contents]:
            found.append((old, moved.pop(old)["path"]))
            waiting.append(old)
    return found


def _contents(output: Store, lines: pa.Table, one: str) -> set[Content]:
    """Every content that the rows and the ledger know of a recording."""
    rows = lines.filter(pc.equal(lines["id"], one)).to_pylist()

    def read(files: list[list[DataFile]]) -> None:
        for file in (*files[0], *files[1]):
            with opened(output, file) as parquet:
                for table in tables_of(parquet, columns=["etag", "size"], ids={one}):
                    rows.extend(table.to_pylist())

    steadily(output, [f"{TRANSCRIPTS}/", f"{HISTORY}/{TRANSCRIPTS}/"], read)
    return {content for row in rows if (content := _content(row)) is not None}


def _content(row: Mapping[str, Any]) -> Content | None:
    return (row["etag"], row["size"]) if row.get("etag") and row["size"] else None
