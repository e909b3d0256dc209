"""Every call that nightscribe makes is allowed, and nothing else without a reason.

The flows below run at moto, as whoever makes them in an account: a caller, the driver of a
scheduled run, the scheduler, the containers. Every call is heard, and IAM's question about it put
to the policies.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import boto3
import pytest
from click.testing import CliRunner

from batch.cli.main import cli
from batch.fine_tuning.request import Channel, Machines, training_request
from batch.layout import RunKeys
from batch.platforms.base import DeadlineError, JobOutcome
from batch.platforms.quotas import find_quotas
from batch.platforms.sagemaker_training import SageMakerTraining
from batch.schedule.requests import schedule_prefix
from manifests.pointers import Pointer, read_pointers
from manifests.storage import open_store, open_uri
from tests.batch.carried_out import stand_in
from tests.batch.endpoint_server import endpoint_server
from tests.batch.faulty_night import quick_retries
from tests.batch.job_runner import JobRunner, job_runner
from tests.batch.misbehaving import misbehaving
from tests.batch.scheduled import OpenNight, ensure_schedule_group
from tests.conftest import speechlike, write_sound
from tests.infra.calls import Recorder, recorder, started_by
from tests.infra.iam import Request, allowed
from tests.infra.template import PATH, STACK, Resolved
from transform_handler.handler import JSON_LINES
from transform_handler.records import Status, TranscriptRecord

CALLER, DRIVER, MODEL, TRAINING = "CallerPolicy", "DriverRole", "ModelRole", "TrainingRole"
SCHEDULER, CONTAINERS, QUERIES = "SchedulerRole", "ContainerPolicy", "QueryPolicy"
PRINCIPALS = (CALLER, DRIVER, MODEL, TRAINING, SCHEDULER)
OUTPUT, ARCHIVE, GOLDEN = "policies-output", "policies-archive", "policies-golden"
IMAGE = "763104351884.dkr.ecr.eu-central-1.amazonaws.com/huggingface-pytorch-inference:2.6.0"


# -- the account ------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Account:
    """What the template makes, under the names that ``Resolved`` gives; at moto."""

    template: Resolved
    config: Path
    runner: JobRunner
    recorder: Recorder
    tmp_path: Path

    def nightscribe(self, *words: str | Path, as_: str = CALLER) -> str:
        """A command, typed by a principal."""
        with self.recorder.acting_as(as_):
            result = CliRunner().invoke(cli, [str(one) for one in words], standalone_mode=False)
        if result.exception is not None:
            raise result.exception
        assert not result.return_value, result.output
        return result.stdout


def at_moto() -> Resolved:
    """Buckets, topic, queue, group, roles, key, network and the stack's outputs."""
    place = {"LocationConstraint": "eu-central-1"}
    for bucket in (OUTPUT, ARCHIVE, GOLDEN):
        boto3.client("s3").create_bucket(Bucket=bucket, CreateBucketConfiguration=place)
    ec2 = boto3.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
    template = Resolved(
        {
            "BucketName": OUTPUT,
            "OutputPrefix": "night/",
            "ArchiveBucket": ARCHIVE,
            "ArchivePrefix": "2026/",
            "GoldenBucket": GOLDEN,
            "GoldenPrefix": "english/",
            "KmsKeyArn": boto3.client("kms").create_key()["KeyMetadata"]["Arn"],
            "VpcId": vpc,
            "SubnetIds": subnet,
        }
    )
    group = ec2.create_security_group(GroupName="jobs", Description="jobs", VpcId=vpc)["GroupId"]
    boto3.client("sns").create_topic(Name=template.outputs["TopicArn"].rpartition(":")[2])
    queue = template.outputs["DeadLetterQueueArn"].rpartition(":")[2]
    boto3.client("sqs").create_queue(QueueName=queue)
    ensure_schedule_group(STACK)
    for name, resource in template.resources.items():
        if resource["Type"] == "AWS::IAM::Role":
            trust = json.dumps(resource["Properties"]["AssumeRolePolicyDocument"])
            boto3.client("iam").create_role(
                RoleName=f"{STACK}-{name}", AssumeRolePolicyDocument=trust
            )
    outputs = {**template.outputs, "SecurityGroupIds": group}
    body = {
        "Resources": {"Handle": {"Type": "AWS::CloudFormation::WaitConditionHandle"}},
        "Outputs": {name: {"Value": value} for name, value in outputs.items()},
    }
    boto3.client("cloudformation").create_stack(StackName=STACK, TemplateBody=json.dumps(body))
    return template


