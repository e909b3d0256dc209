"""What a platform does: it takes the request documents of SageMaker's API and carries them out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from batch.capacity.used import JobUse
from manifests.errors import JobFailedError

Document = Mapping[str, Any]
"""The keyword arguments of a boto3 call."""

OnOutput = Callable[[str, bytes], None]
"""Told the name and the content of each output when it appears."""


def ignored(_sentence: str) -> None:
    """Tell nobody."""


class JobStoppedError(JobFailedError):
    """The job was stopped before its end; what is done is kept, and the run goes on later."""


class DeadlineError(JobStoppedError):
    """The time that a run may take is over; what is done is kept, and the run goes on later."""


@dataclass(frozen=True, kw_only=True)
class JobOutcome:
    """How a job ended, in SageMaker's words; ``failure_reason`` is empty unless it failed.

    ``model_loaded`` is False where the container never answered: no input had a chance.
    ``artifact_uri`` is where a training job's ``model.tar.gz`` lies; ``instance_type`` is what it
    ran on, empty for this machine. ``jobs`` are all attempts at it, the failed ones too.
    """

    status: Literal["Completed", "Failed", "Stopped"]
    failure_reason: str = ""
    model_loaded: bool = True
    artifact_uri: str = ""
    instance_type: str = ""
    jobs: tuple[JobUse, ...] = field(default=(), compare=False)


class TrainingPlatform(Protocol):
    """Carries out training jobs and waits for their end."""

    def train(self, job: Document, *, on_line: Callable[[str], None]) -> JobOutcome:
        """Carry out ``create_training_job``; ``on_line`` gets what the job prints."""
        ...


class Platform(TrainingPlatform, Protocol):
    """Carries out jobs of both kinds."""

    def transform(self, model: Document, job: Document, *, on_output: OnOutput) -> JobOutcome:
        """Carry out ``create_model`` and ``create_transform_job``.

        Inputs whose output exists already are not transformed again.
        """
        ...

    def stop_transform(self, name: str) -> None:
        """Ask the transform job of that name to stop, where it still runs."""
        ...
