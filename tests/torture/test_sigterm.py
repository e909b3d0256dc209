"""SIGTERM, as schedulers and shutdowns send it: stopped soon, what is done is kept, and gone on."""

from __future__ import annotations

import random
import shutil
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.torture.drivers import LONG, Drivers, Ended, drivers
from tests.torture.figures import count
from tests.torture.nights import first_archive, put_back, settled

STEPS = ("transform", "collect", "score", "report", "plan")
SECONDS = 10.0
INTERRUPTED = 130


@dataclass(kw_only=True)
class Night:
    home: Path
    kept: Path
    drivers: Drivers
    first: Ended
    end: dict[str, Any]

    def goes_on(self) -> None:
        ended = self.drivers.run()
        assert ended.status == 0, ended.log
        assert settled(self.home / "out") == self.end
        assert self.drivers.left_behind() == []


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Night]:
    home = tmp_path_factory.mktemp("sigterm") / "h"
    first_archive(home)
    kept = home.parent / "kept"
    shutil.copytree(home, kept)
    with drivers(home) as started:
        first = started.run()
        assert first.status == 0, first.log
        end = settled(home / "out")
        yield Night(home=home, kept=kept, drivers=started, first=first, end=end)


@pytest.fixture
def night(undisturbed: Night) -> Night:
    put_back(undisturbed.home, undisturbed.kept)
    return undisturbed


@pytest.mark.parametrize("number", range(25 if LONG else 1))
def test_a_run_that_is_told_to_stop_stops_and_goes_on_later(night: Night, number: int) -> None:
    step = STEPS[number % len(STEPS)]
    moment = random.Random(number).choice(night.first.moments(step))
    begun = time.monotonic()
    ended = night.drivers.begin(death=moment, by=signal.SIGTERM).ended()
    assert time.monotonic() - begun < 2 * SECONDS
    assert ended.status == INTERRUPTED, ended.log
    count(f"driver stopped by SIGTERM in {step}")
    assert ended.said[-1] == "stopped; the same command goes on from here"
    night.goes_on()


def test_a_run_whose_worker_is_in_a_long_invocation_stops_too(night: Night) -> None:
    night.drivers.environment["STUB_HANGS_ON"] = "1/9.wav"
    driver = night.drivers.begin()
    while "1/11 shards" not in driver.so_far().log:
        assert driver.wait(0.02) is None
    driver.send(signal.SIGTERM)
    ended = driver.wait(SECONDS)
    assert ended is not None
    assert ended.status == INTERRUPTED
    assert night.drivers.left_behind() == []
    assert any((night.home / "out/runs").glob("*/out/r1-0000*.jsonl.out"))
    del night.drivers.environment["STUB_HANGS_ON"]
    night.goes_on()