def configuration(folder: Path, model: Path) -> Path:
    path = folder / "nightscribe.toml"
    path.write_text(
        f"""
[archive]
uri = "s3://{ARCHIVE}/2026/"
[model]
uri = "{model}"
[output]
uri = "s3://{OUTPUT}/night/"
[platform]
name = "sagemaker"
[transform]
workers = 1
shard_minutes = 0.1
rounds = 2
[report]
golden = "s3://{GOLDEN}/english/"
[sagemaker]
stack = "{STACK}"
region = "eu-central-1"
inference_image = "{IMAGE}"
driver_image = "{IMAGE}"
""",
        "utf-8",
    )
    return path


def record(name: str, seconds: float, folder: Path) -> None:
    """A new recording in the archive."""
    sound = write_sound(folder / f"{name}.wav", speechlike(seconds))
    open_store(f"s3://{ARCHIVE}/2026/").put(f"day/{name}.wav", sound)


def golden_set(folder: Path) -> None:
    """A recording with its reference, away from the archive."""
    store = open_store(f"s3://{GOLDEN}/english/")
    store.put("one.wav", write_sound(folder / "golden.wav", speechlike(1.0, seed=7)))
    store.put("references.tsv", b"one\thello\n")


# -- the flows: each is something that somebody does ------------------------------------------


@contextmanager
def failing(account: Account) -> Iterator[None]:
    """Jobs that do their work and are called Failed, so that their logs are read."""
    account.runner.spoil = lambda _, __: JobOutcome(status="Failed", failure_reason="ClientError")
    yield
    account.runner.spoil = lambda _, outcome: outcome


@contextmanager
def unending(account: Account) -> Iterator[tuple[str, str]]:
    """Jobs that take longer than they may, so that they are stopped; the option that says so."""
    account.runner.when["transform"] = "when told"
    yield ("--set", "transform.deadline_hours=0.0001")
    account.runner.when["transform"] = "at once"


def a_run_by_hand(account: Account) -> None:
    with failing(account):
        account.nightscribe("run", account.config)
    account.nightscribe("status", "-c", account.config)
    account.nightscribe("estimate", account.config, "--canary")
    record("late", 1.0, account.tmp_path)
    with unending(account) as limit, pytest.raises(DeadlineError):
        account.nightscribe("run", account.config, *limit)


def a_container_reads_recordings(account: Account) -> None:
    """As the decoder does, in a process of its own."""
    output = open_store(f"s3://{OUTPUT}/night/")
    shards = [one.key for one in output.list() if "/shards/" in one.key]
    assert any(one.startswith("golden/") for one in shards)
    with account.recorder.acting_as(MODEL):
        for line in b"".join(map(output.read, shards)).splitlines():
            pointer = Pointer.from_line(line.decode())
            if not pointer.uri.startswith("s3://"):
                continue  # what a container is warmed up with
            with open_uri(pointer.uri, etag=pointer.etag) as file:
                file.read()


def a_training(account: Account) -> None:
    account.runner.before = lambda _: JobOutcome(status="Failed", failure_reason="ClientError")
    jobs = f"s3://{OUTPUT}/night/training"
    outputs = account.template.outputs
    job = training_request(
        name="nightscribe-x-abc",
        channels=[Channel(name="code", uri=f"{jobs}/source/")],
        output_uri=f"{jobs}/jobs",
        checkpoint_uri=f"{jobs}/checkpoints/",
        hyperparameters={},
        machines=Machines(role=outputs["TrainingRoleArn"], tags={"project": "nightscribe"}),
    )
    trainer = SageMakerTraining(region="eu-central-1")
    with account.recorder.acting_as(CALLER):
        trainer.train(job, on_line=lambda _: None)
        account.runner.before = lambda _: None
        account.runner.when["training"] = "when told"
        trainer.submit(job)
        trainer.stop("nightscribe-x-abc")


