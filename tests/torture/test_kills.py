"""SIGKILL at any moment, then the same command again: the end is as if nothing had happened."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.torture.drivers import LONG, Driver, Drivers, Ended, drivers
from tests.torture.figures import count
from tests.torture.nights import (
    SCENARIOS,
    WITH_THE_SHIPPED_MODEL,
    Scenario,
    put_back,
    settled,
)

KILLED_IN = (*SCENARIOS, WITH_THE_SHIPPED_MODEL) if LONG else (SCENARIOS[1],)
STEPS = ("plan", "transform", "collect", "score", "report")


@dataclass(kw_only=True)
class Night:
    """A scenario at its beginning, and its undisturbed end."""

    scenario: Scenario
    home: Path
    kept: Path
    drivers: Drivers
    end: dict[str, object] = field(default_factory=dict)
    moments: dict[str, list[int]] = field(default_factory=dict)

    def run(self, death: int | None = None) -> Ended:
        return self.drivers.run(*self.scenario.options, death=death)

    def start(self) -> Driver:
        return self.drivers.begin(*self.scenario.options)

    def undisturbed(self) -> None:
        ended = self.run()
        assert ended.status == 0, ended.log
        self.moments = {step: ended.moments(step) for step in STEPS}
        assert all(self.moments.values())
        self.end = settled(self.home / "out")

    def gone_on_with(self, killed: Ended) -> None:
        """The same command again."""
        if killed.status and self._finished() and self.scenario.fails:
            return  # what failed would rightly be tried again
        if killed.status:
            ended = self.run()
            assert ended.status == 0, ended.log
        found = settled(self.home / "out")
        for name, what in self.end.items():
            assert found[name] == what, f"{name}, killed in {killed.last_step}"
        assert self.drivers.left_behind() == []
        count("rows compared after a kill", len(found["rows"]))

    def _finished(self) -> bool:
        """Whether the night's summary is there."""
        return len(list(self.home.glob("out/runs/*/summary.json"))) == self.scenario.second + 1


@pytest.fixture(params=KILLED_IN, ids=lambda one: one.name)
def night(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Night]:
    scenario: Scenario = request.param
    home = tmp_path / "home"
    scenario.archive(home)
    with drivers(home, **scenario.environment) as started:
        made = Night(scenario=scenario, home=home, kept=tmp_path / "kept", drivers=started)
        if scenario.second:
            assert started.run().status == 0
            scenario.begun(home)
        shutil.copytree(home, made.kept)
        made.undisturbed()
        yield made


def test_a_killed_run_ends_as_if_nothing_had_happened(night: Night) -> None:
    seed = random.Random(night.scenario.name)
    for number in range(night.scenario.moments if LONG else len(STEPS)):
        put_back(night.home, night.kept)
        # In turn, so that short steps are met as often as long ones.
        step = STEPS[number % len(STEPS)]
        if number % 6 == 1:
            ended = _kill_a_worker(night, seed)
        else:
            ended = night.run(death=seed.choice(night.moments[step]))
            assert ended.status in (-signal.SIGKILL, 0), ended.log
            # What a run does in its threads is not in the same order each time.
            what = f"killed in {ended.last_step}" if ended.status else "not killed"
            count(f"driver {what}")
        night.gone_on_with(ended)


def _kill_a_worker(night: Night, seed: random.Random) -> Ended:
    """Kill a worker, and now and then its driver with it, at some time after it was started."""
    driver = night.start()
    while not (workers := driver.workers()) and driver.wait(0.01) is None:
        pass
    driver.wait(seed.random() * 0.8)
    both = seed.random() < 0.5
    victims = [driver.pid] if both else []
    for pid in [*victims, *(driver.workers() or workers)[:1]]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    count(f"worker{' and driver' if both else ''} killed in {driver.so_far().last_step}")
    return driver.ended()
