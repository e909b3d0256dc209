"""The collection of 20,000 shard outputs: seconds, and memory beyond what a small one takes.

A run's plan, shards and outputs are written as the handler would leave them (two recordings of
``--words`` words in each shard), then collected, in a process of its own.

    collecting.py [--shards N] [--words W]
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from batch.collect import collect
from batch.layout import RunKeys
from batch.plan import Plan, read_plan, write_round
from batch.shards import Planned
from manifests.local_store import LocalStore
from manifests.pointers import Pointer
from manifests.recordings import recording_id
from transform_handler.records import Segment, Status, TranscriptRecord, Word

RUN = RunKeys(run_id="2026-11-23-001")
PER_SHARD = 2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shards", type=int, default=20_000)
    parser.add_argument("--words", type=int, default=300)
    parser.add_argument("--collect", type=Path, help="only collect this output")
    asked = parser.parse_args()
    if asked.collect:
        collect_once(LocalStore(asked.collect))
        return
    for shards in (max(1, asked.shards // 100), asked.shards):
        with tempfile.TemporaryDirectory() as folder:
            write_run(LocalStore(Path(folder)), shards, asked.words)
            print(
                f"{shards:,} outputs of {PER_SHARD} recordings with {asked.words} words:",
                flush=True,
            )
            command = [sys.executable, "-m", "benchmarks.collecting", "--collect", folder]
            subprocess.run(command, check=True)


def collect_once(output: LocalStore) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    begun = time.perf_counter()
    found = collect(
        output, read_plan(output, RUN.run_id), now=datetime.now(UTC), still_ours=lambda: None
    )
    seconds = time.perf_counter() - begun
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"  {found.recordings:,} recordings in {seconds:.1f} s ({found.recordings / seconds:,.0f} "
        f"a second), {after - before:.0f} MB beyond the {before:.0f} MB of the program"
    )


def write_run(output: LocalStore, shards: int, words: int) -> None:
    """A planned run whose outputs are all there."""
    planned = [
        [planned_recording(shard * PER_SHARD + n) for n in range(PER_SHARD)]
        for shard in range(shards)
    ]
    entries = write_round(output, RUN, 1, planned)
    plan = Plan(
        run_id=RUN.run_id,
        dt=RUN.dt,
        created_at="2026-11-23T00:00:00+00:00",
        archive_uri="s3://archive/",
        output_uri=output.uri,
        channels="mix",
        language="en",
        model="m",
        model_digest="m1",
        decode_digest="d1",
        bundle_uri="",
        listed=shards * PER_SHARD,
        kept=0,
        waiting=0,
        reasons={"new": shards * PER_SHARD},
        shards=entries,
    )
    output.put(RUN.plan, plan.to_json())
    for entry, shard in zip(entries, planned, strict=True):
        lines = [record(one.pointer, words).to_line() for one in shard]
        output.put(f"{RUN.out}{entry.name}.out", ("\n".join(lines) + "\n").encode())


def planned_recording(number: int) -> Planned:
    path = f"2026/11/23/meeting-{number:07d}.flac"
    pointer = Pointer(
        id=recording_id(path), uri=f"s3://archive/{path}", etag=f"{number:032x}", size=1
    )
    return Planned(pointer=pointer, seconds=120.0)


def record(pointer: Pointer, words: int) -> TranscriptRecord:
    spoken = tuple(
        Word(text="meeting", start=n * 0.4, end=n * 0.4 + 0.3, confidence=0.9) for n in range(words)
    )
    return TranscriptRecord(
        id=pointer.id,
        uri=pointer.uri,
        status=Status.OK,
        duration=words * 0.4,
        channels=1,
        segments=tuple(
            Segment(
                start=part[0].start,
                end=part[-1].end,
                channel=None,
                text=" ".join(w.text for w in part),
                confidence=0.9,
                words=part,
            )
            for part in (spoken[k : k + 30] for k in range(0, words, 30))
        ),
        model={"name": "m", "digest": "m1"},
        decode={"digest": "d1"},
    )


if __name__ == "__main__":
    main()
