"""What a transform took: counted while it works, kept beside the run, added to by the next one."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime

from batch.bodies.delivery import WholeShards
from batch.capacity.used import JobUse, Timing, attributed, merged
from batch.layout import PROBE
from batch.plan import Plan
from batch.progress import Listener, ShardDone, heard_in
from manifests.storage import Store


class Meter:
    """Counts what a transform does while the listener is told."""

    def __init__(self, *, listener: Listener, whole: WholeShards) -> None:
        self._listener = listener
        self.whole = whole
        self._clock = time.monotonic()
        self.started_at = datetime.now(UTC).isoformat(timespec="seconds")
        self.heard_by: dict[str, float] = {}
        self.jobs: list[JobUse] = []

    def __call__(self, name: str, answer: bytes) -> None:
        if PROBE in name:
            return
        done = ShardDone.of(name, answer)
        self.heard_by[name] = done.audio_seconds
        if (shard := self.whole.done(done)) is not None:
            self._listener.shard_done(shard)

    @property
    def heard(self) -> float:
        """Seconds of sound in the outputs that appeared."""
        return sum(self.heard_by.values())

    @property
    def wall_seconds(self) -> float:
        """Since this meter was made."""
        return time.monotonic() - self._clock


def timing_of(output: Store, plan: Plan) -> Timing:
    """What is known of a run so far."""
    return _noted(output, plan) or Timing(
        started_at=plan.created_at,
        finished_at=plan.created_at,
        audio_seconds=0.0,
        wall_seconds=0.0,
    )


def note_timing(output: Store, plan: Plan, meter: Meter) -> None:
    """Add what a meter counted to what is known of a run."""
    earlier = _noted(output, plan)
    jobs = merged(earlier.jobs if earlier else (), meter.jobs)
    timing = Timing(
        started_at=earlier.started_at if earlier else meter.started_at,
        finished_at=datetime.now(UTC).isoformat(timespec="seconds"),
        audio_seconds=round(meter.heard + (earlier.audio_seconds if earlier else 0.0), 3),
        wall_seconds=round(meter.wall_seconds + (earlier.wall_seconds if earlier else 0.0), 3),
        jobs=attributed(jobs, heard_in(output, plan.keys.out, meter.heard_by)),
    )
    output.put(plan.keys.timing, json.dumps(timing.as_json()).encode())


def _noted(output: Store, plan: Plan) -> Timing | None:
    if output.stat(plan.keys.timing) is None:
        return None
    return Timing.from_json(json.loads(output.read(plan.keys.timing)))
