"""Jobs on SageMaker, of either kind: created once, watched to the end, under a name of their own.

A job's name is spent when it ends, so each attempt has its own: ``<name>-a1``, ``<name>-a2``. The
name is the guard against doing the same work twice: a second ``create`` of it is refused, and
whoever finds the job running watches it.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any, Literal

from batch.capacity.used import JobUse, stamp
from batch.instances import has_local_disk
from batch.platforms.aws import NameTakenError, QuotaError, client, translated
from batch.platforms.base import Document
from batch.platforms.patience import Patience, pauses
from batch.platforms.quotas import explained
from manifests.errors import (
    AccessDeniedError,
    InputError,
    JobFailedError,
    ObjectNotFoundError,
    UnavailableError,
)

Status = Literal["InProgress", "Stopping", "Completed", "Failed", "Stopped"]
_ENDED = frozenset({"Completed", "Failed", "Stopped"})
_CAPACITY_ROUNDS = 3
_FIRST_PAUSE, _LONGEST_PAUSE = 2.0, 30.0  # seconds


@dataclass(frozen=True, kw_only=True)
class JobKind:
    """What one kind of job is called in the API."""

    noun: str
    prefix: str
    """``TrainingJob`` in ``TrainingJobName`` and ``TrainingJobStatus``."""
    verb: str
    """``training_job`` in ``create_training_job``."""
    resources: str
    """The document's key that holds ``InstanceType``."""
    output: str
    """The document's key that holds ``KmsKeyId``."""
    log_group: str
    config_key: str
    """Where the configuration names instance types."""

    @property
    def name(self) -> str:
        """The document's key that holds the job's name."""
        return f"{self.prefix}Name"


