"""Recordings that were forgotten: a tombstone each, which names nobody.

It holds hashes only: the recording's id, and those of the names that a reference may have for it.
So neither a later run nor a later report brings the name back.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from manifests.json_files import json_file
from manifests.matching import without_extension
from manifests.recordings import recording_id
from manifests.storage import Store

FOLDER = "forgotten/"


@dataclass(frozen=True, kw_only=True)
class Tombstone:
    """What is kept of a forgotten recording; ``reports`` are runs whose report is still to be made.

    ``at`` is ISO 8601 in UTC.
    """

    id: str
    at: str
    names: tuple[str, ...] = ()
    reports: tuple[str, ...] = ()


def names_of(path: str) -> tuple[str, ...]:
    """Hashes of everything that a table may call a recording."""
    stem = without_extension(path)
    forms = {path, stem, path.rpartition("/")[2], stem.rpartition("/")[2]}
    return tuple(sorted(recording_id(form) for form in forms))


def forgotten_ids(output: Store) -> frozenset[str]:
    """The ids of recordings that no run takes on."""
    return frozenset(entry.key.removeprefix(FOLDER) for entry in output.list(FOLDER))


def tombstone(output: Store, one: str) -> Tombstone | None:
    """What is kept of a recording; None where it was not forgotten."""
    if output.stat(FOLDER + one) is None:
        return None
    content = json.loads(output.read(FOLDER + one))
    lists = {name: tuple(content[name]) for name in ("names", "reports")}
    return Tombstone(**{**content, **lists})


def put_tombstone(output: Store, stone: Tombstone) -> None:
    """Keep later runs from transcribing a recording."""
    output.put(FOLDER + stone.id, json_file(asdict(stone)))


def lift(output: Store, one: str) -> bool:
    """Let later runs have a recording again; False where it was not forgotten."""
    known = output.stat(FOLDER + one) is not None
    output.delete(FOLDER + one)
    return known


def without_forgotten(output: Store, names: Iterable[str]) -> list[str]:
    """The names that are not those of a forgotten recording."""
    stones = (tombstone(output, one) for one in sorted(forgotten_ids(output)))
    hashes = {name for stone in stones if stone is not None for name in stone.names}
    return [name for name in names if not hashes.intersection(names_of(name))]
