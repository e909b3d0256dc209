"""What jobs really used: machines, hours, sound, and the speed that follows from them.

A job's *cold start* is the time from its creation to the beginning of work: the wait for machines,
the image, the model. Nobody reports it, so it is found from the outputs' times. Each worker's first
output ends a first wave; what comes after it is work at full speed, which says how long the first
wave's own work was, and the rest of the time until then was the cold start. Where there are fewer
than two waves, start and work cannot be told apart: no cold start is given, and the speed is that
of the whole time, which is less than the real one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

# S3 tells the time of an object in whole seconds.
_TICK = timedelta(seconds=1)


@dataclass(frozen=True, kw_only=True)
class JobUse:
    """One attempt at a job; times are ISO 8601 in UTC, empty where they never came.

    ``instance_type`` is empty for this machine. ``billed_seconds`` are those of one instance:
    SageMaker bills a transform job from its start to its end, not the wait before.
    ``rtfx`` is seconds of sound a second, of one instance, at work.
    """

    name: str
    status: str
    created_at: str
    started_at: str = ""
    ended_at: str = ""
    instance_type: str = ""
    instance_count: int = 1
    workers: int = 1
    billed_seconds: float = 0.0
    audio_seconds: float = 0.0
    work_seconds: float = 0.0
    """Time of one instance that ``rtfx`` was measured over."""
    cold_start_seconds: float | None = None
    rtfx: float | None = None

    @property
    def instance_hours(self) -> float:
        """What is paid for."""
        return self.billed_seconds * self.instance_count / 3600

    @property
    def waiting_seconds(self) -> float:
        """The part of the cold start that is not billed."""
        if not self.started_at:
            return 0.0
        return (_time(self.started_at) - _time(self.created_at)).total_seconds()

    def as_json(self) -> dict[str, Any]:
        """The attempt as plain values."""
        return {**asdict(self), "instance_hours": round(self.instance_hours, 4)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> JobUse:
        """Read back what ``as_json`` wrote."""
        return cls(**{name: data[name] for name in cls.__dataclass_fields__ if name in data})


@dataclass(frozen=True, kw_only=True)
class Heard:
    """One output: when it appeared, and how much sound it holds."""

    at: datetime
    audio_seconds: float


@dataclass(frozen=True, kw_only=True)
class Timing:
    """What the transform of a run took; seconds, and ISO 8601 in UTC."""

    started_at: str
    finished_at: str
    audio_seconds: float
    wall_seconds: float
    jobs: tuple[JobUse, ...] = field(default=())

    @property
    def rtfx(self) -> float | None:
        """Seconds of audio for each second of work."""
        return self.audio_seconds / self.wall_seconds if self.wall_seconds > 0 else None

    def as_json(self) -> dict[str, Any]:
        """The timing as plain values."""
        return {**asdict(self), "jobs": [job.as_json() for job in self.jobs]}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Timing:
        """Read back what ``as_json`` wrote."""
        jobs = tuple(JobUse.from_json(job) for job in data.get("jobs", ()))
        return cls(**{**data, "jobs": jobs})


def stamp(at: datetime) -> str:
    """A time as these files have it."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds")


def used_here(name: str, *, status: str, created: datetime, workers: int) -> JobUse:
    """A job that this machine has just carried out."""
    now = datetime.now(UTC)
    return JobUse(
        name=name,
        status=status,
        created_at=stamp(created),
        started_at=stamp(created),
        ended_at=stamp(now),
        workers=workers,
        billed_seconds=round((now - created).total_seconds(), 3),
    )


def merged(earlier: Iterable[JobUse], later: Iterable[JobUse]) -> list[JobUse]:
    """Each attempt once, in the order of creation; what is known later is better known."""
    jobs = {(job.name, job.created_at): job for job in (*earlier, *later)}
    return sorted(jobs.values(), key=lambda job: (job.created_at, job.name))


def attributed(jobs: Sequence[JobUse], outputs: Iterable[Heard]) -> tuple[JobUse, ...]:
    """The attempts with their speeds: an output is the work of the newest one before it."""
    heard: list[list[Heard]] = [[] for _ in jobs]
    for one in outputs:
        before = [i for i, job in enumerate(jobs) if _time(job.created_at) <= one.at + _TICK]
        if before:
            heard[before[-1]].append(one)
    return tuple(measured(job, mine) for job, mine in zip(jobs, heard, strict=True))


def measured(job: JobUse, outputs: Sequence[Heard]) -> JobUse:
    """An attempt with the speed that its outputs show."""
    found = sorted(outputs, key=lambda one: one.at)
    audio = sum(one.audio_seconds for one in found)
    job = replace(
        job,
        audio_seconds=round(audio, 3),
        cold_start_seconds=None,
        work_seconds=job.billed_seconds,
        rtfx=_rate(audio, job.billed_seconds * job.instance_count),
    )
    wave = job.workers * job.instance_count
    if len(found) < 2 * wave:
        return job
    first = sum(one.audio_seconds for one in found[:wave])
    begun = found[wave - 1].at
    seconds = (found[-1].at - begun).total_seconds()
    rate = _rate(audio - first, seconds)
    if not rate:
        return job
    cold = (begun - _time(job.created_at)).total_seconds() - first / rate
    return replace(
        job,
        cold_start_seconds=round(max(cold, job.waiting_seconds), 3),
        work_seconds=round(seconds, 3),
        rtfx=round(rate / job.instance_count, 3),
    )


def _rate(audio: float, seconds: float) -> float | None:
    return round(audio / seconds, 3) if audio > 0 and seconds > 0 else None


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
