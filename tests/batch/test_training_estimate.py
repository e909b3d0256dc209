"""How long a job will take: the speed of one machine, times the machines."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from batch.capacity.prices import Price
from batch.fine_tuning.estimate import Estimate, audio_seconds, measured_speed
from manifests.storage import Store, open_store
from training.settings import Settings

PRICE = Price(per_hour=2.0, source="")


@pytest.fixture
def output(tmp_path: Path) -> Store:
    return open_store(tmp_path)


def job(output: Store, name: str, speed: float, **more: Any) -> None:
    throughput = {"audio_seconds_per_second": speed, "processes": more.pop("processes", 1)}
    content = {"instance_type": "ml.g5.xlarge", **more, "metrics": {"throughput": throughput}}
    output.put(f"training/jobs/{name}/trained.json", json.dumps(content).encode())


def test_speeds_are_those_of_one_machine(output: Store) -> None:
    job(output, "one", 100.0)
    job(output, "four", 400.0, instance_count=4, processes=4)
    job(output, "other", 7.0, instance_type="")
    found = measured_speed(output, "ml.g5.xlarge")
    assert (found.value, found.processes) == (100.0, 1)
    assert found.measured == "2 earlier jobs on ml.g5.xlarge"


def test_each_gpu_of_a_machine_has_its_own_batches(output: Store) -> None:
    job(output, "one", 400.0, instance_count=2, processes=8)
    found = measured_speed(output, "ml.g5.xlarge")
    assert (found.value, found.processes) == (200.0, 4)


def test_what_was_not_measured_is_not_known(output: Store) -> None:
    assert measured_speed(output, "ml.g5.xlarge").value is None


def test_two_machines_take_half_the_time_for_an_epoch_and_cost_the_same() -> None:
    seconds = audio_seconds(Settings.of({"epochs": 10.0}), train_seconds=3600.0, processes=2)
    one, two = (
        Estimate(audio_seconds=seconds, speed=10.0, measured="", instances=n, price=PRICE)
        for n in (1, 2)
    )
    assert (one.hours, two.hours) == (1.0, 0.5)
    assert one.cost == two.cost == 2.0


def test_two_machines_take_as_long_for_a_step_and_hear_twice_as_much() -> None:
    settings = Settings.of({"steps": 180, "batch_seconds": 20.0, "warmup_steps": 0})
    hours = [
        Estimate(
            audio_seconds=audio_seconds(settings, train_seconds=60.0, processes=n),
            speed=10.0,
            measured="",
            instances=n,
            price=PRICE,
        ).hours
        for n in (1, 2)
    ]
    assert hours == [0.1, 0.1]