TRAINING = JobKind(
    noun="training job",
    prefix="TrainingJob",
    verb="training_job",
    resources="ResourceConfig",
    output="OutputDataConfig",
    log_group="/aws/sagemaker/TrainingJobs",
    config_key="[training] instances",
)
TRANSFORM = JobKind(
    noun="transform job",
    prefix="TransformJob",
    verb="transform_job",
    resources="TransformResources",
    output="TransformOutput",
    log_group="/aws/sagemaker/TransformJobs",
    config_key="[transform] instances",
)


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One job as SageMaker describes it."""

    name: str
    status: Status
    phase: str = ""
    failure_reason: str = ""
    instance_type: str = ""

    @property
    def ended(self) -> bool:
        """Whether nothing more comes of it."""
        return self.status in _ENDED

    @property
    def lacked_capacity(self) -> bool:
        """Whether AWS had no such machine to give."""
        return self.status == "Failed" and "CapacityError" in self.failure_reason

    @property
    def number(self) -> int:
        """1 for the first attempt."""
        return int(self.name.rpartition("-a")[2])


OnPoll = Callable[[Attempt], None]
"""Told often how the watched attempt stands."""


@dataclass(kw_only=True)
class Jobs:
    """The jobs of one kind; ``instance_types`` are tried in order where one is not to be had."""

    kind: JobKind
    region: str | None = None
    instance_types: Sequence[str] = ()
    sagemaker: Any = None
    wait: Callable[[float], None] = time.sleep
    on_line: Callable[[str], None] = field(default=lambda _: None)
    _uses: dict[str, JobUse] = field(default_factory=dict)

    @cached_property
    def _api(self) -> Any:
        return self.sagemaker or client("sagemaker", self.region)

    def attempts(self, name: str) -> Iterator[Attempt]:
        """Every attempt at a job so far, first to last."""
        number = 1
        while (found := self.described(f"{name}-a{number}")) is not None:
            yield found
            number += 1

    def described(self, attempt: str) -> Attempt | None:
        """An attempt as it stands; None where there is no such job."""
        kind = self.kind
        try:
            with translated(f"{kind.noun} {attempt}"):
                answer = getattr(self._api, f"describe_{kind.verb}")(**{kind.name: attempt})
        except ObjectNotFoundError:
            return None
        self._uses[attempt] = _use(kind, attempt, answer)
        return Attempt(
            name=attempt,
            status=answer[f"{kind.prefix}Status"],
            phase=answer.get("SecondaryStatus") or answer[f"{kind.prefix}Status"],
            failure_reason=answer.get("FailureReason", ""),
            instance_type=answer.get(kind.resources, {}).get("InstanceType", ""),
        )

    def uses(self, name: str) -> tuple[JobUse, ...]:
        """What the attempts at a job that were looked at here had used by then."""
        return tuple(use for one, use in self._uses.items() if one.rpartition("-a")[0] == name)

    def create(self, job: Document, number: int, types: Sequence[str] = ()) -> Attempt:
        """A new attempt, on the first instance type that the account's quotas allow.

        Raises:
            QuotaError: none of them is allowed.
            InputError: SageMaker refuses the document.
        """
        refused: list[str] = []
        for kind in types or self.instance_types or [job[self.kind.resources]["InstanceType"]]:
            name = f"{job[self.kind.name]}-a{number}"
            document = on_instance_type(self.kind, job, kind) | {self.kind.name: name}
            try:
                self._patience(partial(self._create, document, kind))
            except QuotaError as error:
                usage = f"{kind} for {self.kind.noun} usage"
                refused.append(explained(str(error), usage=usage, region=self.region))
                continue
            except NameTakenError:
                pass  # a retry after a lost answer, or another driver: the job is what we want
            return Attempt(name=name, status="InProgress", instance_type=kind)
        refused.append(f"or name another type in {self.kind.config_key}")
        raise QuotaError("\n".join(refused))

    def _create(self, document: Document, instance_type: str) -> None:
        with translated(f"{self.kind.noun} {document[self.kind.name]} on {instance_type}"):
            getattr(self._api, f"create_{self.kind.verb}")(**document)

    @property
    def _patience(self) -> Patience:
        return Patience(wait=self.wait, on_line=self.on_line)

    def ended(self, attempt: Attempt, job: Document, on_poll: OnPoll) -> Attempt:
        """Wait for the end; where a machine is not to be had, attempt again on other types."""
        attempt = self.watched(attempt, on_poll)
        types = list(self.instance_types) or [attempt.instance_type]
        others = [kind for kind in types if kind != attempt.instance_type]
        for turn in range(1, _CAPACITY_ROUNDS + 1):
            for kind in others if turn == 1 else types:
                if not attempt.lacked_capacity:
                    return attempt
                attempt = self._on_another(kind, attempt, job, on_poll)
            if attempt.lacked_capacity and turn < _CAPACITY_ROUNDS:
                self.wait(60.0 * 2**turn * random.uniform(0.8, 1.2))  # noqa: S311 - jitter
        return attempt

    def _on_another(self, kind: str, attempt: Attempt, job: Document, on_poll: OnPoll) -> Attempt:
        """The next attempt, on ``kind``; the same one where the quota forbids that type."""
        self.on_line(f"no {attempt.instance_type} is to be had now; trying {kind}")
        try:
            return self.watched(self.create(job, attempt.number + 1, [kind]), on_poll)
        except QuotaError as error:
            self.on_line(str(error))
            return attempt

    def watched(self, attempt: Attempt, on_poll: OnPoll) -> Attempt:
        """Wait for the end; each new phase goes to ``on_line``, and ``on_poll`` is called often.

        Raises:
            JobFailedError: the job is gone.
            AccessDeniedError: the credentials have expired, or do not allow to ask.
            UnavailableError: AWS was silent for half an hour.
        """
        phase = ""
        for pause in pauses(_FIRST_PAUSE, _LONGEST_PAUSE):
            try:
                now = self._patience(partial(self._polled, attempt, on_poll))
            except (AccessDeniedError, UnavailableError) as error:
                goes_on = f"{error} (the job goes on without us, and the same command finds it)"
                raise type(error)(goes_on) from error
            if now.phase != phase:
                phase = now.phase
                self.on_line(f"{now.name}: {phase}")
            if now.ended:
                break
            self.wait(pause)
        return now

    def _polled(self, attempt: Attempt, on_poll: OnPoll) -> Attempt:
        now = self.described(attempt.name)
        if now is None:
            raise JobFailedError(f"{self.kind.noun} {attempt.name} is gone")
        on_poll(now)
        return now

    def stop_running(self, name: str) -> Attempt | None:
        """Ask the running attempt at a job to stop; None where none is running."""
        attempts = list(self.attempts(name))
        if not attempts or attempts[-1].ended:
            return None
        self.stop(attempts[-1])
        return attempts[-1]

    def stop(self, attempt: Attempt) -> None:
        """Ask a running attempt to stop; one that has just ended is left as it is."""
        try:
            self._patience(partial(self._stop, attempt))
        except InputError:
            now = self.described(attempt.name)
            if now is None or not (now.ended or now.status == "Stopping"):
                raise

    def _stop(self, attempt: Attempt) -> None:
        with translated(f"stopping {attempt.name}"):
            getattr(self._api, f"stop_{self.kind.verb}")(**{self.kind.name: attempt.name})

    def no_machine(self, attempt: Attempt) -> str:
        """That AWS had no machine for any attempt, and what to do."""
        types = ", ".join(self.instance_types) or attempt.instance_type
        return (
            f"AWS has no {types} to give now ({attempt.number} attempts; the last said: "
            f"{attempt.failure_reason}); name more types in {self.kind.config_key}, or give the "
            "same command later"
        )


def _use(kind: JobKind, attempt: str, answer: Mapping[str, Any]) -> JobUse:
    """What an attempt has used, by SageMaker's own clock."""
    noun = kind.prefix.removesuffix("Job")
    started, ended = answer.get(f"{noun}StartTime"), answer.get(f"{noun}EndTime")
    ran = (ended - started).total_seconds() if started and ended else 0.0
    resources = answer.get(kind.resources, {})
    return JobUse(
        name=attempt,
        status=answer[f"{kind.prefix}Status"],
        created_at=stamp(answer["CreationTime"]),
        started_at=stamp(started) if started else "",
        ended_at=stamp(ended) if ended else "",
        instance_type=resources.get("InstanceType", ""),
        instance_count=resources.get("InstanceCount", 1),
        workers=answer.get("MaxConcurrentTransforms", 1),
        # A spot job is billed for less than it ran.
        billed_seconds=float(answer.get("BillableTimeInSeconds") or ran),
    )


def on_instance_type(kind: JobKind, job: Document, instance_type: str) -> dict[str, Any]:
    """The document for another instance type, whose volume takes a key or none."""
    resources = {**job[kind.resources], "InstanceType": instance_type}
    resources.pop("VolumeKmsKeyId", None)
    key = job[kind.output].get("KmsKeyId")
    if key and not has_local_disk(instance_type):
        resources["VolumeKmsKeyId"] = key
    return {**job, kind.resources: resources}
