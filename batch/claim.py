"""Who works on an output location: a lease in the store, renewed while its holder lives.

Each takeover writes the next generation with a conditional write, so of two that try only one
wins; the newest generation holds. How old a lease is, the store's own clock tells: no two machines
agree on the time. A holder counts from before it renewed, so it always gives up first.

A holder renews, then looks for a newer generation; who takes over writes one, then looks whether
the holder has renewed. So one of the two sees the other, in whatever order it happens.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from manifests.errors import JobFailedError, NightscribeError
from manifests.storage import Store, StoredObject

LEASE_SECONDS = 120.0
_KEPT_GENERATIONS = 8
# The part of a lease that its holder relies on: clocks run apart a little, and S3 tells seconds.
_SAFE = 0.8
_RELEASE_SECONDS = 5.0


class ClaimedError(JobFailedError):
    """Somebody else works on this output location."""


class Claim:
    """A context in which this process alone works on an output location."""

    def __init__(self, store: Store, folder: str, *, lease_seconds: float = LEASE_SECONDS) -> None:
        self._store = store
        self._folder = folder
        self._lease = lease_seconds
        self._key = ""
        self._generation = 0
        self._renewed = 0.0
        self._token = secrets.token_hex(8)
        self._released = threading.Event()
        self._lost = False
        self.after_a_crash = False
        """Whether the holder before did not give the claim back."""
        self._heart = threading.Thread(target=self._beat, daemon=True)

    def __enter__(self) -> Self:
        before = self._newest()
        if before is not None:
            self._check_that_it_is_free(before)
        began = _clock()
        self._generation = 1 if before is None else _generation(before) + 1
        self._key = f"{self._folder}{self._generation:08d}.json"
        content = self._content()
        written = self._store.put_if_absent(self._key, content)
        # A retry after a lost answer is told "exists" of what it wrote itself.
        if not written and self._store.read(self._key) != content:
            raise ClaimedError(f"another process began to work on {self._store.uri} just now")
        self._renewed = began
        self._check_that_it_is_taken(before)
        for old in range(max(1, self._generation - 1 - _KEPT_GENERATIONS), self._generation - 1):
            self._store.delete(f"{self._folder}{old:08d}.json")
        self._heart.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._released.set()
        # A store that does not answer must not hold up who was told to stop: the lease ends anyway.
        release = threading.Thread(target=self._release, daemon=True)
        release.start()
        release.join(_RELEASE_SECONDS)

    def check(self) -> None:
        """Stop here if another process took over meanwhile, while this one slept perhaps.

        Raises:
            ClaimedError: it did.
        """
        if not self._lost:
            self._lost = not self._is_newest()
        if self._lost:
            raise ClaimedError(f"another process took {self._store.uri} over; this one stops")

    def hold(self) -> None:
        """As ``check``, for each single write: asks the store only where the lease has run out.

        Raises:
            ClaimedError: another process took over.
            StoreError: the lease has run out, and the store does not answer.
        """
        if not self._lost and _clock() - self._renewed > self._lease * _SAFE:
            self._renew()
        if self._lost:
            self.check()

    def _check_that_it_is_free(self, entry: StoredObject) -> None:
        holder = json.loads(self._store.read(entry.key))
        self.after_a_crash = holder["expires"] > 0
        if not self.after_a_crash or _is_dead(holder):
            return
        left = holder.get("lease", LEASE_SECONDS) - self._age(entry)
        if left > 0:
            raise ClaimedError(
                f"process {holder['pid']} on {holder['host']} works on {self._store.uri} "
                f"(for {left:.0f} s yet, unless renewed); wait for it, or stop it"
            )

    def _check_that_it_is_taken(self, before: StoredObject | None) -> None:
        """Look back: the holder may have woken up, or others were quicker by generations."""
        if not self._is_newest() or (before is not None and self._was_renewed(before)):
            self._release()
            raise ClaimedError(f"another process began to work on {self._store.uri} just now")

    def _was_renewed(self, before: StoredObject) -> bool:
        now = self._store.stat(before.key)
        if now is None or now.etag == before.etag:
            return False
        return bool(json.loads(self._store.read(before.key))["expires"] > 0)

    def _age(self, entry: StoredObject) -> float:
        """Seconds since an object was written, by the store's clock."""
        probe = f"{self._folder.rstrip('/')}.clock-{self._token}"
        self._store.put(probe, b"")
        now = self._store.stat(probe)
        self._store.delete(probe)
        return 0.0 if now is None else (now.modified - entry.modified).total_seconds()

    def _beat(self) -> None:
        while not self._lost and not self._released.wait(self._lease / 4):
            # A store that does not answer for a while must not end the run; the lease may.
            with suppress(NightscribeError):
                self._renew()

    def _renew(self) -> None:
        began = _clock()
        self._store.put(self._key, self._content())
        if self._is_newest():
            self._renewed = began
        else:
            self._lost = True

    def _release(self) -> None:
        if self._heart.is_alive():
            self._heart.join()
        if not self._lost:
            with suppress(NightscribeError):
                self._store.put(self._key, self._content(expires=0.0))

    def _is_newest(self) -> bool:
        newest = self._newest()
        return newest is not None and _generation(newest) == self._generation

    def _newest(self) -> StoredObject | None:
        return max(self._store.list(self._folder), key=_generation, default=None)

    def _content(self, *, expires: float | None = None) -> bytes:
        until = time.time() + self._lease if expires is None else expires
        lease = {"lease": self._lease, "expires": until}
        return json.dumps({**_here(), "pid": os.getpid(), "token": self._token, **lease}).encode()


def _generation(entry: StoredObject) -> int:
    return int(entry.key.rpartition("/")[2].partition(".")[0])


def _clock() -> float:
    """Seconds that go on while the machine sleeps, which those of ``monotonic`` need not do."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


def working(store: Store, folder: str) -> dict[str, Any] | None:
    """Who holds the claim in ``folder`` now; None where nobody does."""
    holder = last_holder(store, folder)
    return holder if holder and _alive(holder) else None


def last_holder(store: Store, folder: str) -> dict[str, Any] | None:
    """Who holds the claim or died with it; None where it was given back."""
    keys = [entry.key for entry in store.list(folder)]
    if not keys:
        return None
    holder: dict[str, Any] = json.loads(store.read(keys[-1]))
    return holder if holder["expires"] > 0 else None


def _here() -> dict[str, str]:
    """Where a process id means something: a machine since its start, and a namespace of ids on it.

    SageMaker's containers are all called ``algo-1``, and namespaces of two machines share numbers.
    """
    namespace = boot = ""
    with suppress(OSError):
        namespace = str(Path("/proc/self/ns/pid").readlink())
    with suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    return {"host": socket.gethostname(), "boot": boot, "namespace": namespace}


def _alive(holder: dict[str, Any]) -> bool:
    return holder["expires"] >= time.time() and not _is_dead(holder)


def _is_dead(holder: dict[str, Any]) -> bool:
    """Whether a holder was a process of this machine that is no more."""
    if any(holder.get(name) != value for name, value in _here().items()):
        return False
    if holder["pid"] == os.getpid():
        return True  # a dead process whose number is ours now
    try:
        os.kill(holder["pid"], 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
