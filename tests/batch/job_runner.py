"""What moto leaves out: jobs created at its SageMaker are carried out here, from its S3."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import boto3

from batch.platforms.base import Document, JobOutcome
from batch.platforms.local import LocalPlatform
from batch.requests import LOCAL_ROLE

ROLE = "arn:aws:iam::123456789012:role/nightscribe"
LOG_GROUPS = {
    "training": "/aws/sagemaker/TrainingJobs",
    "transform": "/aws/sagemaker/TransformJobs",
}


@dataclass(kw_only=True)
class JobRunner:
    """Hears every job that this process creates; ``spoil`` may change what comes of one."""

    trainings: list[Document] = field(default_factory=list)
    transforms: list[Document] = field(default_factory=list)
    models: dict[str, Document] = field(default_factory=dict)
    spoil: Callable[[Document, JobOutcome], JobOutcome] = lambda _, outcome: outcome
    before: Callable[[Document], None] = lambda _: None

    def training(self, **_: Any) -> None:
        job, lines = self.trainings[-1], []
        outcome = LocalPlatform().train(job, on_line=lines.append)
        self._log("training", job["TrainingJobName"], lines)
        self._end("training", job["TrainingJobName"], self.spoil(job, outcome))

    def transform(self, **_: Any) -> None:
        job = self.transforms[-1]
        self.before(job)
        model = self.models[job["ModelName"]]
        assert model["ExecutionRoleArn"] != LOCAL_ROLE
        outcome = LocalPlatform().transform(model, job, on_output=lambda *_: None)
        self._log("transform", job["TransformJobName"], ["container said hello"])
        self._end("transform", job["TransformJobName"], self.spoil(job, outcome))

    def _end(self, kind: str, name: str, outcome: JobOutcome) -> None:
        from moto.sagemaker.models import sagemaker_backends

        backend = sagemaker_backends["123456789012"]["eu-central-1"]
        jobs = getattr(backend, f"{kind}_jobs")
        setattr(jobs[name], f"{kind}_job_status", outcome.status)
        jobs[name].failure_reason = outcome.failure_reason or None

    def _log(self, kind: str, name: str, lines: list[str]) -> None:
        logs = boto3.client("logs")
        group = {"logGroupName": LOG_GROUPS[kind]}
        if not logs.describe_log_groups(logGroupNamePrefix=group["logGroupName"])["logGroups"]:
            logs.create_log_group(**group)
        stream = {**group, "logStreamName": f"{name}/algo-1-1"}
        logs.create_log_stream(**stream)
        now = round(time.time() * 1000)
        events = [{"timestamp": now, "message": line} for line in lines if line]
        if events:
            logs.put_log_events(**stream, logEvents=events)


@contextmanager
def job_runner() -> Iterator[JobRunner]:
    """A runner that hears the clients of boto3's default session."""
    runner = JobRunner()
    boto3.setup_default_session()
    hooks: dict[str, Any] = {
        "provide-client-params.sagemaker.CreateTrainingJob": lambda params, **_: (
            runner.trainings.append(params)
        ),
        "provide-client-params.sagemaker.CreateTransformJob": lambda params, **_: (
            runner.transforms.append(params)
        ),
        "provide-client-params.sagemaker.CreateModel": lambda params, **_: runner.models.update(
            {params["ModelName"]: params}
        ),
        "after-call.sagemaker.CreateTrainingJob": runner.training,
        "after-call.sagemaker.CreateTransformJob": runner.transform,
    }
    for name, hook in hooks.items():
        boto3._get_default_session().events.register(name, hook)
    yield runner
    boto3.setup_default_session()