def a_schedule(account: Account) -> None:
    """Put, looked at, paused, fired by hand; then what the scheduler and its driver do."""
    night = OpenNight.of_now()
    account.nightscribe("schedule", "put", account.config, *night.options)
    account.nightscribe("schedule", "put", account.config, *night.options)
    for verb in ("pause", "resume", "show", "run-now"):
        account.nightscribe("schedule", verb, "nightly", "-c", account.config)
    account.nightscribe("schedule", "list", "-c", account.config)
    scheduler = boto3.client("scheduler")
    # The group is shared with other tests' schedules.
    ours = schedule_prefix("nightly", f"s3://{OUTPUT}/night/")
    for one in scheduler.list_schedules(GroupName=STACK, NamePrefix=ours)["Schedules"]:
        schedule = scheduler.get_schedule(Name=one["Name"], GroupName=STACK)
        account.recorder.requests.setdefault(SCHEDULER, []).extend(started_by(schedule))
    record("new", 1.0, account.tmp_path)
    with unending(account) as limit:
        a_driver(account, night, night.begins, *limit)
    with failing(account):
        # Another number of workers is another model.
        a_driver(account, night, night.begins, "--set", "transform.workers=2")
    a_driver(account, night, night.ends)
    account.nightscribe("schedule", "remove", "nightly", "-c", account.config)


def a_driver(account: Account, night: OpenNight, at: str, *more: str) -> None:
    """The command of a driver's container, with the configuration that it is given."""
    config = account.tmp_path / "config.toml"
    found = open_store(f"s3://{OUTPUT}/night/schedules/nightly/")
    config.write_bytes(found.read("config.toml"))
    firing = ("--schedule", "nightly", "--fired-at", at, "--job", "nightscribe-nightly-one")
    account.nightscribe("run", config, *firing, *night.options, *more, as_=DRIVER)


def a_driver_that_lacks_machines(account: Account) -> None:
    for principal in (CALLER, DRIVER):
        with account.recorder.acting_as(principal):
            find_quotas(["ml.m5.xlarge for transform job usage"], "eu-central-1")


def an_endpoint(account: Account) -> None:
    sound = write_sound(account.tmp_path / "x.wav", speechlike(1.0))
    with endpoint_server() as server:
        server.answer = partial(answered, account)  # type: ignore[method-assign]
        for kind in ([], ["--async"]):
            name = ["--name", "trial" + "".join(kind).strip("-")]
            for more in ([], ["--instance", "ml.m5.2xlarge"]):
                account.nightscribe("endpoint", "deploy", account.config, *name, *kind, *more)
            account.nightscribe("endpoint", "invoke", sound, "-c", account.config, *name)
        account.nightscribe("endpoint", "list", "-c", account.config)
        account.nightscribe("endpoint", "delete", "-c", account.config, "--all")


def answered(account: Account, _endpoint: str, body: bytes, headers: dict[str, str]) -> bytes:
    """What an endpoint's container does: it reads what pointers name."""
    uri = ""
    if headers["Content-Type"] == JSON_LINES:
        (pointer,) = read_pointers(body.decode(), name="body")
        uri = pointer.uri
        with account.recorder.acting_as(MODEL), open_uri(uri) as file:
            file.read()
    record = TranscriptRecord(id="x", uri=uri, status=Status.EMPTY, duration=1.0, channels=1)
    return record.to_line().encode()


def a_look_at_the_account(account: Account) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("batch.account.checks.every.MACHINE", ())
        account.nightscribe("doctor", account.config)


FLOWS: tuple[Callable[[Account], None], ...] = (
    a_run_by_hand,
    a_container_reads_recordings,
    a_training,
    a_schedule,
    a_driver_that_lacks_machines,
    an_endpoint,
    a_look_at_the_account,
)


@pytest.fixture(scope="module")
def account(
    aws: str, tmp_path_factory: pytest.TempPathFactory, tiny_model: Path
) -> Iterator[Account]:
    """After every flow."""
    folder = tmp_path_factory.mktemp("policies")
    template = at_moto()
    record("one", 1.0, folder)
    record("two", 2.0, folder)
    golden_set(folder)
    with (
        job_runner() as runner,
        recorder() as heard,
        misbehaving() as server,
        quick_retries(),
    ):
        runner.container = stand_in
        runner.when["processing"] = "when told"
        # moto knows neither.
        server.answer("^List.*ServiceQuotas$", {"Quotas": []})
        server.answer("^GetProducts$", {"PriceList": []})
        carry_out = runner._carry_out

        def as_container(job: Any) -> None:
            kinds = {"transform": MODEL, "training": TRAINING, "processing": DRIVER}
            with heard.acting_as(kinds[job.kind]):
                carry_out(job)

        runner._carry_out = as_container  # type: ignore[method-assign]
        made = Account(
            template=template,
            config=configuration(folder, tiny_model),
            runner=runner,
            recorder=heard,
            tmp_path=folder,
        )
        for flow in FLOWS:
            flow(made)
        yield made
    boto3.client("cloudformation").delete_stack(StackName=STACK)


