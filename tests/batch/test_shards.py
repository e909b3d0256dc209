from __future__ import annotations

from itertools import groupby, pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch.durations import DurationModel
from batch.shards import (
    PART_SECONDS,
    LeftOver,
    Planned,
    again,
    alone,
    balanced,
    into_shards,
    parts_of,
    pointers_of,
    shard_seconds,
)
from manifests.pointers import Pointer
from manifests.recordings import Recording


def recording(size: int = 1000) -> Recording:
    return Recording(id="abc", path="a.wav", uri="file:///a.wav", size=size, etag="e")


def parts(seconds: float) -> list[Pointer]:
    planned = pointers_of(recording(), seconds=seconds, channels="mix", language="en", meta={})
    return [one.pointer for one in planned]


@given(st.floats(min_value=0, max_value=200_000))
def test_parts_cover_a_recording_without_gap_or_overlap(seconds: float) -> None:
    found = parts(seconds)
    if len(found) == 1:
        assert (found[0].offset, found[0].duration) == (None, None)
        assert seconds <= PART_SECONDS
        return
    assert found[0].offset == 0
    for before, after in pairwise(found):
        assert before.duration is not None
        assert before.offset is not None
        assert before.offset + before.duration == after.offset
    assert found[-1].duration is None  # a wrong prediction must not cut the end off


LENGTHS = st.lists(st.floats(min_value=0, max_value=20_000), max_size=60)


def pointers(lengths: list[float]) -> list[Planned]:
    """A recording of each length, cut where it is over an hour."""
    return [
        part
        for number, seconds in enumerate(lengths)
        for part in parts_of(Pointer(id=f"{number:03d}", uri="file:///a"), seconds)
    ]


@given(LENGTHS, st.floats(60, 7200), st.integers(1, 8))
def test_balanced_shards_hold_every_part_once_and_a_recording_s_side_by_side(
    lengths: list[float], target: float, lanes: int
) -> None:
    planned = pointers(lengths)
    shards = balanced(planned, target=target, lanes=lanes)
    assert all(shards)
    flat = [one for shard in shards for one in shard]
    assert sorted(flat, key=lambda one: (one.pointer.id, one.pointer.offset or 0)) == planned
    side_by_side = [list(found) for _, found in groupby(flat, key=lambda one: one.pointer.id)]
    assert len(side_by_side) == len(lengths)
    assert all(
        found == sorted(found, key=lambda o: o.pointer.offset or 0) for found in side_by_side
    )
    longest = max((sum(o.seconds + 1 for o in found) for found in side_by_side), default=0)
    for shard in shards:
        assert sum(one.seconds + 1 for one in shard) <= target + min(longest, 3601) + 1e-6


def test_two_recordings_that_fill_a_shard_are_not_put_together() -> None:
    shards = balanced(pointers([900.0] * 140), target=1000)
    assert [len(shard) for shard in shards] == [1] * 140


