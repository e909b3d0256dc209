"""Schedules in EventBridge Scheduler: the parts of one are made, switched and deleted together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from batch.platforms.aws import client, translated
from batch.platforms.base import Document
from manifests.errors import InputError, ObjectNotFoundError

# What UpdateSchedule takes of what GetSchedule answers; it forgets whatever it is not told.
_KEPT = (
    *("Name", "GroupName", "Description", "ScheduleExpression", "ScheduleExpressionTimezone"),
    *("FlexibleTimeWindow", "Target", "StartDate", "EndDate", "KmsKeyArn"),
    "ActionAfterCompletion",
)


@dataclass(frozen=True)
class Scheduler:
    """The schedules of one group."""

    group: str
    region: str | None = None

    @cached_property
    def _api(self) -> Any:
        return client("scheduler", self.region)

    def check(self) -> None:
        """Ask for the group.

        Raises:
            InputError: there is none of that name.
        """
        try:
            with translated(f"schedule group {self.group}"):
                self._api.get_schedule_group(Name=self.group)
        except ObjectNotFoundError as error:
            raise InputError(
                f"[sagemaker] schedule_group {self.group!r}: there is no such group; 'nightscribe "
                "deploy' makes it"
            ) from error

    def parts(self, prefix: str) -> dict[str, bool]:
        """The schedules whose names begin so, and whether each is enabled."""
        pages = self._api.get_paginator("list_schedules")
        with translated(f"schedules of group {self.group}"):
            return {
                one["Name"]: one["State"] == "ENABLED"
                for page in pages.paginate(GroupName=self.group, NamePrefix=prefix)
                for one in page["Schedules"]
            }

    def put(self, requests: Sequence[Document], existing: dict[str, bool]) -> None:
        """Make or renew each part, then delete those of ``existing`` that are no longer needed."""
        for request in requests:
            verb = "update" if request["Name"] in existing else "create"
            with translated(f"schedule {request['Name']}"):
                getattr(self._api, f"{verb}_schedule")(**request)
        self.delete(existing.keys() - {request["Name"] for request in requests})

    def switch(self, names: Sequence[str], *, enabled: bool) -> None:
        """Enable or disable schedules; what they are stays as it is."""
        for name in names:
            with translated(f"schedule {name}"):
                found = self._api.get_schedule(Name=name, GroupName=self.group)
                kept = {key: found[key] for key in _KEPT if found.get(key)}
                self._api.update_schedule(**kept, State="ENABLED" if enabled else "DISABLED")

    def delete(self, names: Iterable[str]) -> None:
        """Delete schedules; one that is gone already is no trouble."""
        for name in sorted(names):
            try:
                with translated(f"schedule {name}"):
                    self._api.delete_schedule(Name=name, GroupName=self.group)
            except ObjectNotFoundError:
                continue
