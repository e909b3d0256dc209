"""Two drivers on one output, at once or one after the other's death: no row twice, none lost."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.torture.drivers import LONG, Driver, Drivers, Ended, drivers
from tests.torture.figures import count
from tests.torture.nights import a_day_later, first_archive, put_back, settled

LEASE = 1.5
STEPS = ("plan", "transform", "collect", "score", "report")


@dataclass(kw_only=True)
class Two:
    """A first night and the one after it, undisturbed and to be disturbed."""

    home: Path
    kept: Path
    drivers: Drivers
    first: Ended
    after_one: dict[str, Any]
    after_two: dict[str, Any]

    def until_free(self, server: int) -> Ended:
        """``nightscribe run``, again and again while another holds the output."""
        while True:
            ended = self.drivers.run(server=server)
            if "works on" not in ended.log:
                return ended


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Two]:
    home = tmp_path_factory.mktemp("two") / "h"
    first_archive(home)
    with drivers(home) as started:
        started.lease = LEASE
        kept = home.parent / "kept"
        shutil.copytree(home, kept)
        first = started.run()
        assert first.status == 0, first.log
        after_one = settled(home / "out")
        a_day_later(home)
        assert started.run().status == 0
        after_two = settled(home / "out")
        yield Two(
            home=home,
            kept=kept,
            drivers=started,
            first=first,
            after_one=after_one,
            after_two=after_two,
        )


@pytest.fixture
def two(undisturbed: Two) -> Iterator[Two]:
    put_back(undisturbed.home, undisturbed.kept)
    yield undisturbed
    undisturbed.drivers.kill_all()


@pytest.mark.parametrize("other", [(), ("run.on_model_change=all", "archive.exclude=['x']")])
def test_of_two_that_start_together_one_works(two: Two, other: tuple[str, ...]) -> None:
    both = [two.drivers.begin(server=0), two.drivers.begin(*other, server=1)]
    ended = [one.ended() for one in both]
    count("two drivers started together")
    assert [one.status for one in ended].count(0) >= 1
    for one in ended:
        assert one.status == 0 or "works on" in one.said[-1] or "just now" in one.said[-1]
    assert settled(two.home / "out") == two.after_one
    assert two.drivers.left_behind() == []


def test_a_run_whose_host_died_is_taken_over_when_its_lease_has_ended(two: Two) -> None:
    death = random.Random(0).choice(two.first.moments("transform"))
    assert two.drivers.run(death=death).status == -signal.SIGKILL
    (claim,) = (two.home / "out/claim").glob("*.json")
    holder = json.loads(claim.read_text())
    claim.write_text(json.dumps({**holder, "host": "elsewhere", "boot": "another"}))
    refused = two.drivers.run()
    assert refused.status == 1
    assert "elsewhere works on" in refused.said[-1]
    os.utime(claim, (1e9, 1e9))
    assert two.drivers.run().status == 0
    assert settled(two.home / "out") == two.after_one
    assert two.drivers.left_behind() == []


@pytest.mark.parametrize("number", range(40 if LONG else 1))
def test_a_driver_that_comes_back_from_the_dead_writes_nothing(two: Two, number: int) -> None:
    seed = random.Random(number)
    step = STEPS[(1 + number) % len(STEPS)]
    sleeper = two.drivers.begin(death=seed.choice(two.first.moments(step)), by=signal.SIGSTOP)
    _until_stopped(sleeper)
    was_done = any((two.home / "out" / "runs").glob("*/summary.json"))
    taken_over = two.until_free(server=1)
    assert taken_over.status == 0, taken_over.log
    assert settled(two.home / "out") == two.after_one
    a_day_later(two.home)
    assert two.drivers.run(server=1).status == 0
    assert settled(two.home / "out") == two.after_two
    sleeper.send(signal.SIGCONT)
    woken = sleeper.ended()
    count(f"driver stopped in {step}, taken over and woken up")
    assert settled(two.home / "out") == two.after_two
    # Stopped behind its last write, it has nothing left to be kept from.
    if woken.status != 0 or not was_done:
        assert woken.status == 1, woken.log
        assert "took" in woken.said[-1] or "another process" in woken.said[-1], woken.log
    assert two.drivers.run(server=1).status == 0
    assert settled(two.home / "out") == two.after_two
    assert two.drivers.left_behind() == []


def _until_stopped(driver: Driver) -> None:
    stat = Path(f"/proc/{driver.pid}/stat")
    while stat.read_text().rpartition(")")[2].split()[0] not in "Tt":
        assert driver.wait(0.01) is None, driver.log.read_text()