def test_shards_are_as_many_and_as_long_for_each_lane() -> None:
    lengths = np.random.default_rng(1).lognormal(7.5, 0.8, 500).tolist()
    shards = balanced(pointers(lengths), target=3000, lanes=8)
    seconds = [sum(one.seconds + 1 for one in shard) for shard in shards]
    assert len(shards) % 8 == 0
    lanes = [sum(seconds[lane::8]) for lane in range(8)]
    runs = [sum(seconds[n * len(shards) // 8 : (n + 1) * len(shards) // 8]) for n in range(8)]
    for divided in (lanes, runs):
        assert max(divided) < 1.05 * sum(seconds) / 8


@given(st.lists(st.floats(min_value=0, max_value=10_000), max_size=60), st.floats(60, 3600))
def test_shards_hold_every_pointer_once_and_in_order(lengths: list[float], target: float) -> None:
    planned = [
        Planned(pointer=Pointer(id=str(i), uri="file:///a"), seconds=s)
        for i, s in enumerate(lengths)
    ]
    shards = into_shards(planned, target=target)
    assert [one for shard in shards for one in shard] == planned
    assert all(shards)
    for shard in shards:
        assert sum(one.seconds for one in shard[:-1]) < target


def test_a_small_archive_still_goes_round_all_workers() -> None:
    assert shard_seconds(8 * 600, limit_minutes=20, workers=2) == 600
    assert shard_seconds(10, limit_minutes=20, workers=2) == 60
    assert shard_seconds(1e9, limit_minutes=20, workers=2) == 1200


def left(*ids: str) -> list[LeftOver]:
    return [LeftOver(pointer=Pointer(id=i, uri=f"file:///{i}"), seconds=None) for i in ids]


def ids(shards: list[list[Planned]]) -> list[list[str]]:
    return [[one.pointer.id for one in shard] for shard in shards]


def test_a_shard_that_gave_nothing_goes_again_in_eighths_and_at_last_one_by_one() -> None:
    big, small = [f"a{number:02d}" for number in range(20)], ["b", "c"]
    eighths = ids(again([left(*big), left(*small)], last=False))
    assert [name for shard in eighths for name in shard] == big + small
    assert sorted(map(len, eighths)) == [1] * 2 + [2] * 4 + [3] * 4
    assert ids(again([left(*big), left(*small)], last=True)) == [[name] for name in big + small]


@given(st.lists(st.integers(0, 300), max_size=60), st.booleans(), st.sampled_from([1, 7, 40, 2000]))
def test_left_overs_go_again_once_each_in_a_bounded_number_of_shards_that_never_grow(
    sizes: list[int], last: bool, most: int
) -> None:
    groups = [left(*(f"{n}-{i}" for i in range(size))) for n, size in enumerate(sizes)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("batch.shards.MOST_SHARDS", most)
        shards = again(groups, last=last)
    names = [name for shard in ids(shards) for name in shard]
    assert names == [one.pointer.id for group in groups for one in group]
    assert len(shards) <= max(most, sum(1 for size in sizes if size))
    assert all(len({name.partition("-")[0] for name in shard}) == 1 for shard in ids(shards))


def test_what_was_left_without_output_by_an_earlier_run_goes_alone_if_it_is_not_everything() -> (
    None
):
    suspects = [Planned(pointer=Pointer(id=str(i), uri="file:///a"), seconds=9.0) for i in range(4)]
    assert alone(suspects, target=60.0) == [[one] for one in suspects]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("batch.shards.MOST_SHARDS", 3)
        assert alone(suspects, target=60.0) == [suspects]


def test_what_ran_out_of_time_is_cut_where_its_length_is_known() -> None:
    one, long = Pointer(id="a", uri="file:///a"), Pointer(id="b", uri="file:///b")
    rest = Pointer(id="c", uri="file:///c", offset=3600.0)
    shards = again(
        [
            [LeftOver(pointer=one, seconds=None)],
            [LeftOver(pointer=long, seconds=2.5 * PART_SECONDS)],
            [LeftOver(pointer=rest, seconds=1.5 * PART_SECONDS)],
        ],
        last=False,
    )
    found = [
        (p.pointer.id, p.pointer.offset, p.pointer.duration) for shard in shards for p in shard
    ]
    assert all(len(shard) == 1 for shard in shards)
    assert found == [
        ("a", None, None),
        ("b", 0.0, 3600.0),
        ("b", 3600.0, 3600.0),
        ("b", 7200.0, None),
        ("c", 3600.0, 3600.0),
        ("c", 7200.0, None),
    ]


def test_durations_are_predicted_by_extension_and_corrected_by_what_was_found() -> None:
    usual = DurationModel()
    assert usual.predict("x/a.WAV", 64_000) == 2.0
    learned = DurationModel.fit(
        pa.array(["a.wav", "x/b.WAV", "c.mp3"]),
        pa.array([1000, 3000, None]),
        pa.array([10.0, 10.0, 1.0]),
    )
    assert learned.predict("c.wav", 400) == 2.0
    assert learned.predict("c.mp3", 16_000) == 1.0
