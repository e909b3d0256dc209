"""What moto leaves out: jobs created at its SageMaker are carried out here, from its S3.

The handlers of moto's server are replaced, so jobs of every process that talks to the server are
heard: the test's own, a ``nightscribe run`` in a process of its own, a processing job. Names are
taken once, a model must exist, stopping stops, and a job's end is an event on moto's EventBridge.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import boto3
import pytest

from batch.platforms.base import Document, JobOutcome
from tests.batch.carried_out import Carried, Transform, carried_out, real_container

ACCOUNT = "123456789012"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/nightscribe"
Kind = Literal["training", "transform", "processing"]
When = Literal["at once", "in background", "when told"]
KINDS: tuple[Kind, ...] = ("training", "transform", "processing")


@dataclass(kw_only=True)
class JobRunner:
    """Hears every job that is created, and carries it out.

    ``before`` is told of each job that is about to start; an outcome that it returns is that of a
    job that never starts. ``spoil`` may change what came of one; what it raises is raised where
    the job was created, in a driver of this process, and the job goes on without it.

    ``when`` says for each kind when a job is carried out: "at once", before its ``create`` call is
    answered; "in background", in a process that Stop…Job ends; or "when told", by ``work()``.

    ``container`` does the work of transform jobs that are not in the background: the real handler,
    or ``stand_in`` where a test is not about what is heard.
    """

    trainings: list[Document] = field(default_factory=list)
    transforms: list[Document] = field(default_factory=list)
    processings: list[Document] = field(default_factory=list)
    models: dict[str, Document] = field(default_factory=dict)
    spoil: Callable[[Document, JobOutcome], JobOutcome] = lambda _, outcome: outcome
    before: Callable[[Document], JobOutcome | None] = lambda _: None
    when: dict[Kind, When] = field(
        default_factory=lambda: {
            "training": "at once",
            "transform": "at once",
            "processing": "in background",
        }
    )
    container: Transform = real_container
    raised: list[BaseException] = field(default_factory=list)
    _waiting: list[_Job] = field(default_factory=list)
    _running: dict[str, _Job] = field(default_factory=dict)
    _session: Any = field(default_factory=boto3.session.Session)
    _clients: dict[str, Any] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def driver_dies(self) -> Iterator[None]:
        """A driver of this process dies where it creates a job, which goes on without it."""
        before = self.spoil

        def die(_: Document, outcome: JobOutcome) -> JobOutcome:
            raise KeyboardInterrupt

        self.spoil = die
        with pytest.raises(KeyboardInterrupt):
            yield
        self.spoil = before

    def work(self) -> bool:
        """Carry out what waits to be told; whether there was anything."""
        waiting, self._waiting = self._waiting, []
        for job in waiting:
            self._carry_out(job)
        return bool(waiting)

    def join(self, seconds: float = 120.0) -> None:
        """Wait until nothing runs in the background any more."""
        until = time.monotonic() + seconds
        while self._running:
            for job in list(self._running.values()):
                job.thread.join(max(0.0, until - time.monotonic()))
                assert not job.thread.is_alive(), f"{job.name} still runs after {seconds:.0f} s"

    def close(self) -> None:
        """Stop whatever runs."""
        for job in list(self._running.values()):
            job.carried.stop()
        self.join()

    # -- what the server's handlers call ------------------------------------------------------

    def take(self, kind: Kind, document: Document, record: Any) -> None:
        """A job was created; ``record`` is moto's, whose status everybody sees."""
        heard = {"training": self.trainings, "transform": self.transforms}
        heard.get(kind, self.processings).append(document)
        job = _Job(kind=kind, document=document, record=record, clients=self._client)
        job.begin()
        if self.when[kind] == "when told":
            self._waiting.append(job)
        elif self.when[kind] == "in background":
            job.thread = threading.Thread(target=self._in_background, args=[job], daemon=True)
            self._running[job.name] = job
            job.thread.start()
        else:
            self._carry_out(job)

    def stop(self, record: Any, kind: Kind) -> bool:
        """Ask for a job's end; False where it has ended."""
        if getattr(record, f"{kind}_job_status") != "InProgress":
            return False
        waiting = [job for job in self._waiting if job.record is record]
        for job in [*waiting, *self._running.values()]:
            if job.record is record:
                job.tell("Stopping")
                job.carried.stop()
        for job in waiting:
            self._waiting.remove(job)
            job.end(JobOutcome(status="Stopped"))
        return True

    def _in_background(self, job: _Job) -> None:
        try:
            self._carry_out(job)
        finally:
            del self._running[job.name]

    def _carry_out(self, job: _Job) -> None:
        outcome = self.before(job.document)
        if outcome is None:
            model = self.models.get(job.document.get("ModelName", ""))
            apart = job.thread is not threading.main_thread()
            if job.kind == "transform" and not apart:
                assert model is not None
                outcome = self.container(job.document, model, job.carried)
            else:
                outcome = carried_out(job.kind, job.document, model, job.carried)
            try:
                outcome = self.spoil(job.document, outcome)
            except BaseException as error:  # noqa: BLE001 - the creator shall have it
                self.raised.append(error)
        job.end(outcome)

    def _client(self, service: str) -> Any:
        # Neither the default session nor one of ours may make two clients at a time.
        with self._lock:
            if service not in self._clients:
                self._clients[service] = self._session.client(service)
            return self._clients[service]

    def hand_over(self, **_: Any) -> None:
        """Raise in the creating process what ``spoil`` raised in the server's thread."""
        if self.raised:
            raise self.raised.pop()


