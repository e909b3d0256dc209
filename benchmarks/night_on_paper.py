"""A night of 100,000 hours on paper: instances, objects, S3 requests and rates, the driver's work.

Computed, not measured, but for what is given as an option; every assumption is printed. Sizes of a
pointer, a record and a plan are those that the program's own code writes for such a meeting.

    night_on_paper.py [--hours H] [--window H] [--meeting-minutes M] [--collect-words W]
"""

from __future__ import annotations

import argparse
import math

from batch.capacity.limits import most_sound
from batch.plan import ShardEntry
from batch.shards import PART_SECONDS
from manifests.json_files import json_file
from manifests.pointers import Pointer
from manifests.recordings import recording_id
from manifests.s3_store import READ_AHEAD_BYTES
from transform_handler.records import Segment, Status, TranscriptRecord, Word

FLAC_BYTES_PER_SECOND = 18_000.0
SPEEDS = (10, 50, 150, 500)
MOST_INSTANCES = 64
"""``[transform] instance_count`` allows so many; an account's quota is often less."""
PUTS_PER_SECOND, GETS_PER_SECOND = 3500, 5500  # S3 User Guide, for each partitioned prefix
DOLLARS_PER_1000_PUTS, DOLLARS_PER_1000_GETS = 0.005, 0.0004  # us-east-1; look them up


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hours", type=float, default=100_000.0)
    parser.add_argument("--window", type=float, default=8.0)
    parser.add_argument("--meeting-minutes", type=float, default=45.0)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--words", type=float, default=2.5, help="spoken in a second of a meeting")
    parser.add_argument(
        "--collect-words", type=float, help="a second of one driver: benchmarks.collecting says it"
    )
    asked = parser.parse_args()
    seconds = asked.meeting_minutes * 60
    meetings = math.ceil(asked.hours * 3600 / seconds)
    words = asked.hours * 3600 * asked.words
    print(
        f"{asked.hours:,.0f} hours of sound in {meetings:,} meetings of {asked.meeting_minutes:g} "
        f"minutes, FLAC at {FLAC_BYTES_PER_SECOND / 1000:g} kB/s, {asked.words:g} words a "
        f"second, a window of {asked.window:g} hours"
    )
    instances(asked.hours, asked.window, asked.workers)
    requests(meetings, seconds, asked.window)
    driver(meetings, seconds, words, asked.collect_words)


def instances(hours: float, window: float, workers: int) -> None:
    """How many machines of which speed, and in how many shards."""
    print("\nsound a second of an instance   instances   shards (names at most)   minutes a shard")
    for speed in SPEEDS:
        count = math.ceil(hours / (speed * window))
        sound = max(most_sound(speed / workers, split=False), PART_SECONDS)
        note = "" if count <= MOST_INSTANCES else f"   over {MOST_INSTANCES} instances a job"
        print(
            f"{speed:>31}   {count:>9,}   {math.ceil(hours * 3600 / sound):>22,}   "
            f"{sound / (speed / workers) / 60:>15.1f}{note}"
        )


def requests(meetings: int, seconds: float, window: float) -> None:
    """S3 requests of the containers and the driver."""
    reads = 1 + math.ceil(seconds * FLAC_BYTES_PER_SECOND / READ_AHEAD_BYTES)
    gets = meetings * reads
    rate = gets / (window * 3600)
    print(
        f"\nsound: {reads} GETs a meeting (1 HEAD, then 1 MiB each), {gets:,} in all, "
        f"{rate:,.0f} a second over the window ({rate / GETS_PER_SECOND:.1%} of one prefix's "
        f"{GETS_PER_SECOND:,}), ${gets / 1000 * DOLLARS_PER_1000_GETS:,.2f}"
    )
    shards = math.ceil(meetings * seconds / PART_SECONDS)
    puts = 2 * shards
    print(
        f"shards and outputs, of an hour each: {puts:,} PUTs, {4 * shards:,} GETs, "
        f"{puts / (window * 3600):,.1f} PUTs a second ({PUTS_PER_SECOND:,} a prefix), "
        f"${puts / 1000 * DOLLARS_PER_1000_PUTS + 4 * shards / 1000 * DOLLARS_PER_1000_GETS:,.2f}"
    )
    listing = math.ceil(meetings * 365 / 1000)
    print(
        f"listing the archive after a year of such nights ({meetings * 365:,} objects): "
        f"{listing:,} LISTs, ${listing / 1000 * DOLLARS_PER_1000_PUTS:,.2f}; with an S3 Inventory "
        "about none"
    )


def driver(meetings: int, seconds: float, words: float, collect_words: float | None) -> None:
    """What one driver reads, writes and holds."""
    pointer = len(made_pointer().to_line()) + 1
    per_word = len(made_record(1000).to_line()) / 1000
    shards = math.ceil(meetings * seconds / PART_SECONDS)
    entry = ShardEntry(name="r1-00000.jsonl", pointers=2, seconds=3600.0)
    plan = len(json_file({"shards": [vars(entry)] * 1000})) / 1000 * shards
    print(
        f"\npointers {meetings * pointer / 1e6:,.0f} MB ({pointer} bytes each), plan.json "
        f"{plan / 1e6:,.1f} MB, outputs {words * per_word / 1e9:,.0f} GB "
        f"({per_word:.0f} bytes a word)"
    )
    if collect_words:
        hours = words / collect_words / 3600
        print(
            f"collection by one driver at {collect_words:,.0f} words a second: {hours:.1f} hours "
            f"for {words / 1e6:,.0f} million words"
        )


def made_pointer() -> Pointer:
    path = "2026/11/23/room-17/weekly-planning-0012345.flac"
    return Pointer(
        id=recording_id(path),
        uri=f"s3://acme-meetings/{path}",
        etag="0" * 32,
        size=48_600_000,
        language="en",
        meta={"team": "sales", "room": "17"},
    )


def made_record(words: int) -> TranscriptRecord:
    spoken = [
        Word(text="planning", start=n * 0.4, end=n * 0.4 + 0.31, confidence=0.9123)
        for n in range(words)
    ]
    segments = tuple(
        Segment(
            start=part[0].start,
            end=part[-1].end,
            channel=None,
            text=" ".join(word.text for word in part),
            confidence=0.9123,
            words=tuple(part),
        )
        for part in (spoken[n : n + 25] for n in range(0, words, 25))
    )
    return TranscriptRecord(
        id=made_pointer().id,
        uri=made_pointer().uri,
        status=Status.OK,
        duration=words * 0.4,
        segments=segments,
        model={"name": "m", "digest": "0" * 64},
        decode={"digest": "0" * 64},
    )


if __name__ == "__main__":
    main()
