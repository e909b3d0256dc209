"""A million recordings: the plan of a night on top of a year of nights, and one recording found.

The listing is made up (paths, sizes and change tokens of a year of meetings); the ledger of its 365
nights is written as runs write it. Then a night: one recording in 200 is new, one in 1,000 changed.
Printed: the listing alone, then the whole plan (``nightscribe plan``: listing, ledger, difference,
shards and plan written), each in a process of its own with its peak memory; and how long one
recording takes to be found.

    scale.py [--recordings N] [--folder KEPT]
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np

from batch.config import Config, load_config
from batch.datasets import row_writer
from batch.ledger import MOVED
from batch.lookup import line_of
from batch.planning import Planner
from batch.schema import LEDGER
from batch.survey import Survey
from batch.upkeep.compacting import MANY, compact
from manifests.local_store import LocalStore
from manifests.recordings import list_recordings, recording_id
from manifests.storage import StoredObject

ROOT = Path(__file__).parents[1]
NIGHTS = 365
FIRST = datetime(2026, 1, 1, tzinfo=UTC)


class SyntheticArchive(LocalStore):
    """A listing without files: the meetings of a year, sorted by key."""

    def __init__(self, root: Path, recordings: int, *, changed: int = 0) -> None:
        super().__init__(root)
        self.recordings, self.changed = recordings, changed

    def list(self, prefix: str = "") -> Iterator[StoredObject]:
        """Every recording; every ``changed``-th has another change token than the ledger's."""
        sizes = np.random.default_rng(1).lognormal(16.5, 1.0, self.recordings).astype(int).tolist()
        days = [FIRST + timedelta(days=night) for night in range(NIGHTS)]
        names = [f"{day:%Y/%m/%d}" for day in days]
        for number in range(self.recordings):
            night = number * NIGHTS // self.recordings
            key = f"{names[night]}/room-{number % 40:02d}/meeting-{number:07d}.flac"
            token = number + (1 << 60 if self.changed and not number % self.changed else 0)
            if key.startswith(prefix):
                size = sizes[number]
                etag = f"{token:016x}-{size:x}"
                yield StoredObject(key=key, size=size, etag=etag, modified=days[night])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recordings", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--part", choices=("listing", "night", "one"))
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = asked.folder or Path(scratch)
        if asked.part:
            carry_out(asked.part, folder, asked.recordings)
            return
        prepare(folder, asked.recordings)
        print(f"{asked.recordings:,} recordings, {NIGHTS} nights")
        for part in ("listing", "night", "one"):
            command = [sys.executable, "-m", "benchmarks.scale", "--part", part]
            command += ["--folder", str(folder), "--recordings", str(asked.recordings)]
            subprocess.run(command, check=True)


def prepare(folder: Path, recordings: int) -> None:
    """A bundle of the shipped model, and the ledger of all but the newest recordings."""
    bundle = configured_planner(folder, 10).survey().bundle
    archive, known = SyntheticArchive(folder / "archive", recordings), recordings * 199 // 200
    output = LocalStore(folder / "out")
    listed = archive.list()
    for night in range(NIGHTS):
        run_id = f"{date(2026, 1, 1) + timedelta(days=night)}-001"
        with row_writer(LEDGER) as lines:
            for _ in range((night + 1) * known // NIGHTS - night * known // NIGHTS):
                entry = next(listed)
                lines.add([line(entry, run_id, bundle.model_digest, bundle.decode_digest)])
            output.put(f"ledger/{run_id}.parquet", lines.close())
    # As a run does when it ends.
    compact(output, least=MANY)


def line(entry: StoredObject, run_id: str, model: str, decode: str) -> dict[str, object]:
    """A recording's line of the ledger."""
    return {
        "id": recording_id(entry.key),
        "path": entry.key,
        "etag": entry.etag,
        "version": None,
        "size": entry.size,
        "channels": "mix",
        "model_digest": model,
        "decode_digest": decode,
        "status": "ok",
        "error_kind": None,
        "attempts": 1,
        "duration": entry.size / 18_000,
        "run_id": run_id,
    }


def configured_planner(folder: Path, recordings: int, *, changed: int = 0) -> Planner:
    """The planner of a run over the made-up archive."""
    config: Config = load_config(write_config(folder))
    return Planner(
        config=config,
        archive=SyntheticArchive(folder / "archive", recordings, changed=changed),
        output=LocalStore(folder / "out"),
        warn=lambda _: None,
    )


def write_config(folder: Path) -> Path:
    """A configuration as a person writes it."""
    path = folder / "nightscribe.toml"
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(
        f'[archive]\nuri = "archive"\n[model]\nuri = "{ROOT / "models/demo"}"\n'
        '[output]\nuri = "out"\n'
    )
    return path


def carry_out(part: str, folder: Path, recordings: int) -> None:
    """One part, in this process."""
    begun, spent, before = time.perf_counter(), time.process_time(), megabytes()
    if part == "listing":
        found = list(list_recordings(SyntheticArchive(folder / "archive", recordings)))
        said = f"the listing alone, {len(found):,} recordings"
    elif part == "one":
        path = next(SyntheticArchive(folder / "archive", recordings).list("2026/06/")).key
        begun, spent = time.perf_counter(), time.process_time()
        result = line_of(LocalStore(folder / "out"), recording_id(path))
        assert result is not None
        assert result.status != MOVED
        said = f"one recording's line of the ledger, of run {result.run_id}"
    else:
        said = plan(configured_planner(folder, recordings, changed=1000))
    seconds, after = time.perf_counter() - begun, megabytes()
    print(
        f"{said}: {seconds:.1f} s ({time.process_time() - spent:.1f} s of processor time), "
        f"{after - before:,.0f} MB beyond the program's {before:.0f}"
    )


def plan(planner: Planner) -> str:
    """Survey and freeze."""
    begun = time.perf_counter()
    survey: Survey = planner.survey()
    chosen = len(survey.selection.chosen)
    surveyed = time.perf_counter() - begun
    made = planner.freeze(survey, today=date(2027, 1, 1))
    return (
        f"an incremental night, {chosen:,} to transcribe in {len(made.shards):,} shards "
        f"(survey {surveyed:.1f} s)"
    )


def megabytes() -> float:
    """Peak memory of this process."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
