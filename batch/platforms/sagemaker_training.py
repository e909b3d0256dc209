"""Training jobs on SageMaker: created once, watched to the end, gone on with where one stopped.

A job's name is spent when it ends, so each attempt has its own: ``<name>-a1``, ``<name>-a2``. All
attempts share the document's checkpoint place, so a later one goes on where an earlier one stopped.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from batch.platforms.aws import NameTakenError, QuotaError, client, translated
from batch.platforms.base import Document, JobOutcome
from batch.platforms.sagemaker_training_logs import JobLogs
from batch.training_request import on_instance_type
from manifests.errors import JobFailedError, ObjectNotFoundError
from manifests.storage import parent_store

_ENDED = frozenset({"Completed", "Failed", "Stopped"})
_CAPACITY_ROUNDS = 3


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One training job as SageMaker describes it."""

    name: str
    status: str
    secondary: str = ""
    failure_reason: str = ""
    instance_type: str = ""

    @property
    def ended(self) -> bool:
        return self.status in _ENDED

    @property
    def lacked_capacity(self) -> bool:
        """Whether AWS had no such machine to give."""
        return self.status == "Failed" and "CapacityError" in self.failure_reason


class SageMakerTraining:
    """Carries ``create_training_job`` documents out on SageMaker."""

    def __init__(
        self,
        *,
        region: str | None = None,
        instance_types: Sequence[str] = (),
        sagemaker: Any = None,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        """``instance_types`` are tried in order where one is not to be had."""
        self._region = region
        self._types = list(instance_types)
        self._given = sagemaker
        self._wait = wait

    @property
    def _sagemaker(self) -> Any:
        if self._given is None:
            self._given = client("sagemaker", self._region)
        return self._given

    def submit(self, job: Document) -> Attempt:
        """The attempt that runs or has done the work; a new one where there is none.

        Raises:
            InputError: SageMaker refuses the document.
            QuotaError: of every instance type.
        """
        attempts = list(self.attempts(job["TrainingJobName"]))
        if attempts and (not attempts[-1].ended or _model_is_there(job, attempts[-1])):
            return attempts[-1]
        return self._create(job, len(attempts) + 1, self._types)

    def train(self, job: Document, *, on_line: Callable[[str], None]) -> JobOutcome:
        """Submit, print what the containers print, and wait for the end."""
        attempt = self._watched(self.submit(job), job, on_line)
        others = [kind for kind in self._types if kind != attempt.instance_type]
        for round_number in range(1, _CAPACITY_ROUNDS + 1):
            for kind in others if round_number == 1 else self._types:
                if not attempt.lacked_capacity:
                    break
                attempt = self._on_another(kind, attempt, job, on_line)
            if not attempt.lacked_capacity or round_number == _CAPACITY_ROUNDS:
                break
            self._wait(60.0 * 2**round_number * random.uniform(0.8, 1.2))  # noqa: S311 - jitter
        done = attempt.status == "Completed"
        return JobOutcome(
            status=attempt.status,  # type: ignore[arg-type] # it has ended
            failure_reason="" if done else f"{attempt.name}: {_why(attempt)}",
            artifact_uri=_model_uri(job, attempt) if done else "",
            instance_type=attempt.instance_type,
        )

    def _on_another(
        self, kind: str, attempt: Attempt, job: Document, on_line: Callable[[str], None]
    ) -> Attempt:
        """The next attempt, on ``kind``; the same one where the quota forbids that type."""
        on_line(f"no {attempt.instance_type} is to be had now; trying {kind}")
        number = int(attempt.name.rpartition("-a")[2]) + 1
        try:
            return self._watched(self._create(job, number, [kind]), job, on_line)
        except QuotaError as error:
            on_line(str(error))
            return attempt

    def attempts(self, name: str) -> Iterator[Attempt]:
        """Every attempt at a job so far, first to last."""
        number = 1
        while (found := self.described(f"{name}-a{number}")) is not None:
            yield found
            number += 1

    def described(self, attempt: str) -> Attempt | None:
        """An attempt as it stands; None where there is no such job."""
        try:
            with translated(f"training job {attempt}"):
                answer = self._sagemaker.describe_training_job(TrainingJobName=attempt)
        except ObjectNotFoundError:
            return None
        return Attempt(
            name=attempt,
            status=answer["TrainingJobStatus"],
            secondary=answer.get("SecondaryStatus", ""),
            failure_reason=answer.get("FailureReason", ""),
            instance_type=answer.get("ResourceConfig", {}).get("InstanceType", ""),
        )

    def stop(self, name: str) -> Attempt | None:
        """Ask the running attempt to save and stop; None where none is running."""
        attempts = list(self.attempts(name))
        if not attempts or attempts[-1].ended:
            return None
        with translated(f"stopping {attempts[-1].name}"):
            self._sagemaker.stop_training_job(TrainingJobName=attempts[-1].name)
        return attempts[-1]

    def _create(self, job: Document, number: int, kinds: Sequence[str]) -> Attempt:
        """The first instance type that the account's quotas allow."""
        refused: list[str] = []
        for kind in kinds or [job["ResourceConfig"]["InstanceType"]]:
            name = f"{job['TrainingJobName']}-a{number}"
            document = {**on_instance_type(job, kind), "TrainingJobName": name}
            try:
                with translated(f"training job {name} on {kind}"):
                    self._sagemaker.create_training_job(**document)
            except QuotaError as error:
                refused.append(str(error))
                continue
            except NameTakenError:
                pass  # a retry after a lost answer, or another driver: the job is what we want
            return Attempt(name=name, status="InProgress", instance_type=kind)
        raise QuotaError("\n".join(refused))

    def _watched(self, attempt: Attempt, job: Document, on_line: Callable[[str], None]) -> Attempt:
        """Wait for the end; each log line and each new phase goes to ``on_line``."""
        logs = JobLogs(attempt.name, job["ResourceConfig"]["InstanceCount"], region=self._region)
        phase, pause = "", 2.0
        while True:
            now = self.described(attempt.name)
            if now is None:
                raise JobFailedError(f"training job {attempt.name} is gone")
            if now.secondary and now.secondary != phase:
                phase = now.secondary
                on_line(f"{now.name}: {phase}")
            for line in logs.new():
                on_line(line)
            if now.ended:
                return now
            self._wait(pause * random.uniform(0.8, 1.2))  # noqa: S311 - jitter
            pause = min(30.0, pause * 1.5)


def _model_uri(job: Document, attempt: Attempt) -> str:
    folder = job["OutputDataConfig"]["S3OutputPath"].rstrip("/")
    return f"{folder}/{attempt.name}/output/model.tar.gz"


def _model_is_there(job: Document, attempt: Attempt) -> bool:
    """Whether the attempt has done the work, and nobody has deleted its model since."""
    if attempt.status != "Completed":
        return False
    store, key = parent_store(_model_uri(job, attempt))
    return store.stat(key) is not None


def _why(attempt: Attempt) -> str:
    if attempt.status == "Stopped":
        return (
            f"{attempt.secondary or 'stopped'}; its checkpoints are kept, and the same command "
            "goes on from them"
        )
    return attempt.failure_reason or f"{attempt.status}, {attempt.secondary}"
