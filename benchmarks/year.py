"""A store of many nights: one recording shown and explained, every run listed, files merged.

Rows are made up (a minute of text in eight segments each) and written as a run writes them. Beside
each look-up stands what reading the whole dataset for it would take.

    year.py [--nights N] [--rows N] [--at FOLDER]
"""

from __future__ import annotations

import argparse
import functools
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from batch.datasets import read_rows
from batch.layout import RunKeys
from batch.lookup import line_of, superseded_rows
from batch.parquet import parquet_bytes
from batch.reading import transcripts_of
from batch.run_list import run_list
from batch.schema import LEDGER, SEGMENTS, TRANSCRIPTS
from batch.selection import Result
from batch.upkeep.compacting import compact
from manifests.local_store import LocalStore
from manifests.recordings import recording_id

WORDS = [
    "so",
    "the",
    "next",
    "point",
    "on",
    "our",
    "list",
    "is",
    "budget",
    "review",
    "for",
    "march",
]
SEGMENTS_EACH = 8


def night(output: LocalStore, day: date, count: int) -> None:
    """One run's tables and summary."""
    keys = RunKeys(run_id=f"{day.isoformat()}-001")
    paths = [f"{day:%Y/%m/%d}/meeting-{number:04d}.flac" for number in range(count)]
    tables = {keys.rows("transcripts"): 1, keys.rows("segments"): SEGMENTS_EACH, keys.ledger: 1}
    for (key, each), model in zip(tables.items(), models(count), strict=True):
        write(output, key, named(model, keys, [path for path in paths for _ in range(each)]))
    summary = {
        "dt": keys.dt,
        "model": "made up",
        "planned": count,
        "statuses": {"ok": count},
        "audio_seconds": 60.0 * count,
        "timing": {"started_at": f"{keys.dt}T22:00:00+00:00", "wall_seconds": 600.0},
        "scores": {"wer": {"rate": 0.1}},
    }
    write(output, keys.summary, json.dumps(summary).encode())


@functools.cache
def models(count: int) -> tuple[pa.Table, ...]:
    """Tables of one night; another has other names."""
    keys = RunKeys(run_id="")
    rows = [_row(keys, "") for _ in range(count)]
    segments = [one for _ in range(count) for one in _segments(keys, "")]
    lines = [asdict(_line(keys, "")) for _ in range(count)]
    return (
        pa.Table.from_pylist(rows, TRANSCRIPTS),
        pa.Table.from_pylist(segments, SEGMENTS),
        pa.Table.from_pylist(lines, LEDGER),
    )


def named(model: pa.Table, keys: RunKeys, paths: list[str]) -> pa.Table:
    """The table with the names of a night's recordings."""
    columns = {
        "id": [recording_id(path) for path in paths],
        "path": paths,
        "uri": [f"s3://acme/{path}" for path in paths],
        "run_id": [keys.run_id] * len(paths),
    }
    for name in model.schema.names:
        if name in columns:
            place = model.schema.get_field_index(name)
            model = model.set_column(place, model.schema.field(name), pa.array(columns[name]))
    return model


def write(output: LocalStore, key: str, content: pa.Table | bytes) -> None:
    """Without the flushes of a real store: this is no part of what is measured."""
    path = output.path_of(key)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else parquet_bytes(content))


def _line(keys: RunKeys, path: str) -> Result:
    return Result(
        id=recording_id(path),
        path=path,
        etag="e" * 32,
        version=None,
        size=1_000_000,
        channels="mix",
        model_digest="m" * 64,
        decode_digest="d" * 64,
        status="ok",
        error_kind=None,
        attempts=1,
        duration=60.0,
        run_id=keys.run_id,
    )


def _row(keys: RunKeys, path: str) -> dict[str, Any]:
    known = {name: value for name, value in asdict(_line(keys, path)).items() if name != "channels"}
    return {
        **dict.fromkeys(TRANSCRIPTS.names),
        **known,
        "uri": f"s3://acme/{path}",
        "channel_mode": "mix",
        "text": " ".join(WORDS * SEGMENTS_EACH),
        "model": "made up",
        "transcribed_at": datetime(2026, 1, 1, tzinfo=UTC),
    }


def _segments(keys: RunKeys, path: str) -> Iterator[dict[str, Any]]:
    one = recording_id(path)
    for number in range(SEGMENTS_EACH):
        start = number * 7.0
        words = [
            {"text": word, "start": start + n / 2, "end": start + n / 2 + 0.4, "confidence": 0.9}
            for n, word in enumerate(WORDS)
        ]
        yield {
            **dict.fromkeys(SEGMENTS.names),
            "id": one,
            "uri": f"s3://acme/{path}",
            "path": path,
            "start": start,
            "end": start + 6.0,
            "text": " ".join(WORDS),
            "confidence": 0.9,
            "words": words,
            "flags": [],
            "run_id": keys.run_id,
        }


def measured(what: str, work: Callable[[], object]) -> float:
    """Seconds of one call, printed; those of the processor too, where others work beside it."""
    begun, busy = time.perf_counter(), time.process_time()
    work()
    took, used = time.perf_counter() - begun, time.process_time() - busy
    print(f"  {what:<52}{took:8.3f} s  (processor {used:.3f} s)", flush=True)
    return took


@contextmanager
def place(at: Path | None) -> Iterator[Path]:
    """A folder that stays, or one that goes afterwards."""
    if at is not None:
        yield at
        return
    with tempfile.TemporaryDirectory(prefix="nightscribe-year-") as scratch:
        yield Path(scratch)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--nights", type=int, default=1000)
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--at", type=Path)
    options = parser.parse_args()
    first = date(2024, 1, 1)
    with place(options.at) as folder:
        output = LocalStore(folder)
        days = [first + timedelta(days=number) for number in range(options.nights)]
        for day in days:
            if output.stat(RunKeys(run_id=f"{day.isoformat()}-001").summary) is None:
                night(output, day, options.rows)
        wanted = f"{days[len(days) // 3]:%Y/%m/%d}/meeting-{options.rows // 2:04d}"
        print(f"{options.nights} nights of {options.rows} recordings")
        looked_up(output, wanted)
        measured("merging: compact", lambda: compact(output))
        looked_up(output, wanted)


def looked_up(output: LocalStore, name: str) -> None:
    """One recording, found in several ways, and all runs."""
    path = f"{name}.flac"
    one = recording_id(path)
    measured("show, by path", lambda: transcripts_of(output, path))
    measured("show, by path without extension", lambda: transcripts_of(output, name))
    measured("why: the ledger's line", lambda: line_of(output, one))
    measured("why: superseded rows", lambda: superseded_rows(output, one, ["id", "run_id"]))
    measured("runs", lambda: run_list(output))
    measured(
        "instead: the transcripts of all nights, id and path",
        lambda: read_rows(output, "transcripts", columns=["id", "path"]),
    )


if __name__ == "__main__":
    main()
