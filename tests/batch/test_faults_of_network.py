"""Throttling, silence and errors of AWS's own: asked again, and a night does not end by them."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError, ReadTimeoutError

from batch.platforms.aws import client, translated
from batch.platforms.patience import PATIENCE_SECONDS, Patience, pauses
from manifests.errors import UnavailableError
from tests.batch.faulty_night import Night, faulty_night

pytestmark = pytest.mark.usefixtures("warm_python")


@pytest.fixture
def night(tmp_path: Path, tiny_model: Path, s3_bucket: str) -> Iterator[Night]:
    with faulty_night(tmp_path, tiny_model, s3_bucket) as night:
        yield night


def test_throttled_calls_are_made_again(night: Night) -> None:
    calls = ("CreateTransformJob", "DescribeTransformJob", "CreateModel", "DescribeModel")
    for call in calls:
        night.server.refuse(call, "ThrottlingException", "Rate exceeded", times=4)
    night.run()
    assert min(map(night.server.count, calls)) >= 5
    assert night.attempts() == ["r1-a1"]
    assert night.complete()


def test_s3_that_asks_to_slow_down_is_asked_again(night: Night) -> None:
    for call in (r"^PUT /.*/out/", r"^GET /.*archive", r"^HEAD /"):
        night.server.refuse(call, "SlowDown", "Reduce your request rate", status=503, times=4)
    night.run()
    assert night.complete()


def test_a_service_that_is_throttled_for_longer_than_botocore_tries_is_waited_for(
    night: Night,
) -> None:
    night.server.refuse("CreateTransformJob", "ThrottlingException", "Rate exceeded", times=25)
    night.run()
    (told,) = [line for line in night.said if "asking again for 30 minutes" in line]
    assert "AWS does not answer, or is too busy" in told
    assert night.attempts() == ["r1-a1"]
    assert night.complete()


@pytest.mark.parametrize("call", ["DescribeTransformJob", "^GET /.*runs", "."])
def test_a_network_that_is_gone_for_minutes_while_a_job_runs_does_not_end_the_night(
    night: Night, call: str
) -> None:
    night.jobs.when["transform"] = "when told"

    def lose_and_find(waits: int) -> None:
        if waits == 1:
            night.server.hang_up(call)
        if waits == 6:
            night.server.mend()
            night.jobs.work()

    night.on_wait = lose_and_find
    night.run()
    assert sum(night.waits) > 10
    assert sum("asking again" in line for line in night.said) == 1
    assert night.attempts() == ["r1-a1"]
    assert night.complete()


def test_a_network_that_stays_away_ends_the_run_and_the_next_finds_the_job(night: Night) -> None:
    night.jobs.when["transform"] = "when told"
    night.on_wait = lambda _: night.server.hang_up("DescribeTransformJob")
    with pytest.raises(UnavailableError, match="the job goes on without us, and the same command"):
        night.run()
    assert sum(night.waits) > PATIENCE_SECONDS
    night.server.mend()
    night.jobs.work()
    assert night.complete()
    assert night.attempts() == ["r1-a1"]


def test_errors_of_sagemakers_own_while_it_is_asked_are_waited_out(night: Night) -> None:
    night.jobs.when["transform"] = "when told"

    def ail(waits: int) -> None:
        night.server.mend()
        if waits == 1:
            night.server.refuse("Describe", "InternalFailure", "oops", status=500, times=15)
        else:
            night.jobs.work()

    night.on_wait = ail
    night.run()
    assert night.complete()


@pytest.mark.parametrize(
    "error",
    [
        EndpointConnectionError(endpoint_url="https://api.sagemaker.eu-central-1.amazonaws.com/"),
        ReadTimeoutError(endpoint_url="https://x/"),
    ],
)
def test_what_the_network_does_is_told_from_what_a_person_did(error: Exception) -> None:
    with pytest.raises(UnavailableError), translated("asking"):
        raise error


def test_pauses_grow_to_a_minute_and_never_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []

    def never() -> None:
        raise UnavailableError("no")

    with pytest.raises(UnavailableError):
        Patience(wait=waited.append)(never)
    assert PATIENCE_SECONDS <= sum(waited) < PATIENCE_SECONDS + 72
    assert waited[0] < 3
    assert 48 <= waited[-1] <= 72
    drawn = [next(pauses(10.0, 60.0)) for _ in range(20)]
    assert len(set(drawn)) > 10
    monkeypatch.setattr(random, "uniform", lambda low, _: low)
    assert next(pauses(10.0, 60.0)) == pytest.approx(8.0)


def test_patience_counts_the_time_that_calls_take() -> None:
    clock = [0.0]

    def times_out() -> None:
        clock[0] += 600.0
        raise UnavailableError("no")

    with pytest.raises(UnavailableError):
        Patience(wait=lambda _: None, clock=lambda: clock[0])(times_out)
    assert clock[0] == PATIENCE_SECONDS


def test_clients_back_off_with_jitter(night: Night) -> None:
    settings: Any = client("sagemaker").meta.config.retries
    assert settings["mode"] == "adaptive"
    assert settings["total_max_attempts"] >= 10
