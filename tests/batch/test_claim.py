from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from batch.claim import Claim, ClaimedError, _here
from manifests.local_store import LocalStore
from manifests.storage import Store, open_store


@dataclass
class Clock:
    """The machine's clock of a claim's holder."""

    now: float = 1000.0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("batch.claim._clock", lambda: clock.now)
    return clock


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(tmp_path)


def held_by_another(store: Store, **changes: object) -> None:
    holder = {"host": "elsewhere", "pid": 1, "expires": 4e9, **changes}
    store.put("claim/00000001.json", json.dumps(holder).encode())


def hours_ago(store: Store, generation: int = 1) -> None:
    """The store says that the claim was last renewed hours ago."""
    assert isinstance(store, LocalStore)
    os.utime(store.root / f"claim/{generation:08d}.json", (1e9, 1e9))


def test_a_second_holder_is_told_who_holds(store: Store) -> None:
    with Claim(store, "claim/"):
        held_by_another(store)  # as if it had been taken on another host
        with pytest.raises(ClaimedError, match="process 1 on elsewhere"), Claim(store, "claim/"):
            pass


def test_a_released_claim_can_be_taken(store: Store) -> None:
    for _ in range(12):
        with Claim(store, "claim/"):
            pass
    assert len(list(store.list("claim/"))) < 12


def test_an_expired_claim_is_taken_over(store: Store) -> None:
    held_by_another(store)
    hours_ago(store)
    with Claim(store, "claim/") as claim:
        claim.check()
        assert claim.after_a_crash


def test_the_claim_of_a_dead_process_of_this_host_is_taken_over_at_once(store: Store) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    held_by_another(store, **_here(), pid=dead.pid)
    with Claim(store, "claim/"):
        pass


def test_who_lost_the_claim_stops(store: Store) -> None:
    with Claim(store, "claim/", lease_seconds=0.08) as claim:
        store.put(
            "claim/00000002.json", json.dumps({"host": "b", "pid": 2, "expires": 4e9}).encode()
        )
        claim._heart.join(timeout=10)
        with pytest.raises(ClaimedError, match="took"):
            claim.check()


def test_a_write_whose_answer_was_lost_is_still_ours(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    conditional_write = store.put_if_absent

    def answer_lost(key: str, data: bytes) -> bool:
        assert conditional_write(key, data)
        return conditional_write(key, data)

    monkeypatch.setattr(store, "put_if_absent", answer_lost)
    with Claim(store, "claim/") as claim:
        claim.check()


def test_of_two_that_take_over_at_once_one_wins(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    held_by_another(store)
    hours_ago(store)
    conditional_write = store.put_if_absent

    def other_was_quicker(key: str, data: bytes) -> bool:
        assert conditional_write(key, b"{}")
        return conditional_write(key, data)

    monkeypatch.setattr(store, "put_if_absent", other_was_quicker)
    with pytest.raises(ClaimedError, match="just now"), Claim(store, "claim/"):
        pass


@pytest.mark.parametrize("off", [3600.0, -3600.0])
def test_nobodys_clock_but_the_stores_says_how_old_a_claim_is(
    store: Store, monkeypatch: pytest.MonkeyPatch, off: float
) -> None:
    now = time.time()
    with Claim(store, "claim/"):
        held_by_another(store, expires=now + 120)
        monkeypatch.setattr(time, "time", lambda: now + off)
        with pytest.raises(ClaimedError, match="elsewhere"), Claim(store, "claim/"):
            pass
        hours_ago(store)
        with Claim(store, "claim/") as claim:
            claim.check()
    assert [entry.key for entry in store.list("claim")] == [
        "claim/00000001.json",
        "claim/00000002.json",
    ]


def test_who_slept_past_the_lease_writes_nothing_more(tmp_path: Path, clock: Clock) -> None:
    store = open_store(tmp_path)
    with Claim(store, "claim/") as sleeper:
        fenced = open_store(tmp_path, before_write=sleeper.hold)
        fenced.put("a", b"before")
        clock.now += 130
        hours_ago(store)
        with _as_on_another_machine(), Claim(store, "claim/"):
            for write in (
                lambda: fenced.put("a", b"late"),
                lambda: fenced.put_if_absent("b", b"late"),
                lambda: fenced.replace("c", b"late", etag=None),
                lambda: fenced.delete("a"),
            ):
                with pytest.raises(ClaimedError, match="took"):
                    write()
    assert store.read("a") == b"before"
    assert {entry.key.partition("/")[0] for entry in store.list()} == {"a", "claim"}


def test_who_slept_past_the_lease_and_was_not_missed_goes_on(store: Store, clock: Clock) -> None:
    with Claim(store, "claim/") as claim:
        hours_ago(store)
        clock.now += 130
        claim.hold()
        with (
            _as_on_another_machine(),
            pytest.raises(ClaimedError, match="works on"),
            Claim(store, "claim/"),
        ):
            pass


def test_a_holder_that_wakes_up_while_it_is_taken_over_is_seen(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    held_by_another(store)
    hours_ago(store)
    conditional_write = store.put_if_absent

    def it_wakes_up(key: str, data: bytes) -> bool:
        held_by_another(store, expires=5e9)
        return conditional_write(key, data)

    monkeypatch.setattr(store, "put_if_absent", it_wakes_up)
    with pytest.raises(ClaimedError, match="just now"), Claim(store, "claim/"):
        pass


def test_who_slept_while_others_came_and_went_does_not_begin(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    conditional_write = store.put_if_absent

    def slept(key: str, data: bytes) -> bool:
        # Generations 1 to 9 came and went, and the first were removed.
        store.put("claim/00000009.json", json.dumps({"expires": 0}).encode())
        return conditional_write(key, data)

    monkeypatch.setattr(store, "put_if_absent", slept)
    with pytest.raises(ClaimedError, match="just now"), Claim(store, "claim/"):
        pass


def test_a_store_that_hangs_does_not_hold_up_the_end(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("batch.claim._RELEASE_SECONDS", 0.05)
    forever = threading.Event()
    with Claim(store, "claim/"):
        monkeypatch.setattr(store, "put", lambda *_: forever.wait(60))
    forever.set()


@contextmanager
def _as_on_another_machine() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("batch.claim._here", lambda: {"host": "b", "boot": "b", "namespace": "b"})
        yield


def test_a_container_of_the_same_name_on_another_machine_is_alive(store: Store) -> None:
    twin = {**_here(), "boot": "another machine's", "pid": os.getpid()}
    held_by_another(store, **twin)
    with pytest.raises(ClaimedError), Claim(store, "claim/"):
        pass


TAKE = """
import sys
from batch.claim import Claim, ClaimedError
from manifests.storage import open_store
store = open_store(sys.argv[1])
sys.stdin.read(1)
try:
    with Claim(store, "claim/") as claim:
        print("mine", flush=True)
        sys.stdin.read()
        claim.check()
except ClaimedError as error:
    print("theirs", flush=True)
"""


def test_of_several_processes_that_begin_at_once_one_works(store: Store) -> None:
    command = [sys.executable, "-c", TAKE, store.uri]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    drivers = [subprocess.Popen(command, **pipes) for _ in range(3)]
    for driver in drivers:
        driver.stdin.write("!")
        driver.stdin.flush()
    said = [driver.stdout.readline().strip() for driver in drivers]
    assert sorted(said) == ["mine", "theirs", "theirs"]
    for driver in drivers:
        driver.communicate()
        assert driver.returncode == 0
