"""A round whose requests bring sound: what is staged before its job, and what is heard of it."""

from __future__ import annotations

from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from batch.bodies.cutting import Cutter
from batch.bodies.grid import grid_of
from batch.bodies.staging import Stager
from batch.capacity.limits import MEGABYTE
from batch.layout import RunKeys
from batch.outputs import Outputs, shard_names
from batch.plan import Plan
from batch.platforms.base import Document
from batch.progress import ShardDone
from manifests.storage import Store

_PARALLEL = 10  # requests at a time, as many as boto3 keeps connections


def deliver(
    output: Store, plan: Plan, number: int, job: Document, *, tell: Callable[[int, int], None]
) -> list[str]:
    """Stage round ``number`` for its job; the bodies that have no answer yet.

    Safe to repeat: what is staged or answered stays as it is. ``tell`` hears how many shards of how
    many are staged.
    """
    cutter = Cutter(
        grid=grid_of(plan.bundle_uri),
        payload_bytes=job["MaxPayloadInMB"] * MEGABYTE,
        round=number,
    )
    answered = Outputs(store=output, plan=plan).names
    stager = Stager(output=output, plan=plan, cutter=cutter, tell=tell)
    names = stager.stage(shard_names(output, plan, number), answered)
    return [name for name in names if name not in answered]


def remove_bodies(output: Store, keys: RunKeys) -> None:
    """Remove a run's bodies, which are copies of recordings; what was staged stays known."""
    lying = [entry.key for entry in output.list(keys.bodies)]
    with ThreadPoolExecutor(_PARALLEL) as pool:
        for _ in pool.map(output.delete, lying):
            pass


@dataclass(kw_only=True)
class WholeShards:
    """Puts the answers of a shard's bodies together, so that a run is watched shard by shard."""

    keys: RunKeys
    _waiting: dict[str, set[str]] = field(default_factory=dict)
    _heard: dict[str, ShardDone] = field(default_factory=dict)

    def expect(self, bodies: Collection[str]) -> None:
        """These bodies will be heard of."""
        for body in bodies:
            self._waiting.setdefault(self.keys.shard_of(body), set()).add(body)

    def done(self, one: ShardDone) -> ShardDone | None:
        """The whole shard when its last body was answered; what is no body is a shard itself."""
        shard = self.keys.shard_of(one.name)
        if one.name not in self._waiting.get(shard, ()):
            return one
        nothing = ShardDone(name=shard, records=0, errors=0, audio_seconds=0.0)
        before = self._heard.get(shard, nothing)
        self._heard[shard] = replace(
            before,
            records=before.records + one.records,
            errors=before.errors + one.errors,
            audio_seconds=before.audio_seconds + one.audio_seconds,
        )
        self._waiting[shard].remove(one.name)
        return None if self._waiting[shard] else self._heard.pop(shard)
