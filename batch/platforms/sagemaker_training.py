"""Training jobs on SageMaker: gone on with where one stopped, and not done twice.

All attempts at a job share the document's checkpoint place, so a later one goes on where an earlier
one stopped.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from batch.platforms.base import Document, JobOutcome
from batch.platforms.sagemaker_jobs import TRAINING, Attempt, Jobs
from batch.platforms.sagemaker_training_logs import JobLogs
from manifests.storage import parent_store


@dataclass(kw_only=True)
class SageMakerTraining:
    """Carries ``create_training_job`` documents out on SageMaker.

    ``instance_types`` are tried in order where one is not to be had.
    """

    region: str | None = None
    instance_types: Sequence[str] = ()
    sagemaker: Any = None
    wait: Callable[[float], None] = time.sleep

    @cached_property
    def _jobs(self) -> Jobs:
        return Jobs(
            kind=TRAINING,
            region=self.region,
            sagemaker=self.sagemaker,
            instance_types=self.instance_types,
            wait=self.wait,
        )

    def submit(self, job: Document) -> Attempt:
        """The attempt that runs or has done the work; a new one where there is none.

        Raises:
            InputError: SageMaker refuses the document.
            QuotaError: of every instance type.
        """
        attempts = list(self.attempts(job["TrainingJobName"]))
        if attempts and (not attempts[-1].ended or _model_is_there(job, attempts[-1])):
            return attempts[-1]
        return self._jobs.create(job, len(attempts) + 1)

    def train(self, job: Document, *, on_line: Callable[[str], None]) -> JobOutcome:
        """Submit, print what the containers print, and wait for the end."""
        logs: dict[str, JobLogs] = {}

        def on_poll(attempt: Attempt) -> None:
            count = job["ResourceConfig"]["InstanceCount"]
            if attempt.name not in logs:
                logs[attempt.name] = JobLogs(attempt.name, count, region=self.region)
            for line in logs[attempt.name].new():
                on_line(line)

        self._jobs.on_line = on_line
        attempt = self._jobs.ended(self.submit(job), job, on_poll)
        done = attempt.status == "Completed"
        return JobOutcome(
            status=attempt.status,  # type: ignore[arg-type] # it has ended
            failure_reason="" if done else f"{attempt.name}: {self._why(attempt)}",
            artifact_uri=_model_uri(job, attempt) if done else "",
            instance_type=attempt.instance_type,
            jobs=self._jobs.uses(job["TrainingJobName"]),
        )

    def _why(self, attempt: Attempt) -> str:
        if attempt.lacked_capacity:
            return self._jobs.no_machine(attempt)
        if attempt.status == "Stopped":
            kept = "its checkpoints are kept, and the same command goes on from them"
            return f"{attempt.phase}; {kept}"
        return attempt.failure_reason or f"{attempt.status}, {attempt.phase}"

    def attempts(self, name: str) -> Iterator[Attempt]:
        """Every attempt at a job so far, first to last."""
        return self._jobs.attempts(name)

    def stop(self, name: str) -> Attempt | None:
        """Ask the running attempt to save and stop; None where none is running."""
        return self._jobs.stop_running(name)


def _model_uri(job: Document, attempt: Attempt) -> str:
    folder = job["OutputDataConfig"]["S3OutputPath"].rstrip("/")
    return f"{folder}/{attempt.name}/output/model.tar.gz"


def _model_is_there(job: Document, attempt: Attempt) -> bool:
    """Whether the attempt has done the work, and nobody has deleted its model since."""
    if attempt.status != "Completed":
        return False
    store, key = parent_store(_model_uri(job, attempt))
    return store.stat(key) is not None
