"""How long the next run will take, and what it will cost: from what was measured, or not at all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from batch.capacity.prices import Price, transform_price
from batch.capacity.speeds import Machine, Speed
from batch.config import Config
from batch.planning import Planner
from batch.runs import PENDING
from batch.schedule.night import Window
from batch.shards import PART_SECONDS
from batch.survey import Survey

COUNTS = (1, 2, 4, 8)


@dataclass(frozen=True, kw_only=True)
class Work:
    """What the next run takes on: predicted sound, and by which rule; ``longest`` cannot be cut."""

    recordings: int
    listed: int
    audio_seconds: float
    longest_seconds: float
    rule: str
    unfinished: Sequence[str] = ()
    """Runs that are gone on with; their recordings are counted whether they are done or not."""

    @classmethod
    def of(cls, survey: Survey, unfinished: Sequence[str] = ()) -> Work:
        """What a survey has chosen."""
        chosen = [one.recording for one in survey.selection.chosen]
        lengths = [survey.seconds(recording) for recording in chosen]
        return cls(
            recordings=len(chosen),
            listed=len(survey.recordings),
            audio_seconds=round(sum(lengths), 1),
            longest_seconds=min(max(lengths, default=0.0), PART_SECONDS),
            rule=_rule(survey),
            unfinished=unfinished,
        )


@dataclass(frozen=True, kw_only=True)
class Opening:
    """The schedule's window that is open, or that opens next."""

    starts: datetime
    ends: datetime
    window: str

    @property
    def length(self) -> timedelta:
        """How long it is open, by a clock that nobody changes."""
        return self.ends.astimezone(UTC) - self.starts.astimezone(UTC)

    @classmethod
    def after(cls, config: Config, now: datetime) -> Opening:
        """The window of ``[schedule]``, on its days; times are local."""
        section = config.schedule
        window = Window.of(section.window, section.timezone, section.days)
        night = window.night(now)
        starts = now.astimezone(window.zone)
        fires = night.date.weekday() in window.days
        if night.deadline is None or night.closing or not fires:
            starts = next(at for at, moment in window.firings(now) if not moment.closing)
            night = window.night(starts)
        assert night.deadline is not None
        ends = night.deadline.astimezone(window.zone)
        return cls(starts=starts, ends=ends, window=f"{window} {section.timezone}")


@dataclass(frozen=True, kw_only=True)
class Option:
    """The run on so many instances."""

    instances: int
    seconds: float
    """From its start to its end, cold start included."""
    instance_hours: float
    dollars: float | None
    done_at: datetime
    """If it is started now."""
    in_window: bool | None
    """Whether the window is long enough, from its opening on; None where there is no window."""


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """All of it; the options are empty where no speed was measured."""

    work: Work
    machine: Machine
    instances: int
    speed: Speed
    price: Price
    now: datetime
    deadline_hours: float | None
    opening: Opening | None
    options: Sequence[Option]

    @property
    def configured(self) -> Option | None:
        """The option of ``[transform] instance_count``."""
        return next((one for one in self.options if one.instances == self.instances), None)

    @property
    def in_deadline(self) -> bool | None:
        """Whether ``[transform] deadline_hours`` is enough; None where there is none."""
        if self.configured is None or self.deadline_hours is None:
            return None
        return self.configured.seconds <= self.deadline_hours * 3600

    def as_json(self) -> dict[str, Any]:
        """The estimate as plain values."""
        opening = self.opening
        return {
            "work": asdict(self.work),
            "instance_type": self.machine.instance_type,
            "workers": self.machine.workers,
            "instance_count": self.instances,
            "speed": asdict(self.speed),
            "price": asdict(self.price),
            "now": self.now.isoformat(timespec="seconds"),
            "deadline_hours": self.deadline_hours,
            "within_deadline": self.in_deadline,
            "window": opening
            and {
                "window": opening.window,
                "opens": opening.starts.isoformat(timespec="seconds"),
                "closes": opening.ends.isoformat(timespec="seconds"),
            },
            "options": [
                {**asdict(one), "done_at": one.done_at.isoformat(timespec="seconds")}
                for one in self.options
            ],
        }


def estimate(planner: Planner, survey: Survey, *, now: datetime) -> Estimate:
    """The estimate of what a survey has chosen."""
    config, machine = planner.config, planner.machine
    speed, price = planner.speed(survey.bundle), transform_price(config, machine.instance_type)
    local = config.platform.name == "local"
    instances = 1 if local else config.transform.instance_count
    # A window that nobody wrote down is that of the schedule which is yet to be made.
    opening = None if local and _no_schedule(config) else Opening.after(config, now)
    # Only listed: an estimate tidies nothing up.
    pending = [entry.key.removeprefix(PENDING) for entry in planner.output.list(PENDING)]
    work = Work.of(survey, pending)
    counts = [1] if local else sorted({*COUNTS, instances})
    return Estimate(
        work=work,
        machine=machine,
        instances=instances,
        speed=speed,
        price=price,
        now=now,
        deadline_hours=None if local else config.transform.deadline_hours,
        opening=opening,
        options=[option(work, speed, price, count, now=now, opening=opening) for count in counts]
        if speed.rtfx and work.recordings
        else [],
    )


def option(
    work: Work,
    speed: Speed,
    price: Price,
    instances: int,
    *,
    now: datetime,
    opening: Opening | None,
) -> Option:
    """The run on so many instances; the longest stretch keeps one worker, however many there are.

    SageMaker bills each instance from its start on, not the wait for it.
    """
    assert speed.rtfx is not None
    cold = speed.cold_start_seconds or 0.0
    shared = work.audio_seconds / (speed.rtfx * instances)
    seconds = cold + max(shared, work.longest_seconds * speed.workers / speed.rtfx)
    hours = (seconds - min(speed.waiting_seconds, cold)) * instances / 3600
    took = timedelta(seconds=seconds)
    return Option(
        instances=instances,
        seconds=round(seconds, 1),
        instance_hours=round(hours, 4),
        dollars=None if price.per_hour is None else round(hours * price.per_hour, 4),
        done_at=now + took,
        in_window=None if opening is None else took <= opening.length,
    )


def _no_schedule(config: Config) -> bool:
    return "schedule" not in config.model_fields_set


def _rule(survey: Survey) -> str:
    """How the lengths were predicted."""
    learned = Counter(
        one.recording.path.rpartition(".")[2].lower() in survey.durations.learned
        for one in survey.selection.chosen
    )
    rules = [
        f"{learned[known]} {rule}"
        for known, rule in (
            (True, "by the bytes a second that earlier runs found"),
            (False, "by the bytes a second that are usual for their format"),
        )
        if learned[known]
    ]
    return "lengths predicted from sizes, " + ", ".join(rules) if rules else "nothing to predict"
