"""Transform jobs on SageMaker: progress by the outputs that appear, and whatever came is kept."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from batch.platforms.aws import client
from batch.platforms.base import DeadlineError, Document, JobOutcome, JobStoppedError, OnOutput
from batch.platforms.sagemaker_jobs import TRANSFORM, Attempt, Jobs
from batch.platforms.sagemaker_logs import last_words
from batch.platforms.sagemaker_resources import MODEL, ensure_created
from manifests.errors import JobFailedError
from manifests.storage import Store, open_store

_OUT = ".out"


@dataclass(kw_only=True)
class SageMakerTransform:
    """Carries ``create_model`` and ``create_transform_job`` documents out on SageMaker.

    Batch Transform has no stopping condition: ``deadline_seconds`` from the first wait on is ours,
    and so is ``until``, a time of ``now``: whichever comes first.
    """

    region: str | None = None
    instance_types: Sequence[str] = ()
    deadline_seconds: float | None = None
    until: float | None = None
    sagemaker: Any = None
    wait: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    now: Callable[[], float] = time.time
    on_line: Callable[[str], None] = field(default=lambda _: None)
    _started: float | None = None

    @cached_property
    def _api(self) -> Any:
        return self.sagemaker or client("sagemaker", self.region)

    @cached_property
    def _jobs(self) -> Jobs:
        return Jobs(
            kind=TRANSFORM,
            region=self.region,
            sagemaker=self._api,
            instance_types=self.instance_types,
            wait=self.wait,
            on_line=self.on_line,
        )

    def transform(self, model: Document, job: Document, *, on_output: OnOutput) -> JobOutcome:
        """Carry the job out, or watch it where it runs; a job that has ended is not run again.

        One that never got a machine is, and one that ended without a single output: its model was
        not loaded.

        Raises:
            DeadlineError: the deadline passed; the job is asked to stop.
            JobStoppedError: somebody else stopped it while it was watched.
            JobFailedError: no machine was to be had.
        """
        ensure_created(self._api, MODEL, model)
        outputs = _Outputs(open_store(job["TransformOutput"]["S3OutputPath"]), on_output)
        earlier = list(self._jobs.attempts(job["TransformJobName"]))
        attempt = earlier[-1] if earlier else None
        if attempt is None or _began_nothing(attempt, outputs):
            if self._late:
                raise DeadlineError(f"{job['TransformJobName']}: not begun, for the night is over")
            attempt = self._jobs.create(job, len(earlier) + 1)
        if not attempt.ended:
            asked_to_stop = attempt.status == "Stopping"
            started = self.clock() if self._started is None else self._started
            self._started = started

            def on_poll(current: Attempt) -> None:
                outputs.tell()
                over = self.deadline_seconds and self.clock() - started > self.deadline_seconds
                if (over or self._late) and not current.ended:
                    self._jobs.stop(current)
                    passed = "the night's end" if self._late else "[transform] deadline_hours"
                    raise DeadlineError(
                        f"{current.name}: {passed} has passed; the job is asked "
                        "to stop, and the next run goes on with what is left"
                    )

            attempt = self._jobs.ended(attempt, job, on_poll)
            if attempt.status == "Stopped" and not asked_to_stop:
                raise JobStoppedError(
                    f"{attempt.name}: somebody stopped the job; what is done is kept, and the "
                    "same command goes on with what is left"
                )
        if attempt.lacked_capacity:
            raise JobFailedError(f"{attempt.name}: {self._jobs.no_machine(attempt)}")
        outputs.tell()
        outcome = self._outcome(attempt, loaded=outputs.any())
        return replace(outcome, jobs=self._jobs.uses(job["TransformJobName"]))

    def stop(self, name: str) -> None:
        """Ask a job to stop, where it runs."""
        self._jobs.stop_running(name)

    @property
    def _late(self) -> bool:
        return self.until is not None and self.now() >= self.until

    def _outcome(self, attempt: Attempt, *, loaded: bool) -> JobOutcome:
        if attempt.status == "Completed":
            return JobOutcome(status="Completed")
        said = last_words(TRANSFORM.log_group, attempt.name, region=self.region)
        reason = f"{attempt.name}: {attempt.failure_reason or attempt.status}{said}"
        stopped = attempt.status == "Stopped"
        return JobOutcome(
            status="Stopped" if stopped else "Failed",
            failure_reason=reason,
            model_loaded=loaded or stopped,
        )


def _began_nothing(attempt: Attempt, outputs: _Outputs) -> bool:
    if attempt.lacked_capacity:
        return True  # whatever outputs there are, they are those of another round
    return attempt.status in ("Failed", "Stopped") and not outputs.any()


class _Outputs:
    """The objects below a job's output path; each is told once, when it appears."""

    def __init__(self, store: Store, on_output: OnOutput) -> None:
        self._store = store
        self._on_output = on_output
        self._known = set(self._names())

    def any(self) -> bool:
        """Whether a single input has an output."""
        return bool(self._known)

    def tell(self) -> None:
        """Tell of outputs that were not there before."""
        for key in self._names():
            if key not in self._known:
                answer = self._store.read(key)
                self._known.add(key)
                self._on_output(key.rpartition("/")[2].removesuffix(_OUT), answer)

    def _names(self) -> list[str]:
        return [entry.key for entry in self._store.list() if entry.key.endswith(_OUT)]
