from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from batch.durations import DurationModel
from batch.shards import (
    PART_SECONDS,
    LeftOver,
    Planned,
    again,
    into_shards,
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


def test_what_is_left_over_goes_again_alone_and_cut_where_its_length_is_known() -> None:
    one, long = Pointer(id="a", uri="file:///a"), Pointer(id="b", uri="file:///b")
    last = Pointer(id="c", uri="file:///c", offset=3600.0)
    left = [
        LeftOver(pointer=one, seconds=None),
        LeftOver(pointer=long, seconds=2.5 * PART_SECONDS),
        LeftOver(pointer=last, seconds=1.5 * PART_SECONDS),
    ]
    shards = again(left)
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
    learned = DurationModel.fit([("a.wav", 1000, 10.0), ("b.wav", 3000, 10.0)])
    assert learned.predict("c.wav", 400) == 2.0
    assert learned.predict("c.mp3", 16_000) == 1.0
