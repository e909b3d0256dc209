"""The account's stack through CloudFormation: what would change is shown before anything does.

A deployment that died at any point is gone on with by the next one.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from batch.account.stack_template import change_set_request, parameters_given, template
from batch.platforms.aws import client, translated
from batch.platforms.patience import pauses
from manifests.errors import InputError, JobFailedError, ObjectNotFoundError

_UNCHANGED = re.compile(r"didn't contain changes|No updates are to be performed")
# The consequence of another resource's failure, not a reason.
_CONSEQUENCE = re.compile(r"cancelled", re.IGNORECASE)
_NOT_YET = "REVIEW_IN_PROGRESS"
_LEFTOVERS = frozenset({"ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED"})
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 10.0  # seconds


@dataclass(frozen=True, kw_only=True)
class Change:
    """What would happen to one resource, in CloudFormation's words."""

    action: str
    name: str
    kind: str
    replacement: str = ""
    """``True`` or ``Conditional`` where a new resource would take the old one's place."""


@dataclass(frozen=True, kw_only=True)
class ChangeSet:
    """Changes that CloudFormation is ready to make; none where only outputs change."""

    arn: str
    changes: tuple[Change, ...]
    creates: bool


@dataclass(frozen=True, kw_only=True)
class Stack:
    """A stack as it stands."""

    name: str
    status: str
    parameters: tuple[str, ...]
    outputs: dict[str, str]


@dataclass(kw_only=True)
class Deployment:
    """Brings one stack to the template; ``on_line`` hears how it comes along."""

    name: str
    region: str | None = None
    on_line: Callable[[str], None] = field(default=lambda _: None)
    wait: Callable[[float], None] = time.sleep

    @cached_property
    def _api(self) -> Any:
        return client("cloudformation", self.region)

    @property
    def region_name(self) -> str:
        """The region that the stack lies in."""
        return str(self._api.meta.region_name)

    def standing(self) -> Stack | None:
        """The stack; None where there is none, or nothing but a change set that nobody carried out.

        Waits where somebody changes it just now.
        """
        found = self._described()
        if found is not None and _moves(found.status):
            self.on_line(f"stack {self.name} is {found.status}; waiting")
            found = self._settled()
        return None if found is None or found.status == _NOT_YET else found

    def leftover(self) -> str | None:
        """The status of a stack that never came to be, and that must go before a new one."""
        standing = self.standing()
        return standing.status if standing and standing.status in _LEFTOVERS else None

    def remove_leftover(self) -> None:
        """Delete it. The bucket and the logs of an earlier stack are kept."""
        with translated(f"stack {self.name}"):
            self._api.delete_stack(StackName=self.name)
        gone = self._settled()
        if gone is not None:
            raise JobFailedError(
                f"stack {self.name} cannot be deleted ({gone.status}); the CloudFormation console "
                "says what is in the way"
            )

    def prepare(
        self, pairs: Sequence[str] = (), *, import_existing: bool = False
    ) -> ChangeSet | None:
        """What a deployment would change; None where that is nothing.

        Raises:
            InputError: a parameter or the template is refused; nothing is left behind.
        """
        body = template()
        with translated("the template"):
            summary = self._api.get_template_summary(TemplateBody=body)
        defaults = {
            one["ParameterKey"]: one.get("DefaultValue", "") for one in summary["Parameters"]
        }
        standing = self.standing()
        if standing and standing.status == "UPDATE_ROLLBACK_FAILED":
            raise InputError(
                f"stack {self.name} is stuck (UPDATE_ROLLBACK_FAILED); first: aws cloudformation "
                f"continue-update-rollback --stack-name {self.name}"
            )
        request = change_set_request(
            stack=self.name,
            name=f"nightscribe-{secrets.token_hex(6)}",
            body=body,
            given=parameters_given(pairs, list(defaults)),
            defaults=defaults,
            kept=standing.parameters if standing else None,
            import_existing=import_existing,
        )
        try:
            with translated(f"stack {self.name}"):
                arn = self._api.create_change_set(**request)["Id"]
        except InputError as error:
            if _UNCHANGED.search(str(error)):
                return None
            raise
        return self._prepared(arn, creates=standing is None)

    def _prepared(self, arn: str, *, creates: bool) -> ChangeSet | None:
        answer = self._described_set(arn)
        for pause in pauses(_FIRST_PAUSE, _LONGEST_PAUSE):
            if answer["Status"] not in ("CREATE_PENDING", "CREATE_IN_PROGRESS"):
                break
            self.wait(pause)
            answer = self._described_set(arn)
        if answer["Status"] == "FAILED":
            reason = answer.get("StatusReason", "no reason was given")
            self.forget(ChangeSet(arn=arn, changes=(), creates=creates))
            if _UNCHANGED.search(reason):
                return None
            raise InputError(f"stack {self.name}: {reason}")
        changes = list(answer["Changes"])
        while token := answer.get("NextToken"):
            answer = self._described_set(arn, NextToken=token)
            changes += answer["Changes"]
        shown = tuple(_change(one["ResourceChange"]) for one in changes if "ResourceChange" in one)
        return ChangeSet(arn=arn, changes=shown, creates=creates)

    def forget(self, prepared: ChangeSet) -> None:
        """Take back a change set, and the empty stack that it made."""
        with translated(f"change set of stack {self.name}"):
            self._api.delete_change_set(ChangeSetName=prepared.arn)
            if prepared.creates:
                self._api.delete_stack(StackName=self.name)

    def carry_out(self, prepared: ChangeSet) -> Stack:
        """Make the changes and wait for their end.

        Raises:
            JobFailedError: they failed and were rolled back; with the reason of each resource.
        """
        earlier = {event["EventId"] for event in self._events()}
        with translated(f"stack {self.name}"):
            self._api.execute_change_set(ChangeSetName=prepared.arn)
        stack = self._settled(_Progress(expected=len(prepared.changes), earlier=earlier))
        if stack is None or stack.status not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
            failures = list(_failures(self._events(), earlier))
            status = stack.status if stack else "gone"
            raise JobFailedError("\n  ".join([f"stack {self.name}: {status}", *failures]))
        return stack

    def _settled(self, progress: _Progress | None = None) -> Stack | None:
        """Wait until nobody changes the stack any more; None where it is gone."""
        for pause in pauses(_FIRST_PAUSE, _LONGEST_PAUSE):
            stack = self._described()
            if stack and progress:
                for line in progress.lines(stack.status, self._events()):
                    self.on_line(line)
            if stack is None or not _moves(stack.status):
                return stack
            self.wait(pause)
        raise AssertionError

    def _described(self) -> Stack | None:
        try:
            with translated(f"stack {self.name}"):
                found = self._api.describe_stacks(StackName=self.name)["Stacks"][0]
        except ObjectNotFoundError:
            return None
        return Stack(
            name=self.name,
            status=found["StackStatus"],
            parameters=tuple(one["ParameterKey"] for one in found.get("Parameters", ())),
            outputs={one["OutputKey"]: one["OutputValue"] for one in found.get("Outputs", ())},
        )

    def _described_set(self, arn: str, **more: str) -> dict[str, Any]:
        with translated(f"change set of stack {self.name}"):
            answer: dict[str, Any] = self._api.describe_change_set(ChangeSetName=arn, **more)
        return answer

    def _events(self) -> list[dict[str, Any]]:
        """What has happened to the stack's resources, oldest first."""
        try:
            with translated(f"stack {self.name}"):
                pages = self._api.get_paginator("describe_stack_events").paginate(
                    StackName=self.name
                )
                return [event for page in pages for event in page["StackEvents"]][::-1]
        except ObjectNotFoundError:
            return []


