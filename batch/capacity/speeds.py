"""How fast an instance type is with a model: what earlier runs and canaries measured.

There is no table of speeds: what was not measured is not known.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Any

from batch.capacity.used import JobUse
from batch.layout import RunKeys
from manifests.storage import Store

CANARIES = "canaries/"
NEWEST_RUNS = 10
# Seconds of work below which a measurement is for eyes, and no run is cut or refused by it.
SURE_SECONDS = 60.0


@dataclass(frozen=True, kw_only=True)
class Machine:
    """What a speed belongs to; ``instance_type`` is empty for this machine."""

    instance_type: str
    workers: int

    @property
    def named(self) -> str:
        """For a sentence."""
        return self.instance_type or "this machine"


@dataclass(frozen=True, kw_only=True)
class Speed:
    """Seconds of sound a second, of one instance; None where nothing was measured."""

    rtfx: float | None
    measured: str
    """Where it comes from, for a person."""
    workers: int = 1
    cold_start_seconds: float | None = None
    waiting_seconds: float = 0.0
    """The part of the cold start that is not billed."""
    same_model: bool = True
    work_seconds: float = 0.0

    @property
    def sure_of_worker(self) -> float | None:
        """Of one worker, where it was measured with this model for long enough to rely on."""
        if self.rtfx is None or not self.same_model or self.cold_start_seconds is None:
            return None
        return self.rtfx / self.workers if self.work_seconds >= SURE_SECONDS else None


@dataclass(frozen=True, kw_only=True)
class _Source:
    """Jobs that were measured together, and the model that they ran."""

    model: str
    digest: str
    jobs: tuple[JobUse, ...]

    def on(self, machine: Machine) -> _Source:
        """The jobs on such a machine whose speed was measured."""
        wanted = (machine.instance_type, machine.workers)
        jobs = [j for j in self.jobs if j.rtfx and (j.instance_type, j.workers) == wanted]
        return replace(self, jobs=tuple(jobs))


def measured_speed(output: Store, machine: Machine, *, model: str, digest: str) -> Speed:
    """The speed of the newest runs with this model, else of its canary, else of its namesakes."""
    runs, canaries = (
        [measured for one in found if (measured := one.on(machine)).jobs]
        for found in (_runs(output), _canaries(output, machine))
    )
    for what, sources in (("earlier run", runs), ("canary", canaries)):
        if found := _speed(what, [one for one in sources if one.digest == digest], machine):
            return found
    for what, sources in (("earlier run", runs), ("canary", canaries)):
        namesakes = [one for one in sources if one.model == model]
        if found := _speed(what, namesakes, machine, same_model=False):
            return found
    return Speed(rtfx=None, measured=f"no earlier run of {model} on {machine.named}")


def canary_key(machine: Machine, digest: str) -> str:
    """Where the canary of a machine and a model lies."""
    return f"{_canary_folder(machine)}{digest}.json"


def _canary_folder(machine: Machine) -> str:
    return f"{CANARIES}{machine.instance_type or 'this-machine'}/"


def _speed(
    what: str, sources: Sequence[_Source], machine: Machine, *, same_model: bool = True
) -> Speed | None:
    """The speed of all of them together: sound by time, so that a short job weighs little."""
    used = [job for source in sources for job in source.jobs]
    # Where the start could be told apart from the work, the other jobs would only blur it.
    jobs = [job for job in used if job.cold_start_seconds is not None] or used
    if not jobs:
        return None
    seconds = sum(job.work_seconds for job in jobs)
    starts = [job.cold_start_seconds for job in jobs if job.cold_start_seconds is not None]
    told = f"{len(sources)} {what if len(sources) == 1 else _plural(what)}"
    model = "" if same_model else " of another version of the model"
    return Speed(
        rtfx=round(sum((job.rtfx or 0.0) * job.work_seconds for job in jobs) / seconds, 6),
        measured=f"{told}{model} on {machine.named}, {seconds / 60:.1f} min of work",
        workers=machine.workers,
        cold_start_seconds=median(starts) if starts else None,
        waiting_seconds=median(job.waiting_seconds for job in jobs),
        same_model=same_model,
        work_seconds=seconds,
    )


def _plural(noun: str) -> str:
    return f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"


def _runs(output: Store) -> Iterator[_Source]:
    """The newest runs."""
    for folder in list(output.folders("runs/"))[-NEWEST_RUNS:]:
        key = RunKeys(run_id=folder.split("/")[1]).summary
        if output.stat(key) is not None:
            summary = json.loads(output.read(key))
            jobs = summary.get("timing", {}).get("jobs", ())
            if jobs:
                yield _source(summary, jobs)


def _canaries(output: Store, machine: Machine) -> Iterator[_Source]:
    for entry in output.list(_canary_folder(machine)):
        if entry.key.count("/") == 2 and entry.key.endswith(".json"):
            content = json.loads(output.read(entry.key))
            yield _source(content, content["jobs"])


def _source(content: dict[str, Any], jobs: Sequence[dict[str, Any]]) -> _Source:
    return _Source(
        model=content["model"],
        digest=content["model_digest"],
        jobs=tuple(JobUse.from_json(job) for job in jobs),
    )
