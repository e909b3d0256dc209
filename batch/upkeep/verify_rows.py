"""Rows against the plan, and segments against rows: pure, over tables of one run."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from transform_handler.records import Status

ROW = ["id", "path", "channel", "channels", "channel_mode", "status", "error_kind", "text"]
ROW += ["size", "etag", "attempts", "run_id"]
SEGMENT = ["id", "channel", "start", "text", "run_id"]


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Something that does not hold, about one recording, file or figure."""

    what: str
    """Its name: a path, a key, or what is counted."""
    problem: str

    def line(self) -> str:
        """For a terminal."""
        return f"{self.what}: {self.problem}"


@dataclass(frozen=True, kw_only=True)
class Rows:
    """The rows of a run by recording; ``later`` are ids whose row a later run wrote."""

    by_id: Mapping[str, Sequence[Mapping[str, Any]]]
    later: frozenset[str] = frozenset()

    @property
    def count(self) -> int:
        """How many rows there are."""
        return sum(map(len, self.by_id.values()))

    def statuses(self) -> dict[str, int]:
        """How many recordings have which status."""
        return dict(Counter(_status(rows) for rows in self.by_id.values()))

    def kinds(self) -> dict[str, int]:
        """How many recordings have which kind of error."""
        kinds = [row["error_kind"] for rows in self.by_id.values() for row in rows]
        return dict(Counter(kind for kind in kinds if kind is not None))


def by_recording(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    """Rows by id."""
    found: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        found[row["id"]].append(row)
    return dict(found)


def check_plan(planned: Mapping[str, str], rows: Rows) -> Iterator[Finding]:
    """One row for each planned recording, or one for each of its channels; ``planned`` has paths.

    A recording whose row a later run wrote needs none of this one.
    """
    for one, path in planned.items():
        if one not in rows.by_id and one not in rows.later:
            yield Finding(what=path, problem="was planned and has no row")
    for one, found in rows.by_id.items():
        path = found[0]["path"]
        if one not in planned:
            yield Finding(what=path, problem="has a row and was not planned")
        yield from (Finding(what=path, problem=problem) for problem in _problems(found))


def check_segments(rows: Rows, segments: Sequence[Mapping[str, Any]]) -> Iterator[Finding]:
    """A row's text is that of its segments, and no segment is without a row."""
    spoken: dict[tuple[str, int | None], list[Mapping[str, Any]]] = defaultdict(list)
    for segment in segments:
        spoken[segment["id"], segment["channel"]].append(segment)
    for found in rows.by_id.values():
        for row in found:
            parts = spoken.pop((row["id"], row["channel"]), [])
            parts.sort(key=lambda segment: segment["start"])
            if " ".join(part["text"] for part in parts) != (row["text"] or ""):
                problem = f"its {len(parts)} segments{_of(row)} do not give the text of its row"
                yield Finding(what=row["path"], problem=problem)
    orphans = Counter(one for one, _ in spoken if one not in rows.later)
    for one, count in sorted(orphans.items()):
        yield Finding(what=f"id {one}", problem=f"has segments in {count} channels without a row")


def check_counts(name: str, noted: Mapping[str, Any], rows: Rows) -> Iterator[Finding]:
    """What a run said that it counted."""
    counted: dict[str, Any] = {
        "recordings": len(rows.by_id),
        "rows": rows.count,
        "statuses": rows.statuses(),
        "kinds": rows.kinds(),
    }
    for key, value in counted.items():
        if noted.get(key) != value:
            problem = f"{key} is {noted.get(key)}, the rows give {value}"
            yield Finding(what=name, problem=problem)


def _status(rows: Sequence[Mapping[str, Any]]) -> str:
    statuses = [row["status"] for row in rows]
    return str(Status.OK) if Status.OK in statuses else statuses[0]


def _problems(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    channels = Counter(row["channel"] for row in rows)
    double = sorted(str(channel) for channel, count in channels.items() if count > 1)
    if channels[None] > 1:
        yield f"has {channels[None]} rows, one is expected"
    elif double:
        yield f"has more than one row of channel {', '.join(double)}"
    elif None in channels and len(rows) > 1:
        yield "has a row for all channels beside rows of single channels"
    elif None not in channels:
        missing = sorted(set(range(rows[0]["channels"] or 0)) - set(channels))
        if missing:
            yield f"has no row of channel {', '.join(map(str, missing))}"
    elif rows[0]["channel_mode"] == "split" and rows[0]["status"] != Status.ERROR:
        yield "has one row for all channels; one for each channel was planned"


def _of(row: Mapping[str, Any]) -> str:
    return "" if row["channel"] is None else f" of channel {row['channel']}"
