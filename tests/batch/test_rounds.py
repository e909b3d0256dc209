"""Answers of several rounds, put together recording by recording, each output read once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from pathlib import Path
from typing import Any

import pytest

from batch.layout import RunKeys
from batch.outputs import Outputs, shard_names
from batch.plan import Plan, read_shard, write_round
from batch.progress import ShardDone
from batch.shards import again, into_shards, pointers_of
from manifests.errors import NightscribeError
from manifests.local_store import LocalStore
from manifests.pointers import Pointer
from manifests.recordings import Recording
from transform_handler.records import ErrorKind, RecordError, Status, TranscriptRecord

KEYS = RunKeys(run_id="2026-11-23-001")
NAMES = [f"{number}.wav" for number in range(12)]


class Counting(LocalStore):
    """A store that knows what was read."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.reads: Counter[str] = Counter()

    def read(self, key: str) -> bytes:
        self.reads[key] += 1
        return super().read(key)


@pytest.fixture
def store(tmp_path: Path) -> Counting:
    return Counting(tmp_path)


@pytest.fixture
def plan(store: Counting) -> Plan:
    """Twelve recordings in shards of three, the last recording in two parts."""
    planned = [
        pointer
        for name in NAMES
        for pointer in pointers_of(
            Recording(id=name, path=name, uri=f"file:///{name}", size=1, etag="e"),
            seconds=4000.0 if name == NAMES[-1] else 1.0,
            channels="mix",
            language="en",
            meta={},
        )
    ]
    return Plan(
        run_id=KEYS.run_id,
        dt=KEYS.dt,
        created_at="",
        archive_uri="file:///",
        output_uri=store.uri,
        channels="mix",
        language="en",
        model="m",
        model_digest="d",
        decode_digest="d",
        bundle_uri="",
        listed=len(NAMES),
        kept=0,
        waiting=0,
        reasons={"new": len(NAMES)},
        shards=write_round(store, KEYS, 1, into_shards(planned, target=6.0)),
    )


def answered(store: Counting, plan: Plan, number: int, ids: Collection[str]) -> None:
    """The outputs of those shards of a round that hold nothing but these recordings."""
    for name in shard_names(store, plan, number):
        pointers = read_shard(store, KEYS, name)
        if all(pointer.id in ids for pointer in pointers):
            lines = (record(one, status=Status.EMPTY, duration=1.0) for one in pointers)
            store.put(f"{KEYS.out}{name}.out", "".join(lines).encode())


def record(pointer: Pointer, **known: Any) -> str:
    made = TranscriptRecord(
        id=pointer.id,
        uri=pointer.uri,
        offset=pointer.offset,
        model={"digest": "d"},
        decode={"digest": "d"},
        **known,
    )
    return made.to_line() + "\n"


def next_round(store: Counting, plan: Plan, number: int) -> None:
    left = list(Outputs(store=store, plan=plan).missing(number - 1))
    write_round(store, KEYS, number, again(left, last=True))


def missing(store: Counting, plan: Plan, rounds: int) -> list[str]:
    found = list(Outputs(store=store, plan=plan).answers(rounds))
    assert list(dict.fromkeys(answer.pointer.id for answer in found)) == NAMES
    assert len(found) == len(NAMES) + 1
    return [answer.pointer.id for answer in found if answer.missing]


def test_each_recording_has_the_newest_answer_and_each_output_is_read_once(
    store: Counting, plan: Plan
) -> None:
    answered(store, plan, 1, NAMES[:3])
    next_round(store, plan, 2)
    answered(store, plan, 2, [*NAMES[3:6], NAMES[11]])
    next_round(store, plan, 3)
    answered(store, plan, 3, NAMES[6:9])
    store.reads.clear()
    assert missing(store, plan, 3) == NAMES[9:11]
    assert max(store.reads.values()) == 1


def test_an_output_that_came_late_counts(store: Counting, plan: Plan) -> None:
    """Of a job that was stopped: what it still wrote when the next round was planned already."""
    next_round(store, plan, 2)
    next_round(store, plan, 3)
    answered(store, plan, 2, NAMES)
    assert missing(store, plan, 3) == []
    answered(store, plan, 1, NAMES)
    assert missing(store, plan, 3) == []


def test_memory_holds_a_few_outputs_of_each_round(
    store: Counting, plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("manifests.parallel.PARALLEL", 2)
    next_round(store, plan, 2)
    answered(store, plan, 2, NAMES)
    store.reads.clear()
    next(Outputs(store=store, plan=plan).answers(2))
    outputs = [key for key in store.reads if key.endswith(".out")]
    # Some are read ahead, and one more is looked at to see where a recording ends.
    assert len(outputs) <= 5 < len(NAMES)


def test_a_round_in_another_order_than_the_plan_is_no_lost_recording(
    store: Counting, plan: Plan
) -> None:
    left = list(Outputs(store=store, plan=plan).missing(1))
    write_round(store, KEYS, 2, again(left[::-1], last=True))
    answered(store, plan, 2, NAMES)
    with pytest.raises(NightscribeError, match="round 2 is not in the order of the plan"):
        missing(store, plan, 2)


@pytest.mark.parametrize("answer", [b"<html>", b"\xff\xfe", b'{"x": 1}\n', b"[]\n", b"1\n"])
def test_an_output_that_cannot_be_read_counts_for_nothing(
    store: Counting, plan: Plan, answer: bytes
) -> None:
    name = plan.shards[0].name
    store.put(f"{KEYS.out}{name}.out", answer)
    assert missing(store, plan, 1) == [*NAMES, NAMES[-1]]
    done = ShardDone.of(name, answer)
    assert (done.records, done.audio_seconds) == (0, 0.0)


def test_what_the_storage_did_not_give_goes_again(store: Counting, plan: Plan) -> None:
    answered(store, plan, 1, NAMES)
    name = plan.shards[0].name
    pointers = read_shard(store, KEYS, name)
    error = RecordError(kind=ErrorKind.UNAVAILABLE, message="")
    lines = [record(one, status=Status.EMPTY, duration=1.0) for one in pointers]
    lines[1] = record(pointers[1], status=Status.ERROR, error=error)
    store.put(f"{KEYS.out}{name}.out", "".join(lines).encode())
    assert missing(store, plan, 1) == [NAMES[1]]
    next_round(store, plan, 2)
    answered(store, plan, 2, NAMES[1:2])
    assert missing(store, plan, 2) == []


def test_what_ran_out_of_time_is_answered_by_its_parts(store: Counting, plan: Plan) -> None:
    name = plan.shards[0].name
    error = RecordError(kind=ErrorKind.TIME_LIMIT, message="")
    pointer = read_shard(store, KEYS, name)[0]
    line = record(pointer, status=Status.ERROR, error=error, duration=8000.0)
    store.put(f"{KEYS.out}{name}.out", line.encode())
    next_round(store, plan, 2)
    answered(store, plan, 2, NAMES)
    found = list(Outputs(store=store, plan=plan).answers(2))
    parts = [answer.pointer.offset for answer in found if answer.pointer.id == NAMES[0]]
    assert parts == [0.0, 3600.0, 7200.0]
    assert not any(answer.missing for answer in found)
