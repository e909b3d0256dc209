"""A round whose requests bring sound: what is staged before its job, and what is heard of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from batch.bodies.cutting import Cutter
from batch.bodies.layout import layout_of
from batch.bodies.staging import Stager
from batch.capacity.limits import MEGABYTE
from batch.layout import RunKeys
from batch.outputs import Outputs, shard_names
from batch.plan import Plan
from batch.platforms.base import Document
from batch.progress import ShardDone
from manifests.parallel import in_order
from manifests.storage import Store


def deliver(
    output: Store,
    plan: Plan,
    number: int,
    job: Document,
    *,
    whole: WholeShards,
    tell: Callable[[int, int], None],
    check: Callable[[], None],
) -> bool:
    """Stage round ``number`` for its job; False where there is nothing to send at all.

    Safe to repeat: what is staged or answered stays as it is. ``whole`` expects what has no answer
    yet, ``tell`` hears how many shards of how many are staged, and ``check`` raises where there is
    no time for more.
    """
    cutter = Cutter(
        layout=layout_of(plan.bundle_uri),
        payload_bytes=job["MaxPayloadInMB"] * MEGABYTE,
        tries=number - _stopped(output, plan.keys, number),
    )
    answered = Outputs(store=output, plan=plan).names
    stager = Stager(output=output, plan=plan, number=number, cutter=cutter, tell=tell, check=check)
    names = stager.stage(shard_names(output, plan, number), answered)
    whole.expect(name for name in names if name not in answered)
    return bool(names)


def _stopped(output: Store, keys: RunKeys, number: int) -> int:
    """How many rounds before ``number`` were stopped: what they left over is not to blame."""
    marks = (entry.key.removeprefix(keys.stopped()) for entry in output.list(keys.stopped()))
    return sum(1 for mark in marks if int(mark) < number)


def remove_bodies(output: Store, keys: RunKeys) -> None:
    """Remove a run's bodies, which are copies of recordings; what was staged stays known."""
    lying = [entry.key for entry in output.list(keys.bodies)]
    for _ in in_order(output.delete, lying):
        pass


@dataclass(kw_only=True)
class WholeShards:
    """Puts the answers of a shard's bodies together, so that a run is watched shard by shard."""

    keys: RunKeys
    _waiting: dict[str, set[str]] = field(default_factory=dict)
    _heard: dict[str, ShardDone] = field(default_factory=dict)

    def expect(self, bodies: Iterable[str]) -> None:
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