# -- what must hold ---------------------------------------------------------------------------


def documents(template: Resolved, principal: str) -> dict[str, list[dict[str, Any]]]:
    """The statements that a principal has, by the resource that they stand in."""
    resources = template.resources
    properties = resources[principal]["Properties"]
    if "PolicyDocument" in properties:
        return {principal: properties["PolicyDocument"]["Statement"]}
    own = [one for p in properties["Policies"] for one in p["PolicyDocument"]["Statement"]]
    found = {principal: own}
    for arn in properties.get("ManagedPolicyArns", ()):
        name = arn.rpartition("-")[2]
        found[name] = resources[name]["Properties"]["PolicyDocument"]["Statement"]
    return found


def may(template: Resolved, principal: str, request: Request) -> bool:
    by_place = documents(template, principal)
    return allowed([one for place in by_place.values() for one in place], request)


def asked(account: Account, principal: str) -> set[str]:
    return {one.action for one in account.recorder.requests.get(principal, ())}


# The doctor says that it does not know where it may not ask.
ASKED_IN_VAIN = {"iam:SimulatePrincipalPolicy"}


@pytest.mark.parametrize("principal", PRINCIPALS)
def test_every_call_is_allowed(account: Account, principal: str) -> None:
    made = account.recorder.requests.get(principal, [])
    made = {str(one): one for one in made if one.action not in ASKED_IN_VAIN}.values()
    denied = {str(one) for one in made if not may(account.template, principal, one)}
    assert "\n".join(sorted(denied)) == ""


def test_the_flows_say_who_they_are(account: Account) -> None:
    assert "nobody" not in {
        name for name in account.recorder.requests if asked(account, name) - SETTING_UP
    }


SETTING_UP = {"s3:GetObject", "s3:PutObject", "s3:ListBucket", "scheduler:ListSchedules"} | {
    "scheduler:GetSchedule"
}


def test_the_flows_are_not_empty(account: Account) -> None:
    assert asked(account, MODEL) >= {"s3:GetObject", "s3:ListBucket", "s3:PutObject"}
    assert asked(account, DRIVER) >= {"sagemaker:CreateTransformJob", "sns:Publish"}
    assert asked(account, SCHEDULER) >= {"sagemaker:CreateProcessingJob", "iam:PassRole"}
    assert asked(account, CALLER) >= {"scheduler:CreateSchedule", "sagemaker:InvokeEndpointAsync"}


def commented() -> dict[str, dict[str, bool]]:
    """Each action of each resource's policies, and whether a comment says who needs it."""
    found: dict[str, dict[str, bool]] = {}
    resource = ""
    for line in PATH.read_text("utf-8").splitlines():
        if name := re.fullmatch(r"  (\w+):", line):
            resource = name[1]
        if action := re.fullmatch(r"\s+- ([a-z0-9-]+:[A-Z]\w+)( # \S.*)?", line):
            actions = found.setdefault(resource, {})
            actions[action[1]] = actions.get(action[1], True) and action[2] is not None
    return found


def test_no_action_is_there_without_a_call_or_a_reason(account: Account) -> None:
    holders = {name: {name} for name in (*PRINCIPALS, QUERIES)}
    holders[CONTAINERS] = {MODEL, TRAINING, DRIVER}
    found = commented()
    assert found.keys() == holders.keys()
    idle = {
        f"{resource}: {action}"
        for resource, actions in found.items()
        for action, reason in actions.items()
        if not reason and not any(action in asked(account, who) for who in holders[resource])
    }
    assert "\n".join(sorted(idle)) == ""


def test_every_action_of_the_policies_is_seen_by_this_test(account: Account) -> None:
    seen = commented()
    for principal in (*PRINCIPALS, QUERIES):
        for place, statements in documents(account.template, principal).items():
            for one in statements:
                assert set(one["Action"]) <= seen[place].keys(), f"{place} {one['Sid']}"


