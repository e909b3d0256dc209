"""What a schedule leaves below the output: itself, and for each night what was done and told."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta

from batch.platforms.base import Document
from batch.schedule.night import Window
from manifests.errors import InputError, NightscribeError
from manifests.json_files import json_file
from manifests.storage import Store

SCHEDULES, NIGHTS = "schedules/", "nights/"
SUMMARY, FAILED = "summary.json", "failed.json"
# A driver that died between the announcement of a message and its delivery is followed by another.
_DELIVERY = timedelta(minutes=15)


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """A schedule as it was put: when, from which bundle, and the document of its job."""

    name: str
    window: str
    timezone: str
    days: str
    group: str
    region: str
    code: str
    """The key of the driver bundle's folder."""
    job: Document

    @property
    def times(self) -> Window:
        """When it fires."""
        return Window.of(self.window, self.timezone, self.days)

    def write(self, output: Store) -> None:
        """Keep it below the output."""
        output.put(f"{schedule_folder(self.name)}schedule.json", json_file(asdict(self)))


def schedule_folder(name: str) -> str:
    """Where a schedule's configuration lies."""
    return f"{SCHEDULES}{name}/"


def read_schedule(output: Store, name: str) -> Schedule:
    """A schedule by its name.

    Raises:
        InputError: there is none.
    """
    key = f"{schedule_folder(name)}schedule.json"
    if output.stat(key) is None:
        known = ", ".join(schedule_names(output)) or "none"
        raise InputError(f"no schedule {name!r} below {output.uri}; there is: {known}")
    return Schedule(**json.loads(output.read(key)))


def schedule_names(output: Store) -> list[str]:
    """The schedules below an output."""
    keys = (entry.key for entry in output.list(SCHEDULES))
    return [key.split("/")[1] for key in keys if key.endswith("/schedule.json")]


@dataclass(frozen=True, kw_only=True)
class Told:
    """A message that was sent, or was about to be."""

    subject: str
    at: str
    sent: bool

    @property
    def given_up(self) -> bool:
        """Whether whoever was about to send it must be dead."""
        return not self.sent and datetime.now(UTC) - datetime.fromisoformat(self.at) > _DELIVERY


@dataclass(frozen=True, kw_only=True)
class NightRecord:
    """One night of one schedule."""

    output: Store
    schedule: str
    date: date

    @property
    def folder(self) -> str:
        """Everything about the night."""
        return f"{NIGHTS}{self.schedule}/{self.date.isoformat()}/"

    def begun(self, run_id: str) -> None:
        """Note a run that this night works on."""
        self.output.put(f"{self.folder}runs/{run_id}", b"")

    def runs(self) -> list[str]:
        """The runs that this night worked on."""
        prefix = f"{self.folder}runs/"
        return [entry.key[len(prefix) :] for entry in self.output.list(prefix)]

    def passed(self, at: datetime) -> None:
        """Note that a driver found nothing more to do."""
        self.output.put(f"{self.folder}passed.json", json_file({"at": at.isoformat()}))

    def has_passed(self) -> bool:
        """Whether a driver found nothing more to do."""
        return self.output.stat(f"{self.folder}passed.json") is not None

    def told(self, kind: str) -> Told | None:
        """A message of this night, by its kind."""
        if self.output.stat(self.folder + kind) is None:
            return None
        return Told(**json.loads(self.output.read(self.folder + kind)))

    def tell(self, kind: str, subject: str, send: Callable[[], None]) -> bool:
        """Send a message once: it is announced by a conditional write; False where it was sent.

        Raises:
            NightscribeError: it could not be sent; it can be tried again.
        """
        key, now = self.folder + kind, datetime.now(UTC).isoformat(timespec="seconds")
        announced = Told(subject=subject, at=now, sent=False)
        if not self.output.put_if_absent(key, json_file(asdict(announced))):
            earlier = self.told(kind)
            if earlier is None or not earlier.given_up:
                return False
        try:
            send()
        except NightscribeError:
            self.output.delete(key)
            raise
        self.output.put(key, json_file(asdict(announced) | {"sent": True}))
        return True


def nights(output: Store, schedule: str) -> Iterator[NightRecord]:
    """The nights of a schedule, the newest first."""
    prefix = f"{NIGHTS}{schedule}/"
    days = {entry.key[len(prefix) :].partition("/")[0] for entry in output.list(prefix)}
    for day in sorted(days, reverse=True):
        yield NightRecord(output=output, schedule=schedule, date=date.fromisoformat(day))
