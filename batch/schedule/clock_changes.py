"""What changes of the clock do to a schedule: firings skipped, and hours that come twice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from batch.schedule.night import Moment, Window

_HOUR = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True)
class ClockChange:
    """The clock goes from ``before`` to ``after``, both as it shows them."""

    before: datetime
    after: datetime

    @property
    def doubles(self) -> bool:
        """Whether times come twice, rather than never."""
        return self.after < self.before


def clock_changes(zone: ZoneInfo, since: datetime, *, days: int = 366) -> Iterator[ClockChange]:
    """Every change of the clock in the time to come."""
    at = since.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    end = at + timedelta(days=days)
    while at < end:
        if _offset(at, zone) != _offset(at + _HOUR, zone):
            yield _change(at, zone)
        at += _HOUR


def warnings(window: Window, since: datetime) -> list[str]:
    """A sentence for each change of the clock in the next year that touches a firing."""
    return [
        sentence
        for change in clock_changes(window.zone, since)
        if (sentence := _sentence(window, change)) is not None
    ]


def _sentence(window: Window, change: ClockChange) -> str | None:
    low, high = sorted((change.before, change.after))
    touched = [
        (at, moment)
        for at, moment in _firings_around(window, change)
        if low <= at.replace(tzinfo=None) < high
    ]
    if not touched:
        return None
    day, zone = f"{change.before:%Y-%m-%d}", window.zone.key
    hours = f"{low:%H:%M} to {high:%H:%M}"
    times = " and ".join(f"{at:%H:%M}" for at, _ in touched)
    if change.doubles:
        return f"{day}: {hours} comes twice in {zone}; the firing at {times} comes once only"
    what = "the next firing goes on with the night"
    if any(moment.closing for _, moment in touched):
        what = "the night's summary comes with the next night's first firing"
    return f"{day}: there is no {hours} in {zone}; the firing at {times} is skipped, and {what}"


def _firings_around(window: Window, change: ClockChange) -> Iterator[tuple[datetime, Moment]]:
    for back in (1, 0):
        day = change.before.date() - timedelta(days=back)
        if day.weekday() in window.days:
            for moment in window.moments():
                yield window.local(day, moment), moment


def _change(hour: datetime, zone: ZoneInfo) -> ClockChange:
    """The change within an hour, to the minute."""
    earlier = _offset(hour, zone)
    at = next(
        hour + timedelta(minutes=minute)
        for minute in range(1, 61)
        if _offset(hour + timedelta(minutes=minute), zone) != earlier
    )
    naive = at.replace(tzinfo=None)
    return ClockChange(before=naive + earlier, after=naive + _offset(at, zone))


def _offset(at: datetime, zone: ZoneInfo) -> timedelta:
    offset = at.astimezone(zone).utcoffset()
    assert offset is not None
    return offset