@pytest.mark.parametrize(
    ("principal", "request_"),
    [
        (MODEL, Request("s3:GetObject", f"arn:aws:s3:::{OUTPUT}/night/transcripts/x.parquet")),
        (MODEL, Request("s3:PutObject", f"arn:aws:s3:::{OUTPUT}/night/runs/1/shards/x.jsonl")),
        (MODEL, Request("s3:PutObject", f"arn:aws:s3:::{ARCHIVE}/2026/a.wav")),
        (MODEL, Request("s3:PutObject", f"arn:aws:s3:::{GOLDEN}/english/a.wav")),
        (MODEL, Request("s3:GetObject", f"arn:aws:s3:::{GOLDEN}/german/a.wav")),
        (MODEL, Request("s3:ListBucket", f"arn:aws:s3:::{GOLDEN}", {"s3:prefix": "2026/"})),
        (MODEL, Request("s3:ListBucket", f"arn:aws:s3:::{ARCHIVE}", {"s3:prefix": "english/"})),
        (MODEL, Request("s3:GetObject", f"arn:aws:s3:::{OUTPUT}/night/golden/x/y/golden.json")),
        (DRIVER, Request("s3:PutObject", f"arn:aws:s3:::{GOLDEN}/english/a.wav")),
        (MODEL, Request("s3:GetObject", f"arn:aws:s3:::{ARCHIVE}/2025/a.wav")),
        (MODEL, Request("s3:ListBucket", f"arn:aws:s3:::{ARCHIVE}", {"s3:prefix": "2025/"})),
        (DRIVER, Request("s3:DeleteObject", f"arn:aws:s3:::{ARCHIVE}/2026/a.wav")),
        (DRIVER, Request("s3:PutObject", f"arn:aws:s3:::{OUTPUT}/elsewhere/x")),
        (CALLER, Request("s3:DeleteObject", f"arn:aws:s3:::{ARCHIVE}/2026/a.wav")),
        (CALLER, Request("s3:DeleteBucket", f"arn:aws:s3:::{OUTPUT}")),
        (CALLER, Request("iam:CreateRole", "arn:aws:iam::123456789012:role/x")),
    ],
)
def test_what_nobody_needs_is_denied(account: Account, principal: str, request_: Request) -> None:
    assert not may(account.template, principal, request_)


@pytest.mark.parametrize("service", ["ec2.amazonaws.com", "lambda.amazonaws.com"])
def test_roles_are_passed_to_their_own_service_only(account: Account, service: str) -> None:
    outputs = account.template.outputs
    for principal in (CALLER, DRIVER, SCHEDULER):
        for name in ("ModelRoleArn", "DriverRoleArn", "SchedulerRoleArn"):
            request = Request("iam:PassRole", outputs[name], {"iam:PassedToService": service})
            assert not may(account.template, principal, request)


def test_a_stack_may_be_asked_for_by_its_name(account: Account) -> None:
    """IAM is shown a star in place of the id, for one that is not there at least."""
    place = f"arn:aws:cloudformation:eu-central-1:123456789012:stack/{STACK}"
    for last, may_ask in {"/*": True, "/0a53d0c6": True, "-two/0a53d0c6": False}.items():
        request = Request("cloudformation:DescribeStacks", place + last)
        assert may(account.template, CALLER, request) == may_ask


def test_jobs_of_others_are_left_alone(account: Account) -> None:
    place = "arn:aws:sagemaker:eu-central-1:123456789012"
    for principal in (CALLER, DRIVER, SCHEDULER):
        for kind in ("transform-job", "training-job", "processing-job", "endpoint", "model"):
            for verb in ("Create", "Stop", "Delete", "Describe"):
                noun = kind.title().replace("-", "")
                request = Request(f"sagemaker:{verb}{noun}", f"{place}:{kind}/other")
                assert not may(account.template, principal, request)


def test_runs_lie_where_the_bucket_forgets_them() -> None:
    bucket = Resolved({"OutputPrefix": "night/"}).resources["Bucket"]["Properties"]
    forgotten = {r["Id"]: r.get("Prefix") for r in bucket["LifecycleConfiguration"]["Rules"]}
    assert "night/" + RunKeys(run_id="x").folder == f"{forgotten['runs']}x/"
