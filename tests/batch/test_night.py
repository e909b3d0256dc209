"""Every firing of a window names the same night, whatever the clock does meanwhile."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch.schedule.clock_changes import clock_changes, warnings
from batch.schedule.night import Window, days_text, exists
from manifests.errors import InputError

# Zones whose clocks change at midnight, by half an hour, by a day, or at odd offsets, too.
ZONES = ["UTC", "Europe/Berlin", "America/New_York", "America/Santiago", "Asia/Kolkata"]
ZONES += ["Australia/Lord_Howe", "Pacific/Chatham", "Africa/Casablanca", "Pacific/Apia"]
MINUTES = st.integers(min_value=0, max_value=24 * 60 - 1).map(lambda m: time(m // 60, m % 60))
DATES = st.dates(min_value=date(2024, 1, 1), max_value=date(2029, 12, 31))


@st.composite
def windows(draw: st.DrawFn) -> Window:
    start, end = draw(MINUTES), draw(MINUTES)
    if start == end:
        end = time((end.hour + 1) % 24, end.minute)
    return Window(start=start, end=end, zone=ZoneInfo(draw(st.sampled_from(ZONES))), days=EVERY)


EVERY = frozenset(range(7))
BERLIN = Window.of("22:00-06:00", "Europe/Berlin")


@given(windows(), DATES, st.sampled_from([0, 1]))
def test_every_firing_within_a_window_names_the_same_night(
    window: Window, night: date, fold: int
) -> None:
    moments = window.moments()
    fired = [window.local(night, moment).replace(fold=fold) for moment in moments]
    found = [
        (window.night(at.astimezone(UTC)), moment)
        for at, moment in zip(fired, moments, strict=True)
        if exists(at)
    ]
    assert {one.date for one, _ in found} <= {night}
    assert [one.closing for one, _ in found] == [moment.closing for _, moment in found]
    assert {one.deadline for one, _ in found} <= {window.end_of(night)}


@given(windows(), DATES, st.integers(min_value=0, max_value=24 * 60))
def test_no_firing_comes_after_its_night_has_ended(
    window: Window, night: date, minutes: int
) -> None:
    at = datetime.combine(night, time(), UTC) + timedelta(minutes=minutes)
    found = window.night(at)
    if found.deadline is not None:
        assert at <= found.deadline
        assert found.closing or at < found.deadline


@given(windows())
def test_a_night_fires_every_hour_and_once_at_its_end(window: Window) -> None:
    *hourly, closing = window.moments()
    assert hourly[0].at == window.start
    assert closing.at == window.end
    assert [moment.closing for moment in hourly] == [False] * len(hourly)
    assert len(hourly) == -(-window.length // timedelta(hours=1))
    assert all(moment.at != window.end for moment in hourly)


@pytest.mark.parametrize(
    ("fired", "night", "closing"),
    [
        ("2026-11-24T21:00:00Z", "2026-11-24", False),
        ("2026-11-24T23:00:00Z", "2026-11-24", False),
        ("2026-11-25T04:59:59Z", "2026-11-24", False),
        ("2026-11-25T05:00:00Z", "2026-11-24", True),
    ],
)
def test_the_night_is_named_by_the_evening_on_which_it_began(
    fired: str, night: str, closing: bool
) -> None:
    found = BERLIN.night(datetime.fromisoformat(fired))
    assert (found.date.isoformat(), found.closing) == (night, closing)
    assert found.deadline == datetime(2026, 11, 25, 5, tzinfo=UTC)


def test_a_run_by_hand_outside_of_the_window_has_the_local_day_and_no_end() -> None:
    found = BERLIN.night(datetime(2026, 11, 24, 12, tzinfo=UTC))
    assert (found.date, found.deadline, found.closing) == (date(2026, 11, 24), None, False)


def test_a_window_by_day_stays_on_its_day() -> None:
    window = Window.of("09:30-12:00", "America/New_York", "mon,wed")
    assert [f"{moment.at:%H:%M}" for moment in window.moments()] == [
        *("09:30", "10:30", "11:30"),
        "12:00",
    ]
    assert not any(moment.next_day for moment in window.moments())
    assert window.night(datetime(2026, 11, 24, 17, tzinfo=UTC)).closing


def test_where_an_hour_comes_twice_the_night_ends_with_the_second() -> None:
    window = Window.of("22:00-02:30", "Europe/Berlin")
    assert window.end_of(date(2026, 10, 24)) == datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
    for hour in (0, 1):
        assert window.night(datetime(2026, 10, 25, hour, 30, tzinfo=UTC)).closing


def test_the_next_firings_leave_out_days_and_times_that_there_are_not() -> None:
    window = Window.of("01:30-03:30", "Europe/Berlin", "sat-sun")
    firings = window.firings(datetime(2027, 3, 27, 12, tzinfo=UTC))
    assert [f"{next(firings)[0]:%a %d %b %H:%M %Z}" for _ in range(3)] == [
        "Sun 28 Mar 01:30 CET",
        "Sun 28 Mar 03:30 CEST",
        "Sat 03 Apr 01:30 CEST",
    ]


def test_skipped_and_doubled_firings_are_told_with_their_dates() -> None:
    since = datetime(2026, 11, 24, tzinfo=UTC)
    assert warnings(BERLIN, since) == [
        (
            "2027-03-28: there is no 02:00 to 03:00 in Europe/Berlin; the firing at 02:00 is "
            "skipped, and the next firing goes on with the night"
        ),
        (
            "2027-10-31: 02:00 to 03:00 comes twice in Europe/Berlin; the firing at 02:00 comes "
            "once only"
        ),
    ]
    closing = warnings(Window.of("20:15-02:15", "Europe/Berlin"), since)[0]
    assert "the firing at 02:15 is skipped, and the night's summary comes with" in closing
    assert warnings(Window.of("22:00-06:00", "Europe/Berlin", "mon-fri"), since) == []
    assert warnings(Window.of("22:00-06:00", "UTC"), since) == []


def test_changes_of_the_clock_by_half_an_hour_are_found() -> None:
    changes = list(
        clock_changes(ZoneInfo("Australia/Lord_Howe"), datetime(2026, 11, 24, tzinfo=UTC))
    )
    assert [change.doubles for change in changes] == [True, False]
    assert abs(changes[0].after - changes[0].before) == timedelta(minutes=30)


@pytest.mark.parametrize(
    ("window", "zone", "days", "said"),
    [
        ("25:00-06:00", "UTC", "mon", r"window '25:00-06:00': expected HH:MM-HH:MM"),
        ("22-6", "UTC", "mon", "expected HH:MM-HH:MM"),
        ("22:00-22:00", "UTC", "mon", "ends when it begins"),
        ("22:00-06:00", "Europe/Berln", "mon", "did you mean 'Europe/Berlin'"),
        ("22:00-06:00", "../../etc/passwd", "mon", "no such zone"),
        ("22:00-06:00", "UTC", "mon-fry", "days 'mon-fry': expected days as mon-fri"),
        ("22:00-06:00", "UTC", "", "expected days"),
    ],
)
def test_what_there_is_not_is_told_in_one_sentence(
    window: str, zone: str, days: str, said: str
) -> None:
    with pytest.raises(InputError, match=said) as raised:
        Window.of(window, zone, days)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("given", "days", "text"),
    [
        ("mon-fri", {0, 1, 2, 3, 4}, "mon-fri"),
        ("Sun-Tue", {6, 0, 1}, "sun-tue"),
        ("mon-sun", set(range(7)), "every day"),
        ("wed, mon", {0, 2}, "mon,wed"),
    ],
)
def test_days_are_read_as_people_write_them(given: str, days: set[int], text: str) -> None:
    read = Window.of("22:00-06:00", "UTC", given).days
    assert (read, days_text(read)) == (days, text)