@dataclass(kw_only=True)
class _Job:
    """One job: its document, moto's record of it, and what it printed."""

    kind: Kind
    document: Document
    record: Any
    clients: Callable[[str], Any]
    carried: Carried = field(default_factory=Carried)
    thread: threading.Thread = field(default_factory=threading.main_thread)

    @property
    def name(self) -> str:
        return str(self.document[f"{self.kind.title()}JobName"])

    def begin(self) -> None:
        setattr(self.record, f"{self.kind}_end_time", None)
        self.tell("InProgress")

    def tell(self, status: str) -> None:
        setattr(self.record, f"{self.kind}_job_status", status)
        if self.kind == "training":
            self.record.secondary_status = status

    def end(self, outcome: JobOutcome) -> None:
        from moto.core.utils import utcnow

        self._log()
        setattr(self.record, f"{self.kind}_end_time", utcnow())
        self.record.failure_reason = outcome.failure_reason or None
        if self.kind == "processing":
            self.record.exit_message = self.carried.exit_message or None
        self.tell(outcome.status)
        detail = {
            f"{self.kind.title()}JobName": self.name,
            f"{self.kind.title()}JobStatus": outcome.status,
            "FailureReason": outcome.failure_reason,
            "Tags": {tag["Key"]: tag["Value"] for tag in self.document.get("Tags", ())},
        }
        event = {
            "Source": "aws.sagemaker",
            "DetailType": f"SageMaker {self.kind.title()} Job State Change",
            "Detail": json.dumps(detail),
        }
        self.clients("events").put_events(Entries=[event])

    def _log(self) -> None:
        """The lines in CloudWatch; a group that the account's template made is used as it is."""
        logs = self.clients("logs")
        group = f"/aws/sagemaker/{self.kind.title()}Jobs"
        if not logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]:
            logs.create_log_group(logGroupName=group)
        stream = {"logGroupName": group, "logStreamName": f"{self.name}/algo-1-1"}
        logs.create_log_stream(**stream)
        now = round(time.time() * 1000)
        events = [{"timestamp": now, "message": line} for line in self.carried.lines if line]
        if events:
            logs.put_log_events(**stream, logEvents=events)


