from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from batch.claim import Claim, ClaimedError, _here
from manifests.storage import Store, open_store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(tmp_path)


def held_by_another(store: Store, **changes: object) -> None:
    holder = {"host": "elsewhere", "pid": 1, "expires": 4e9, **changes}
    store.put("claim/00000001.json", json.dumps(holder).encode())


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
    held_by_another(store, expires=1.0)
    with Claim(store, "claim/") as claim:
        claim.check()


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
    held_by_another(store, expires=1.0)
    conditional_write = store.put_if_absent

    def other_was_quicker(key: str, data: bytes) -> bool:
        assert conditional_write(key, b"{}")
        return conditional_write(key, data)

    monkeypatch.setattr(store, "put_if_absent", other_was_quicker)
    with pytest.raises(ClaimedError, match="just now"), Claim(store, "claim/"):
        pass


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
