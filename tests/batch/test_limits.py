"""No document that is derived can break a limit of Batch Transform, whatever is to be done."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batch.capacity.limits import (
    BUDGET_SHARE,
    LONGEST_TIMEOUT,
    RESPONSE_BYTES,
    SPLIT_CHANNELS,
    WORD_BYTES,
    WORDS_PER_SECOND,
    WORK_SECONDS,
    Work,
    check_documents,
    check_pointer,
    concurrency,
    limits_for,
    most_sound,
    payload_bytes,
    payload_mb,
)
from batch.requests import TransformMachines, job_name, model_request, transform_request
from batch.shards import PART_SECONDS, Planned, into_shards, shard_seconds
from manifests.errors import InputError
from manifests.pointers import Pointer, write_pointers
from tests.batch.test_requests import complaints

WORKERS = st.integers(1, 256)
SPEEDS = st.none() | st.floats(0.01, 5000)


def documents(limits, workers: int) -> tuple[dict, dict]:
    machines = TransformMachines(workers=workers)
    model = model_request(name="nightscribe-m", bundle_uri="s3://b/model.tar.gz", machines=machines)
    job = transform_request(
        name=job_name("2026-11-23-001", "s3://b/out/", "r1"),
        model_name=model["ModelName"],
        manifest_uri="s3://b/out/manifest.json",
        output_uri="s3://b/out/out/",
        allowed_prefixes=["s3://b/in/"],
        limits=limits,
        machines=machines,
    )
    return dict(model), dict(job)


def client(seconds: int, retries: int) -> dict:
    settings = {"InvocationsTimeoutInSeconds": seconds, "InvocationsMaxRetries": retries}
    return {"ModelClientConfig": settings}


@st.composite
def plans(draw: st.DrawFn) -> list[Planned]:
    lengths = draw(
        st.lists(
            st.tuples(st.floats(0, PART_SECONDS), st.integers(0, 400_000)), min_size=1, max_size=20
        )
    )
    return [
        Planned(pointer=Pointer(id=str(i), uri="s3://b/a", meta={"n": "x" * size}), seconds=s)
        for i, (s, size) in enumerate(lengths)
    ]


@settings(deadline=None, max_examples=60)
@given(planned=plans(), workers=WORKERS, speed=SPEEDS, split=st.booleans())
def test_a_plan_keeps_every_limit_or_is_refused(
    planned: list[Planned], workers: int, speed: float | None, split: bool
) -> None:
    total = sum(one.seconds for one in planned)
    minutes = most_sound(speed, split=split) / 60
    target = shard_seconds(total, limit_minutes=minutes, workers=workers)
    shards = into_shards(planned, target=target, most_bytes=payload_bytes(workers))
    work = Work(
        shard_bytes=max(len(write_pointers(one.pointer for one in shard)) for shard in shards),
        shard_seconds=max(sum(one.seconds for one in shard) for shard in shards),
        pointer_seconds=max(one.seconds for one in planned),
    )
    try:
        limits = limits_for(work, workers=workers, worker_speed=speed)
    except InputError:
        longest = max(one.seconds for one in planned)
        assert speed
        assert longest / speed > LONGEST_TIMEOUT * BUDGET_SHARE
        return
    model, job = documents(limits, workers)
    check_documents(model, job)
    assert complaints("CreateTransformJob", job) == ""
    assert job["MaxConcurrentTransforms"] * job["MaxPayloadInMB"] <= 100
    assert work.shard_bytes <= job["MaxPayloadInMB"] * 1_000_000
    assert 1 <= limits.timeout_seconds <= 3600
    assert limits.budget_seconds < limits.timeout_seconds
    if speed:
        assert max(one.seconds for one in planned) / speed <= LONGEST_TIMEOUT * BUDGET_SHARE


@given(workers=WORKERS)
def test_every_worker_has_a_payload_and_all_of_them_a_hundred_megabytes(workers: int) -> None:
    assert 1 <= concurrency(workers) <= workers
    assert 1 <= payload_mb(workers) * concurrency(workers) <= 100


@given(speed=SPEEDS, split=st.booleans())
def test_a_shard_is_minutes_of_work_and_its_answer_fits(speed: float | None, split: bool) -> None:
    sound = most_sound(speed, split=split)
    assert sound <= WORK_SECONDS * (speed or 1.0)
    channels = SPLIT_CHANNELS if split else 1
    assert sound * channels * WORDS_PER_SECOND * WORD_BYTES <= RESPONSE_BYTES / 2


@given(speed=st.floats(0.5, 5000), seconds=st.floats(1, 1200))
def test_the_time_out_leaves_a_margin_over_what_was_measured(speed: float, seconds: float) -> None:
    work = Work(shard_bytes=1000, shard_seconds=seconds, pointer_seconds=seconds)
    limits = limits_for(work, workers=2, worker_speed=speed)
    assert limits.timeout_seconds == LONGEST_TIMEOUT or limits.timeout_seconds > 4 * seconds / speed


def test_without_a_measured_speed_an_invocation_gets_all_the_time_there_is() -> None:
    work = Work(shard_bytes=1000, shard_seconds=600.0, pointer_seconds=600.0)
    assert limits_for(work, workers=2).timeout_seconds == LONGEST_TIMEOUT
    assert limits_for(Work(shard_bytes=1), workers=2, worker_speed=9.0).timeout_seconds == 3600


def test_a_machine_that_is_too_slow_for_an_hour_of_sound_is_refused_in_one_sentence() -> None:
    work = Work(shard_bytes=1000, shard_seconds=3600.0, pointer_seconds=3600.0)
    with pytest.raises(InputError) as raised:
        limits_for(work, workers=4, worker_speed=0.8, where="ml.t3.medium")
    assert str(raised.value) == (
        "a worker of ml.t3.medium would need 75 min for 60 min of sound (measured: 0.8 s of sound "
        "a second), and an invocation may take 51; name a faster type in [transform] instances, or "
        "fewer [transform] workers"
    )


def test_a_line_that_no_payload_carries_is_refused_with_its_recording() -> None:
    with pytest.raises(InputError, match=r"day/a\.wav: its line in a shard has 2,000,001 bytes"):
        check_pointer("day/a.wav", 2_000_001, workers=50)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"TransformJobName": "nightscribe-" + "x" * 60}, "TransformJobName"),
        ({"TransformJobName": "night_scribe"}, "letters, digits and dashes"),
        ({"MaxConcurrentTransforms": 50, "MaxPayloadInMB": 3}, "found 150"),
        ({"MaxConcurrentTransforms": 0}, "MaxConcurrentTransforms: found 0"),
        ({"Environment": {f"N{n}": "x" for n in range(17)}}, "found 17; SageMaker takes 0 to 16"),
        (client(3601, 1), "InvocationsTimeoutInSeconds: found 3601"),
        (client(60, 4), "InvocationsMaxRetries: found 4"),
    ],
)
def test_a_document_that_breaks_a_limit_is_refused(change: dict, said: str) -> None:
    model, job = documents(limits_for(Work(shard_bytes=1), workers=2), 2)
    check_documents(model, job)
    with pytest.raises(InputError, match=said):
        check_documents(model, {**job, **change})


def test_the_models_document_does_not_depend_on_tonights_shards() -> None:
    names = {
        documents(limits_for(Work(shard_bytes=size), workers=2), 2)[0]["ModelName"]
        for size in (1000, 40_000_000)
    }
    assert len(names) == 1


def test_shards_close_by_bytes_too() -> None:
    pointers = [Pointer(id=str(i), uri="s3://b/a", meta={"n": "x" * 900}) for i in range(10)]
    planned = [Planned(pointer=pointer, seconds=1.0) for pointer in pointers]
    shards = into_shards(planned, target=math.inf, most_bytes=3000)
    assert [len(shard) for shard in shards] == [3, 3, 3, 1]