@contextmanager
def job_runner() -> Iterator[JobRunner]:
    """A runner that hears every job of moto's server in this process (fixture ``aws``)."""
    runner = JobRunner()
    boto3.setup_default_session()
    events = boto3._get_default_session().events
    with pytest.MonkeyPatch.context() as patch:
        for kind in KINDS:
            _hear(runner, kind, patch)
            events.register(f"after-call.sagemaker.Create{kind.title()}Job", runner.hand_over)
        _hear_models(runner, patch)
        try:
            yield runner
        finally:
            runner.close()
    boto3.setup_default_session()


def _hear(runner: JobRunner, kind: Kind, patch: pytest.MonkeyPatch) -> None:
    """Replace moto's create and stop of one kind of job."""
    from moto.core.responses import EmptyResult
    from moto.sagemaker.exceptions import ResourceInUseException, ValidationError
    from moto.sagemaker.responses import SageMakerResponse

    api: Any = SageMakerResponse
    key, verb = f"{kind.title()}JobName", f"{kind}_job"
    original = getattr(api, f"create_{verb}")

    def create(response: Any) -> Any:
        document = json.loads(response.body)
        jobs, name = getattr(response.sagemaker_backend, f"{verb}s"), document[key]
        if name in jobs:
            raise ResourceInUseException(
                "Job name must be unique within an AWS account and region, and a job with this "
                f"name already exists ({jobs[name].arn})"
            )
        if kind == "transform" and document["ModelName"] not in runner.models:
            raise ValidationError(f'Could not find model "{document["ModelName"]}".')
        answer = original(response)
        runner.take(kind, document, jobs[name])
        return answer

    def stop(response: Any) -> Any:
        name = json.loads(response.body)[key]
        record = getattr(response.sagemaker_backend, f"{verb}s").get(name)
        if record is None:
            raise ValidationError("Requested resource not found.")
        if not runner.stop(record, kind):
            status = getattr(record, f"{verb}_status")
            raise ValidationError(
                f"The request was rejected because the {kind} job is in status {status}."
            )
        return EmptyResult()

    patch.setattr(api, f"create_{verb}", create)
    patch.setattr(api, f"stop_{verb}", stop, raising=False)


def _hear_models(runner: JobRunner, patch: pytest.MonkeyPatch) -> None:
    from moto.sagemaker.exceptions import ValidationError
    from moto.sagemaker.responses import SageMakerResponse

    original = SageMakerResponse.create_model

    def create_model(response: Any) -> Any:
        document = json.loads(response.body)
        name = document["ModelName"]
        if name in runner.models:
            raise ValidationError(f'Cannot create already existing model "{name}".')
        answer = original(response)
        runner.models[name] = document
        return answer

    patch.setattr(SageMakerResponse, "create_model", create_model)
    forget = SageMakerResponse.delete_model

    def delete_model(response: Any) -> Any:
        answer = forget(response)
        runner.models.pop(json.loads(response.body)["ModelName"], None)
        return answer

    patch.setattr(SageMakerResponse, "delete_model", delete_model)


def fire(
    schedule: str, *, group: str = "default", at: str, execution: str = "d32c5kddcf5bb8c3"
) -> Any:
    """Do what EventBridge Scheduler does when ``schedule`` is due at ``at`` (UTC, ISO, Z).

    The universal target's API action is called with its input, whose context attributes are
    replaced; ``execution`` differs for each attempt. Returns the action's answer.
    """
    found = boto3.client("scheduler").get_schedule(Name=schedule, GroupName=group)
    assert found["State"] == "ENABLED", f"{schedule} is {found['State']}"
    text = found["Target"]["Input"]
    attributes = {
        "scheduled-time": at,
        "execution-id": execution,
        "attempt-number": "1",
        "schedule-arn": found["Arn"],
    }
    for name, value in attributes.items():
        text = text.replace(f"<aws.scheduler.{name}>", value)
    service, action = found["Target"]["Arn"].split(":aws-sdk:")[1].split(":")
    operation = action[0].upper() + action[1:]
    client = boto3.client(service)
    method = next(m for m, o in client.meta.method_to_api_mapping.items() if o == operation)
    return getattr(client, method)(**json.loads(text))
