"""Recordings into pointers, pointers into shards. Pure, and the same for the same archive."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from heapq import heapify, heapreplace
from itertools import groupby, pairwise

from manifests.pointers import ChannelMode, Pointer, write_pointers
from manifests.recordings import Recording

PART_SECONDS = 3600.0
MIN_SHARD_SECONDS = 60.0
PIECES = 8
MOST_SHARDS = 2000
OPENING_SECONDS = 1.0
# Its multiples, less whole numbers, fill the interval from 0 to 1 evenly.
SILVER_RATIO = 2**0.5 - 1


@dataclass(frozen=True, kw_only=True)
class Planned:
    """A pointer with the seconds of sound that it is expected to hold."""

    pointer: Pointer
    seconds: float

    @cached_property
    def size(self) -> int:
        """Bytes of its line."""
        return len(write_pointers([self.pointer]))


def pointers_of(
    recording: Recording,
    *,
    seconds: float,
    channels: ChannelMode,
    language: str,
    meta: Mapping[str, str],
) -> list[Planned]:
    """One pointer, or one for each hour of a recording over an hour.

    The grid depends on the recording alone, and the last part runs to the end, so a wrong
    prediction changes how the work is cut but neither what is transcribed nor the text.
    """
    whole = Pointer(
        id=recording.id,
        uri=recording.uri,
        etag=recording.etag,
        version=recording.version,
        size=recording.size,
        channels=channels,
        language=language,
        meta=dict(meta),
    )
    return parts_of(whole, seconds)


def parts_of(pointer: Pointer, seconds: float) -> list[Planned]:
    """Cut a pointer that runs to the recording's end on the one-hour grid."""
    count = max(1, math.ceil(seconds / PART_SECONDS))
    if count == 1:
        return [Planned(pointer=pointer, seconds=seconds)]
    start = pointer.offset or 0.0
    return [
        Planned(
            pointer=replace(
                pointer,
                offset=start + number * PART_SECONDS,
                duration=PART_SECONDS if number < count - 1 else None,
            ),
            seconds=min(PART_SECONDS, seconds - number * PART_SECONDS),
        )
        for number in range(count)
    ]


def shard_seconds(total: float, *, limit_minutes: float, workers: int) -> float:
    """Sound for each shard: minutes of work, and in a small archive enough shards to go round."""
    share = total / (4 * workers)
    return max(MIN_SHARD_SECONDS, min(limit_minutes * 60, share))


def into_shards(
    planned: Iterable[Planned], *, target: float, most_bytes: float = math.inf
) -> list[list[Planned]]:
    """Consecutive pointers, closed when they hold ``target`` seconds, or before ``most_bytes``."""
    shards: list[list[Planned]] = []
    filled, size = math.inf, 0
    for one in planned:
        if filled >= target or size + one.size > most_bytes:
            shards.append([])
            filled, size = 0.0, 0
        shards[-1].append(one)
        filled, size = filled + one.seconds + OPENING_SECONDS, size + one.size
    return shards


def balanced(planned: Sequence[Planned], *, target: float, lanes: int = 1) -> list[list[Planned]]:
    """Shards of nearly equal sound, of about ``target`` seconds; a part may be longer.

    ``lanes`` is how many shards are worked on at a time. SageMaker divides a job's objects over its
    instances by key before it begins, as many for each: so there are as many shards for each lane,
    equally long as far as parts of an hour allow, and long and short ones are mixed evenly in the
    order of the names. Then all instances end together, however the keys are divided.

    The longest recordings are placed first, each where least is (Graham's LPT rule). A recording's
    parts stay side by side, and within a shard recordings are in the archive's order.
    """
    recordings = [list(parts) for _, parts in groupby(planned, key=lambda one: one.pointer.id)]
    short = [one for one in recordings if _work(one) <= target]
    long = [into_shards(one, target=target) for one in recordings if _work(one) > target]
    ends = [shards[-1] for shards in long]
    others: list[list[Planned]] = [[] for _ in range(_others(long, short, target, lanes))]
    _fill(ends + others, short)
    return _mixed([*long, *([shard] for shard in others if shard)])


