"""An archive of a million recordings: the plan of a night, and one recording looked up.

A listing is made up (paths, sizes and change tokens of a year of meetings), the ledger of its
year of nights is written, and a night comes on top: 0.5 % new, 0.1 % changed. Printed: seconds and
memory of the listing alone, then of the whole survey, by stage.

    scale.py [--recordings N] [--new N]
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa

from batch.ledger import read_ledger
from batch.parquet import parquet_bytes
from batch.schema import LEDGER
from batch.selection import Settings, select
from manifests.local_store import LocalStore
from manifests.recordings import Recording, list_recordings, recording_id
from manifests.storage import StoredObject

NIGHTS = 365
SETTINGS = Settings(channels="mix", model_digest="m" * 64, decode_digest="d" * 64)


class SyntheticArchive(LocalStore):
    """A listing without files: ``recordings`` meetings of a year, sorted by key."""

    def __init__(self, root: Path, recordings: int) -> None:
        super().__init__(root)
        self.recordings = recordings
        self.changed: frozenset[int] = frozenset()

    def list(self, prefix: str = "") -> Iterator[StoredObject]:  # noqa: ARG002
        """Every recording."""
        first = datetime(2026, 1, 1, tzinfo=UTC)
        sizes = np.random.default_rng(1).lognormal(16.5, 1.0, self.recordings)
        for number in range(self.recordings):
            night = number * NIGHTS // self.recordings
            day = first + timedelta(days=night)
            etag = f"{number + (7 if number in self.changed else 0):032x}"
            yield StoredObject(
                key=f"{day:%Y/%m/%d}/room-{number % 40:02d}/meeting-{number:07d}.flac",
                size=int(sizes[number]),
                etag=etag,
                modified=day,
            )


def write_ledger(output: LocalStore, archive: SyntheticArchive, known: int) -> None:
    """The ledger of the nights in which the first ``known`` recordings were transcribed."""
    rows: dict[str, list[dict[str, object]]] = {}
    for number, entry in enumerate(archive.list()):
        if number >= known:
            break
        run_id = f"{date(2026, 1, 1) + timedelta(days=number * NIGHTS // known)}-001"
        rows.setdefault(run_id, []).append(
            {
                "id": recording_id(entry.key),
                "path": entry.key,
                "etag": entry.etag,
                "version": None,
                "size": entry.size,
                "channels": "mix",
                "model_digest": SETTINGS.model_digest,
                "decode_digest": SETTINGS.decode_digest,
                "status": "ok",
                "error_kind": None,
                "attempts": 1,
                "duration": entry.size / 18_000,
                "run_id": run_id,
            }
        )
    for run_id, results in rows.items():
        output.put(f"ledger/{run_id}.parquet", parquet_bytes(pa.Table.from_pylist(results, LEDGER)))


def megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recordings", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, default=None)
    asked = parser.parse_args()
    folder = Path(asked.folder or tempfile.mkdtemp())
    archive = SyntheticArchive(folder / "archive", asked.recordings)
    output = LocalStore(folder / "out")
    if not (folder / "out").exists():
        write_ledger(output, archive, asked.recordings * 995 // 1000)
        return
    archive.changed = frozenset(range(0, asked.recordings, 1000))
    begun = time.perf_counter()
    print(f"start {megabytes():.0f} MB")
    recordings: list[Recording] = list(list_recordings(archive))
    listed = time.perf_counter()
    print(f"listing {listed - begun:.1f} s, {megabytes():.0f} MB")
    ledger = read_ledger(output)
    read = time.perf_counter()
    print(f"ledger {read - listed:.1f} s, {megabytes():.0f} MB")
    selection = select(recordings, ledger, SETTINGS, on_model_change="new-only")
    print(f"select {time.perf_counter() - read:.1f} s, {megabytes():.0f} MB")
    print(selection.reasons, selection.kept)


if __name__ == "__main__":
    main()
