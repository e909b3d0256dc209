"""Who works on an output location: a lease in the store, renewed while its holder lives.

Each takeover writes the next generation with a conditional write, so of two that try only one
wins; the newest generation holds.
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
from manifests.storage import Store

LEASE_SECONDS = 120.0
_KEPT_GENERATIONS = 8


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
        self._token = secrets.token_hex(8)
        self._released = threading.Event()
        self._lost = False
        self._heart = threading.Thread(target=self._beat, daemon=True)

    def __enter__(self) -> Self:
        generation, holder = self._newest()
        if holder is not None and _alive(holder):
            raise ClaimedError(
                f"process {holder['pid']} on {holder['host']} works on {self._store.uri} "
                f"(until {_clock(holder['expires'])} unless renewed); wait for it, or stop it"
            )
        self._generation = generation + 1
        self._key = f"{self._folder}{self._generation:08d}.json"
        content = self._content()
        written = self._store.put_if_absent(self._key, content)
        # A retry after a lost answer is told "exists" of what it wrote itself.
        if not written and self._store.read(self._key) != content:
            raise ClaimedError(f"another process began to work on {self._store.uri} just now")
        for old in range(max(1, generation - _KEPT_GENERATIONS), generation):
            self._store.delete(f"{self._folder}{old:08d}.json")
        self._heart.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._released.set()
        self._heart.join(timeout=5)
        if not self._lost:
            with suppress(NightscribeError):
                self._store.put(self._key, self._content(expires=0.0))

    def check(self) -> None:
        """Stop here if another process took over meanwhile, while this one slept perhaps.

        Raises:
            ClaimedError: it did.
        """
        if not self._lost and self._newest()[0] != self._generation:
            self._lost = True
        if self._lost:
            raise ClaimedError(f"another process took {self._store.uri} over; this one stops")

    def _beat(self) -> None:
        while not self._released.wait(self._lease / 4):
            # A store that does not answer for a while must not end the run; the lease may.
            with suppress(NightscribeError):
                if self._newest()[0] != self._generation:
                    self._lost = True
                    return
                self._store.put(self._key, self._content())

    def _newest(self) -> tuple[int, dict[str, Any] | None]:
        keys = [entry.key for entry in self._store.list(self._folder)]
        if not keys:
            return 0, None
        generation = int(keys[-1].rpartition("/")[2].partition(".")[0])
        return generation, json.loads(self._store.read(keys[-1]))

    def _content(self, *, expires: float | None = None) -> bytes:
        until = time.time() + self._lease if expires is None else expires
        holder = {**_here(), "pid": os.getpid(), "token": self._token, "expires": until}
        return json.dumps(holder).encode()


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
    if holder["expires"] < time.time():
        return False
    if any(holder.get(name) != value for name, value in _here().items()):
        return True
    if holder["pid"] == os.getpid():
        return False  # a dead process whose number is ours now
    try:
        os.kill(holder["pid"], 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _clock(moment: float) -> str:
    return time.strftime("%H:%M:%S", time.localtime(moment))
