"""Nights: which one a firing belongs to, when it ends, and when the next firings come.

Everything is decided by the clock on the wall in the window's time zone, so that changes of that
clock move nothing from one night to another.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from manifests.errors import InputError

DAY_NAMES = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_WINDOW = re.compile(r"(\d{2}):(\d{2})-(\d{2}):(\d{2})")
_DAY = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class Moment:
    """A firing by the clock on the wall; ``next_day`` where it lies after midnight."""

    at: time
    next_day: bool
    closing: bool = False


@dataclass(frozen=True, kw_only=True)
class Night:
    """The night that a firing belongs to."""

    date: date
    """The local date on which the window began."""
    deadline: datetime | None
    """The window's end in UTC; None for a run outside of every window."""
    closing: bool = False
    """Whether this is the firing at the window's end, which begins nothing new."""


@dataclass(frozen=True, kw_only=True)
class Window:
    """When a schedule fires: every hour from ``start`` on, and once at ``end``."""

    start: time
    end: time
    zone: ZoneInfo
    days: frozenset[int]
    """Days on which a night begins, Monday is 0."""

    @classmethod
    def of(cls, window: str, timezone: str, days: str = "mon-sun") -> Window:
        """Read what a person wrote.

        Raises:
            InputError: a window, zone or day that there is not.
        """
        start, end = _times(window)
        return cls(start=start, end=end, zone=_zone(timezone), days=_days(days))

    @property
    def crosses_midnight(self) -> bool:
        """Whether it ends on the day after its beginning."""
        return self.end < self.start

    @property
    def length(self) -> timedelta:
        """How long it is on a day without a change of the clock."""
        return (_since_midnight(self.end) - _since_midnight(self.start)) % _DAY

    @property
    def day_list(self) -> str:
        """The days as ``of`` reads them."""
        return ",".join(DAY_NAMES[day] for day in sorted(self.days))

    def moments(self) -> list[Moment]:
        """The firings of one night, the closing one last."""
        hours = range(-(-self.length // timedelta(hours=1)))
        starts = [_since_midnight(self.start) + timedelta(hours=hour) for hour in hours]
        firings = [Moment(at=_time_of(at), next_day=at >= _DAY) for at in starts]
        return [*firings, Moment(at=self.end, next_day=self.crosses_midnight, closing=True)]

    def night(self, fired_at: datetime) -> Night:
        """The night of a firing; outside of every window it is the local day's, without an end."""
        local = fired_at.astimezone(self.zone)
        wall = local.time().replace(second=0, microsecond=0)
        began = local.date()
        if self.crosses_midnight and wall <= self.end:
            began -= _DAY
        elif wall < self.start or (not self.crosses_midnight and wall > self.end):
            return Night(date=began, deadline=None)
        return Night(date=began, deadline=self.end_of(began), closing=wall == self.end)

    def end_of(self, night: date) -> datetime:
        """When the window of a night ends, in UTC: the later one of two, where an hour is twice."""
        day = night + _DAY if self.crosses_midnight else night
        wall = datetime.combine(day, self.end, self.zone)
        return max(wall.astimezone(UTC), wall.replace(fold=1).astimezone(UTC))

    def firings(self, after: datetime) -> Iterator[tuple[datetime, Moment]]:
        """When the schedule fires next, as local times, without those that the clock skips."""
        day = after.astimezone(self.zone).date() - _DAY
        while True:
            if day.weekday() in self.days:
                for moment in self.moments():
                    at = self.local(day, moment)
                    if exists(at) and at.astimezone(UTC) > after:
                        yield at, moment
            day += _DAY

    def local(self, night: date, moment: Moment) -> datetime:
        """A firing of a night as a local time."""
        return datetime.combine(night + _DAY if moment.next_day else night, moment.at, self.zone)

    def __str__(self) -> str:
        """As a person writes it."""
        return f"{self.start:%H:%M}-{self.end:%H:%M}"


def exists(local: datetime) -> bool:
    """Whether the clock on the wall ever shows a local time: in spring it skips an hour."""
    back = local.astimezone(UTC).astimezone(local.tzinfo)
    return back.replace(tzinfo=None, fold=0) == local.replace(tzinfo=None, fold=0)


def days_text(days: frozenset[int]) -> str:
    """``mon-fri``, ``mon,wed`` or ``every day``."""
    if len(days) == len(DAY_NAMES):
        return "every day"
    begins = [day for day in sorted(days) if (day - 1) % len(DAY_NAMES) not in days]
    if len(begins) == 1 and len(days) > 2:
        first, last = begins[0], (begins[0] + len(days) - 1) % len(DAY_NAMES)
        return f"{DAY_NAMES[first]}-{DAY_NAMES[last]}"
    return ",".join(DAY_NAMES[day] for day in sorted(days))


def _times(window: str) -> tuple[time, time]:
    match = _WINDOW.fullmatch(window)
    hours = [int(part) for part in match.groups()] if match else [24, 0, 24, 0]
    try:
        start, end = time(hours[0], hours[1]), time(hours[2], hours[3])
    except ValueError as error:
        raise InputError(
            f"[schedule] window {window!r}: expected HH:MM-HH:MM in 24 hours, as 22:00-06:00"
        ) from error
    if start == end:
        raise InputError(
            f"[schedule] window {window!r}: it ends when it begins; a window is shorter than a day"
        )
    return start, end


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        import difflib  # noqa: PLC0415

        near = difflib.get_close_matches(name, available_timezones(), n=1)
        hint = f"did you mean {near[0]!r}?" if near else "expected one as 'Europe/Berlin'"
        raise InputError(f"[schedule] timezone {name!r}: no such zone; {hint}") from error


def _days(text: str) -> frozenset[int]:
    found: set[int] = set()
    for part in text.lower().split(","):
        first, dash, last = (one.strip() for one in part.partition("-"))
        if first not in DAY_NAMES or (dash and last not in DAY_NAMES):
            raise InputError(
                f"[schedule] days {text!r}: expected days as mon-fri or mon,wed,sun; "
                f"known are {', '.join(DAY_NAMES)}"
            )
        begin, end = DAY_NAMES.index(first), DAY_NAMES.index(last if dash else first)
        found |= {(begin + step) % 7 for step in range((end - begin) % 7 + 1)}
    return frozenset(found)


def _since_midnight(at: time) -> timedelta:
    return timedelta(hours=at.hour, minutes=at.minute)


def _time_of(since_midnight: timedelta) -> time:
    minutes = since_midnight % _DAY // timedelta(minutes=1)
    return time(minutes // 60, minutes % 60)