def _others(
    long: Sequence[Sequence[Sequence[Planned]]],
    short: Sequence[Sequence[Planned]],
    target: float,
    lanes: int,
) -> int:
    """How many shards are needed beside those of long recordings, whose last ones have room."""
    room = sum(max(0.0, target - _work(shards[-1])) for shards in long)
    needed = math.ceil(max(0.0, sum(map(_work, short)) - room) / target)
    # Two that are longer than half of a shard do not fit into one.
    needed = max(needed, sum(_work(one) > target / 2 for one in short) - len(long))
    if short and not long:
        needed = max(1, needed)
    whole = needed + sum(map(len, long))
    return needed + (-whole % lanes if whole > lanes else 0)


def _fill(shards: list[list[Planned]], recordings: Sequence[Sequence[Planned]]) -> None:
    """Put each recording, the longest first, into the shard with the least sound."""
    position = {recording[0].pointer.id: n for n, recording in enumerate(recordings)}
    heap = [(_work(shard), number) for number, shard in enumerate(shards)]
    heapify(heap)
    first = [len(shard) for shard in shards]
    for recording in sorted(recordings, key=_work, reverse=True):
        filled, number = heap[0]
        shards[number].extend(recording)
        heapreplace(heap, (filled + _work(recording), number))
    for shard, start in zip(shards, first, strict=True):
        shard[start:] = sorted(shard[start:], key=lambda one: position[one.pointer.id])


def _mixed(groups: Sequence[list[list[Planned]]]) -> list[list[Planned]]:
    """Groups of shards in an order in which every stretch has long and short ones alike.

    From the longest to the shortest they go to the places of an irrational number's multiples.
    """
    by_length = sorted(groups, key=lambda shards: -max(map(_work, shards)))
    places = sorted(range(len(groups)), key=lambda rank: rank * SILVER_RATIO % 1)
    return [shard for rank in places for shard in by_length[rank]]


def _work(parts: Sequence[Planned]) -> float:
    """Seconds of sound, and one for each file that is opened, however short it is."""
    return sum(one.seconds + OPENING_SECONDS for one in parts)


@dataclass(frozen=True, kw_only=True)
class LeftOver:
    """A pointer that a round left without a result.

    ``seconds`` is the sound from its beginning to the recording's end where it ran out of time,
    None where there was no output at all.
    """

    pointer: Pointer
    seconds: float | None


def again(left: Sequence[Sequence[LeftOver]], *, last: bool) -> list[list[Planned]]:
    """Shards for what a round left over; ``left`` holds the left-overs of each of its shards.

    Each shard goes again in eighths, in the ``last`` round one pointer at a time: a recording
    that takes its shard down is alone in the end. Never more than ``MOST_SHARDS``: where a job
    was stopped early, nearly everything is left, and nothing of it is suspect.

    What ran out of time is cut on the one-hour grid.
    """
    shards = [[part for one in shard for part in _parts(one)] for shard in left if shard]
    pieces = max(map(len, shards), default=1) if last else PIECES
    if sum(min(pieces, len(shard)) for shard in shards) > MOST_SHARDS:
        pieces = max(1, MOST_SHARDS // len(shards))
    return [piece for shard in shards for piece in _pieces(shard, pieces)]


def alone(suspects: Sequence[Planned], *, target: float) -> list[list[Planned]]:
    """Shards for pointers that no earlier run got an output for: one each, if they are few."""
    if len(suspects) > MOST_SHARDS:
        return into_shards(suspects, target=target)
    return [[one] for one in suspects]


def _parts(one: LeftOver) -> list[Planned]:
    if one.seconds is not None and one.pointer.duration is None:
        return parts_of(one.pointer, one.seconds)
    return [Planned(pointer=one.pointer, seconds=one.seconds or one.pointer.duration or 0.0)]


def _pieces(shard: list[Planned], count: int) -> list[list[Planned]]:
    """Consecutive pieces of nearly equal size, none of them empty."""
    count = min(count, len(shard))
    borders = [len(shard) * number // count for number in range(count + 1)]
    return [shard[start:end] for start, end in pairwise(borders)]