@dataclass(kw_only=True)
class _Progress:
    """Counts the changes that are made; ``earlier`` are events of other days, by their id."""

    expected: int
    earlier: set[str]
    _done: set[str] = field(default_factory=set)
    _taken_back: bool = False

    def lines(self, status: str, events: Sequence[dict[str, Any]]) -> Iterator[str]:
        """What is new since it was asked last."""
        if "ROLLBACK" in status:
            if _moves(status) and not self._taken_back:
                self._taken_back = True
                yield "it has failed, and is taken back"
            return
        for event in events:
            name: str = event["LogicalResourceId"]
            new = event["EventId"] not in self.earlier and name != event["StackName"]
            # One that is replaced is made, and the old one deleted: that is one change.
            if new and event["ResourceStatus"].endswith("_COMPLETE") and name not in self._done:
                self._done.add(name)
                yield f"{len(self._done)}/{self.expected} {name}"


def _moves(status: str) -> bool:
    return status.endswith("_IN_PROGRESS") and status != _NOT_YET


def _change(found: dict[str, Any]) -> Change:
    return Change(
        action=found["Action"],
        name=found["LogicalResourceId"],
        kind=found["ResourceType"],
        replacement=found.get("Replacement", "").replace("False", ""),
    )


def _failures(events: Sequence[dict[str, Any]], earlier: set[str]) -> Iterator[str]:
    """Each resource that failed by itself, with CloudFormation's reason."""
    for event in events:
        reason = event.get("ResourceStatusReason", "no reason was given")
        failed = event["ResourceStatus"].endswith("_FAILED") and event["EventId"] not in earlier
        if failed and not _CONSEQUENCE.search(reason):
            yield f"{event['LogicalResourceId']} ({event['ResourceType']}): {reason}"
