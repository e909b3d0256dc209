"""Each check of the doctor finds what is well and what is not, and says how to mend it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from click.testing import CliRunner, Result

from batch.account.checks import capacity, every, identity, machine, network, nightly, places
from batch.account.doctor import Check, Finding, Patient, examined
from batch.claim import Claim
from batch.cli.main import cli
from batch.config import Config, load_config
from batch.layout import CLAIM
from batch.platforms.quotas import Quota
from batch.schedule.records import Schedule
from batch.schedule.requests import schedule_prefix
from manifests.errors import AccessDeniedError, InputError, UnavailableError
from manifests.storage import open_store
from tests.conftest import speechlike, write_sound
from tests.transform_handler.small_writers import whisper

REGION = "eu-central-1"
ACCOUNT = "123456789012"


def trusting(*services: str) -> str:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": list(services)},
        "Action": "sts:AssumeRole",
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.fixture(scope="module")
def account(aws: str) -> dict[str, Any]:
    """An account in which all is well, as [sagemaker] names it."""
    iam, sqs = boto3.client("iam"), boto3.client("sqs")
    roles = {}
    for key, service in identity.ROLES.items():
        name = f"nightscribe-doctor-{key.replace('_', '-')}"
        made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trusting(service))
        roles[key] = made["Role"]["Arn"]
    queue = sqs.create_queue(QueueName="nightscribe-doctor")["QueueUrl"]
    boto3.client("scheduler").create_schedule_group(Name="nightscribe-doctor")
    ec2 = boto3.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
    group = ec2.create_security_group(GroupName="g", Description="g", VpcId=vpc)["GroupId"]
    tables = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc]}])
    ec2.create_vpc_endpoint(
        VpcId=vpc,
        ServiceName=f"com.amazonaws.{REGION}.s3",
        VpcEndpointType="Gateway",
        RouteTableIds=[tables["RouteTables"][0]["RouteTableId"]],
    )
    attributes = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
    return {
        **roles,
        "region": REGION,
        "topic": boto3.client("sns").create_topic(Name="nightscribe-doctor")["TopicArn"],
        "schedule_group": "nightscribe-doctor",
        "dead_letter_queue": attributes["Attributes"]["QueueArn"],
        "subnets": [subnet],
        "security_groups": [group],
    }


@pytest.fixture
def bucket(s3_bucket: str, tmp_path: Path) -> str:
    sound = write_sound(tmp_path / "a.wav", speechlike(1.0))
    open_store(f"s3://{s3_bucket}/archive/").put("a.wav", sound)
    return s3_bucket


@pytest.fixture
def config(tmp_path: Path, tiny_model: Path, bucket: str, account: dict[str, Any]) -> Path:
    path = tmp_path / "nightscribe.toml"
    lines = "\n".join(f"{key} = {json.dumps(value)}" for key, value in account.items())
    path.write_text(
        f'[archive]\nuri = "s3://{bucket}/archive/"\n[model]\nuri = "{tiny_model}"\n'
        f'[output]\nuri = "s3://{bucket}/out/"\n[platform]\nname = "sagemaker"\n'
        f"[sagemaker]\n{lines}\n",
        "utf-8",
    )
    return path


Examine = Callable[..., list[Finding]]


@pytest.fixture
def examine(config: Path) -> Examine:
    """The findings of one check, with keys of the configuration changed."""
    checks = (*every.MACHINE, *every.LOCAL, *every.PLACES, *every.CALLER, *every.ACCOUNT)

    def looked(look: Callable[[Patient], Iterable[Finding]], *more: str) -> list[Finding]:
        (check,) = [one for one in checks if one.look is look]
        return check.findings(patient(config, *more))

    return looked


def patient(path: Path, *more: str) -> Patient:
    config: Config = load_config(path, more)
    assert config.sagemaker is not None
    return Patient(config=config, account=config.sagemaker)


def only(found: list[Finding], verdict: str) -> Finding:
    assert [one.verdict for one in found] == [verdict], found
    assert verdict == "ok" or one_says_what_to_do(found[0])
    return found[0]


def role_look(key: str) -> Callable[[Patient], Iterable[Finding]]:
    (check,) = [one for one in every.ACCOUNT if one.subject == key and one.mend]
    return check.look


def one_says_what_to_do(one: Finding) -> bool:
    return bool(one.mend or ";" in one.found)


# -- the doctor itself ------------------------------------------------------------------------


def test_a_check_that_fails_ends_none_of_the_others(config: Path) -> None:
    def trips(_: Patient) -> list[Finding]:
        raise KeyError("surprise")

    def forbidden(_: Patient) -> list[Finding]:
        raise AccessDeniedError("iam: not allowed")

    def broken(_: Patient) -> list[Finding]:
        raise InputError("[sagemaker] role: mend it")

    def behind_a_proxy(_: Patient) -> list[Finding]:
        raise UnavailableError("iam: 502 (<!doctype html>\n<h1>Bad gateway</h1>\n)")

    looks = [trips, forbidden, broken, identity.credentials, behind_a_proxy]
    checks = [Check(subject=look.__name__, look=look) for look in looks]
    found = examined(patient(config), checks)
    assert [one.subject for one in found] == [look.__name__ for look in looks]
    assert [one.verdict for one in found] == ["warn", "warn", "fail", "ok", "warn"]
    assert found[1].mend
    assert found[4].found == "not looked at: iam: 502 (… )"


# -- this machine -----------------------------------------------------------------------------


def test_packages_are_what_nightscribe_asks_for(
    examine: Examine, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "torch" in only(examine(machine.packages), "ok").found
    monkeypatch.setattr(machine, "requires", lambda _: ["boto3>=99", "nowhere-to-be-found>=1"])
    found = only(examine(machine.packages), "fail")
    assert "boto3" in found.found
    assert "nowhere-to-be-found missing" in found.found
    assert "pip install" in found.mend


def test_a_full_disk_and_little_memory_are_told(
    examine: Examine, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = {"free": 100e9}
    monkeypatch.setattr(machine.shutil, "disk_usage", lambda _: SimpleNamespace(**usage))
    monkeypatch.setattr(machine, "_memory_gb", lambda: 64.0)
    assert [one.verdict for one in examine(machine.room)] == ["ok", "ok"]
    usage["free"] = 1e9
    monkeypatch.setattr(machine, "_memory_gb", lambda: 1.0)
    found = examine(machine.room)
    assert [one.verdict for one in found] == ["warn", "warn"]
    assert all(one.mend for one in found)


def test_a_model_loads_or_is_said_not_to(examine: Examine, tmp_path: Path) -> None:
    assert only(examine(machine.model_loads), "ok").found == "on cpu"
    (tmp_path / "empty").mkdir()
    only(examine(machine.model_loads, f"model.uri={tmp_path / 'empty'}"), "fail")


def test_a_language_that_the_model_does_not_know_is_said_before_the_night(
    examine: Examine, tmp_path: Path
) -> None:
    model = whisper(tmp_path / "english")
    changes = (f"model.uri={model}", "archive.language=de")
    assert "knows English only" in only(examine(machine.model_loads, *changes), "fail").found


def test_a_bundle_can_be_made_and_is_not(examine: Examine, config: Path, tmp_path: Path) -> None:
    assert "digest" in only(examine(machine.model), "ok").found
    assert list(open_store(patient(config).config.output.uri).list()) == []
    only(examine(machine.model, f"model.uri={tmp_path / 'nowhere'}"), "fail")


# -- the caller -------------------------------------------------------------------------------


def test_the_caller_is_known(examine: Examine, monkeypatch: pytest.MonkeyPatch) -> None:
    assert f":{ACCOUNT}:" in only(examine(identity.credentials), "ok").found
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    boto3.setup_default_session()
    found = only(examine(identity.credentials), "fail")
    assert "no AWS credentials found; set AWS_PROFILE" in found.found
    monkeypatch.undo()
    boto3.setup_default_session()


def test_the_region_has_sagemaker(examine: Examine) -> None:
    assert only(examine(identity.region), "ok").found == REGION
    found = only(examine(identity.region, "sagemaker.region=eu-nowhere-1"), "warn")
    assert "[sagemaker] region" in found.mend


def test_a_clock_that_is_off_is_told(examine: Examine, monkeypatch: pytest.MonkeyPatch) -> None:
    only(examine(identity.clock), "ok")
    late = datetime.now(UTC) - timedelta(minutes=6)
    monkeypatch.setattr(identity, "_their_clock", lambda _: late)
    found = only(examine(identity.clock), "fail")
    assert "360 s" in found.found
    assert "set this machine's clock" in found.mend


def test_the_stack_is_whole(examine: Examine) -> None:
    cloud = boto3.client("cloudformation")
    template = {"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}
    cloud.create_stack(StackName="doctored", TemplateBody=json.dumps(template))
    assert examine(identity.stack) == []
    found = only(examine(identity.stack, "sagemaker.stack=doctored"), "ok")
    assert "CREATE_COMPLETE" in found.found
    from moto.cloudformation.models import cloudformation_backends

    stacks = cloudformation_backends[ACCOUNT][REGION].stacks
    (made,) = [one for one in stacks.values() if one.name == "doctored"]
    made.status = "UPDATE_ROLLBACK_FAILED"
    found = only(examine(identity.stack, "sagemaker.stack=doctored"), "fail")
    assert "nightscribe deploy --stack doctored" in found.mend
    only(examine(identity.stack, "sagemaker.stack=nowhere"), "fail")


@pytest.mark.parametrize("key", identity.ROLES)
def test_a_role_exists_and_trusts_its_service(key: str, examine: Examine) -> None:
    look = role_look(key)
    found = only(examine(look), "ok")
    assert identity.ROLES[key] in found.found
    other = f"nightscribe-untrusting-{key.replace('_', '-')}"
    trust = trusting("ec2.amazonaws.com")
    arn = boto3.client("iam").create_role(RoleName=other, AssumeRolePolicyDocument=trust)
    found = only(examine(look, f"sagemaker.{key}={arn['Role']['Arn']}"), "fail")
    assert "trust policy" in found.mend
    denying = trusting(identity.ROLES[key]).replace("Allow", "Deny")
    boto3.client("iam").update_assume_role_policy(RoleName=other, PolicyDocument=denying)
    only(examine(look, f"sagemaker.{key}={arn['Role']['Arn']}"), "fail")
    missing = f"arn:aws:iam::{ACCOUNT}:role/nowhere"
    found = only(examine(look, f"sagemaker.{key}={missing}"), "fail")
    assert missing in found.found


def simulator(monkeypatch: pytest.MonkeyPatch, decision: str) -> list[dict[str, Any]]:
    """IAM's simulator, which moto has none of, with one answer to all; what it is asked."""
    real = identity.client
    asked: list[dict[str, Any]] = []

    class Simulator:
        def __init__(self, api: Any) -> None:
            self._api = api

        def __getattr__(self, name: str) -> Any:
            return getattr(self._api, name)

        def simulate_principal_policy(self, **request: Any) -> Any:
            asked.append(request)
            return {"EvaluationResults": [{"EvalDecision": decision}]}

    def simulated(service: str, *words: Any, **more: Any) -> Any:
        api = real(service, *words, **more)
        return Simulator(api) if service == "iam" else api

    monkeypatch.setattr(identity, "client", simulated)
    return asked


@pytest.mark.parametrize(("decision", "verdict"), [("allowed", "ok"), ("implicitDeny", "fail")])
def test_a_role_that_the_caller_may_not_pass_is_told(
    decision: str, verdict: str, examine: Examine, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = simulator(monkeypatch, decision)
    found = only(examine(role_look("role")), verdict)
    assert asked[0]["ContextEntries"][0]["ContextKeyValues"] == ["sagemaker.amazonaws.com"]
    if verdict == "fail":
        assert "iam:PassRole" in found.mend


@pytest.mark.parametrize(("decision", "verdict"), [("allowed", "ok"), ("implicitDeny", "fail")])
def test_roles_that_may_not_read_the_golden_set_are_told(
    decision: str, verdict: str, examine: Examine, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = simulator(monkeypatch, decision)
    golden = "report.golden=s3://acme-golden/english/"
    found = only(examine(identity.golden_readers, golden), verdict)
    assert {one["ResourceArns"][0] for one in asked} == {"arn:aws:s3:::acme-golden/english/one.wav"}
    assert {one["ActionNames"][0] for one in asked} == {"s3:GetObject"}
    if verdict == "fail":
        assert found.mend == (
            "nightscribe deploy -p GoldenBucket=acme-golden -p GoldenPrefix=english/"
        )
    assert list(examine(identity.golden_readers)) == []
    assert list(examine(identity.golden_readers, "report.golden=golden")) == []


@pytest.mark.parametrize(
    ("bucket", "prefix", "verdict"),
    [("acme-golden", "english/", "ok"), ("acme-golden", "", "ok"), ("acme-golden", "x/", "warn")],
)
def test_where_the_simulator_does_not_answer_the_stack_says_who_may_read_the_golden_set(
    bucket: str, prefix: str, verdict: str, examine: Examine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(identity, "_allowed", lambda *_: None)
    given = {"GoldenBucket": bucket, "GoldenPrefix": prefix}
    body = {
        "Parameters": {name: {"Type": "String"} for name in given},
        "Resources": {"Handle": {"Type": "AWS::CloudFormation::WaitConditionHandle"}},
    }
    cloud = boto3.client("cloudformation")
    pairs = [{"ParameterKey": name, "ParameterValue": value} for name, value in given.items()]
    cloud.create_stack(StackName="golden", TemplateBody=json.dumps(body), Parameters=pairs)
    golden = "report.golden=s3://acme-golden/english/"
    found = only(examine(identity.golden_readers, golden, "sagemaker.stack=golden"), verdict)
    cloud.delete_stack(StackName="golden")
    assert "acme-golden" in found.found


def test_a_key_can_be_used(examine: Examine) -> None:
    kms = boto3.client("kms")
    arn = kms.create_key()["KeyMetadata"]["Arn"]
    assert examine(identity.key) == []
    only(examine(identity.key, f"sagemaker.kms_key={arn}"), "ok")
    kms.disable_key(KeyId=arn.rpartition("/")[2])
    assert "enable-key" in only(examine(identity.key, f"sagemaker.kms_key={arn}"), "fail").mend
    only(examine(identity.key, f"sagemaker.kms_key={arn[:-2]}xx"), "fail")


def test_no_role_at_all_is_told(config: Path) -> None:
    nobody = patient(config)
    nobody = Patient(config=nobody.config, account=nobody.account.model_copy(update={"role": None}))
    found = only(list(identity.no_role(nobody)), "fail")
    assert "nightscribe deploy" in found.mend


@pytest.mark.parametrize(
    ("caller", "expected"),
    [
        ("arn:aws:sts::1:assumed-role/Admin/me@acme.com", "arn:aws:iam::1:role/Admin"),
        ("arn:aws-cn:sts::1:assumed-role/Admin/x", "arn:aws-cn:iam::1:role/Admin"),
        ("arn:aws:iam::1:user/me", "arn:aws:iam::1:user/me"),
    ],
)
def test_a_session_stands_for_its_role(caller: str, expected: str) -> None:
    assert identity.principal(caller) == expected


# -- places -----------------------------------------------------------------------------------


def test_the_archive_is_readable(examine: Examine, bucket: str) -> None:
    assert [one.verdict for one in examine(places.archive)] == ["ok", "ok"]
    found = only(examine(places.archive, f"archive.uri=s3://{bucket}/nothing/"), "fail")
    assert "[archive] uri" in found.mend
    only(examine(places.archive, "archive.uri=s3://nightscribe-nowhere-at-all/"), "fail")


def test_a_golden_set_is_looked_at_where_there_is_one(examine: Examine, bucket: str) -> None:
    assert list(examine(places.golden)) == []
    found = list(examine(places.golden, f"report.golden=s3://{bucket}/archive/"))
    assert [one.verdict for one in found] == ["ok", "ok"]
    assert "recordings in" in found[0].found
    only(examine(places.golden, f"report.golden=s3://{bucket}/nothing/"), "fail")


def test_the_output_is_writable_and_left_as_it_was(
    examine: Examine, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert [one.verdict for one in examine(places.output)] == ["ok", "ok"]
    assert list(open_store(f"s3://{bucket}/out/").list()) == []
    only(examine(places.output, "output.uri=s3://nightscribe-nowhere-at-all/"), "fail")
    store = open_store(f"s3://{bucket}/out/")
    monkeypatch.setattr(type(store), "put_if_absent", lambda *_: True)
    store.put("x", b"")
    monkeypatch.setattr(type(store), "read", lambda *_: b"")
    assert "conditional" in examine(places.output)[0].mend


def test_a_bucket_elsewhere_is_told(examine: Examine) -> None:
    name = "nightscribe-elsewhere"
    boto3.client("s3", "us-west-2").create_bucket(
        Bucket=name, CreateBucketConfiguration={"LocationConstraint": "us-west-2"}
    )
    (_, found) = examine(places.output, f"output.uri=s3://{name}/out/")
    assert found.verdict == "fail"
    assert "us-west-2" in found.found
    assert "[sagemaker] region" in found.mend


def test_a_bucket_whose_region_is_not_known_is_not_called_well(
    examine: Examine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "bucket_region", lambda _: None)
    (_, found) = examine(places.output)
    assert found.verdict == "warn"
    assert "not known" in found.found


def test_an_output_bucket_has_its_guards(examine: Examine, bucket: str) -> None:
    found = only(examine(places.bucket), "warn")
    assert "versioning" in found.found
    assert "public access" in found.found
    s3 = boto3.client("s3")
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    every = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
    s3.put_public_access_block(
        Bucket=bucket, PublicAccessBlockConfiguration=dict.fromkeys(every, True)
    )
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})
    only(examine(places.bucket), "ok")


def test_a_claim_is_free_held_or_stale(examine: Examine, bucket: str) -> None:
    store = open_store(f"s3://{bucket}/out/")
    assert "nobody works" in only(examine(places.claim), "ok").found
    with Claim(store, CLAIM):
        (key,) = [entry.key for entry in store.list(CLAIM)]
        held = json.loads(store.read(key))
        store.put(key, json.dumps({**held, "host": "another"}).encode())
        assert "works on" in only(examine(places.claim), "ok").found
        store.put(key, json.dumps({**held, "expires": 1.0}).encode())
        assert "takes it over" in only(examine(places.claim), "warn").mend
    assert "nobody works" in only(examine(places.claim), "ok").found


# -- what may be started ----------------------------------------------------------------------


def test_quotas_of_every_use_are_looked_up(
    examine: Examine, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = {"ml.g5.xlarge for endpoint usage": 0.0, "ml.t3.medium for processing job usage": 0.0}

    def find(names: list[str], _: str | None) -> list[Quota]:
        return [Quota(name=name, value=values.get(name, 4.0), code="L-1") for name in names]

    monkeypatch.setattr(capacity, "find_quotas", find)
    found = {
        one.subject: one for one in examine(capacity.quotas, 'transform.instances=["ml.g5.xlarge"]')
    }
    assert found["quota: transform job"].verdict == "ok"
    assert found["quota: endpoint"].verdict == "warn"
    processing = found["quota: processing job"]
    assert processing.verdict == "fail"
    assert "'ml.t3.medium for processing job usage' is 0" in processing.found
    assert "request-service-quota-increase" in processing.mend
    assert "--quota-code L-1 --desired-value 1" in processing.mend
    more = examine(capacity.quotas, "transform.instance_count=5")
    assert "5 are needed" in more[0].found


def test_quotas_that_may_not_be_looked_up_are_a_warning(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(*_: Any) -> list[Quota]:
        raise AccessDeniedError("quota: not allowed")

    monkeypatch.setattr(capacity, "find_quotas", denied)
    check = Check(subject="quotas", look=capacity.quotas)
    assert only(check.findings(patient(config)), "warn").found.startswith("not looked at")


def test_images_are_found(examine: Examine) -> None:
    found = examine(capacity.images)
    assert [one.subject for one in found] == ["image: transform job", "image: processing job"]
    assert "huggingface" in found[0].found
    only(examine(capacity.images, "sagemaker.region=eu-nowhere-1"), "fail")


def test_images_of_ones_own_are_looked_up(examine: Examine) -> None:
    registry = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"
    ecr = boto3.client("ecr")
    ecr.create_repository(repositoryName="nightscribe-doctor")
    own = f"sagemaker.inference_image={registry}/nightscribe-doctor:1"
    found = only(examine(capacity.images, own), "fail")
    assert "nightscribe-doctor:1" in found.found
    kind = "application/vnd.docker.distribution.manifest.v2+json"
    manifest = {"schemaVersion": 2, "mediaType": kind, "config": {"digest": "1"}, "layers": []}
    ecr.put_image(
        repositoryName="nightscribe-doctor", imageManifest=json.dumps(manifest), imageTag="1"
    )
    (found, _) = examine(capacity.images, own)
    assert found.verdict == "ok"
    assert f"{registry}/nightscribe-doctor@sha256:" in found.found
    with refusing("ecr.BatchGetImage", "AccessDeniedException"):
        (found, _) = examine(capacity.images, own)
    assert found.verdict == "warn"
    assert "You may not." in found.found


def test_endpoints_that_were_forgotten_are_told(examine: Examine) -> None:
    assert only(examine(capacity.endpoints), "ok")
    api = boto3.client("sagemaker")
    container = {"Image": "i", "ModelDataUrl": "s3://b/m"}
    name = "nightscribe-endpoint-forgotten-12345678"
    role = f"arn:aws:iam::{ACCOUNT}:role/nightscribe"
    api.create_model(ModelName=name, PrimaryContainer=container, ExecutionRoleArn=role)
    found = only(examine(capacity.endpoints), "warn")
    assert "forgotten" in found.found
    assert "endpoint delete" in found.mend
    api.delete_model(ModelName=name)


# -- the night --------------------------------------------------------------------------------


def test_a_schedule_that_does_not_fire_or_whose_driver_is_gone_is_told(
    examine: Examine, bucket: str, account: dict[str, Any]
) -> None:
    output = open_store(f"s3://{bucket}/out/")
    assert examine(nightly.schedules) == []
    Schedule(
        name="nightly",
        window="22:00-06:00",
        timezone="Europe/Berlin",
        days="mon-sun",
        group="nightscribe-doctor",
        region=REGION,
        code="drivers/1234/",
        job={},
    ).write(output)
    place = f"s3://{bucket}/out/"
    scheduler = boto3.client("scheduler")
    part = {
        "Name": f"{schedule_prefix('nightly', place)}x",
        "GroupName": "nightscribe-doctor",
        "ScheduleExpression": "rate(1 hour)",
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "Target": {"Arn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:x", "RoleArn": account["role"]},
    }
    scheduler.create_schedule(**part)
    assert "schedule put" in only(examine(nightly.schedules), "fail").mend
    output.put("drivers/1234/start.py", b"")
    only(examine(nightly.schedules), "ok")
    scheduler.update_schedule(**part, State="DISABLED")
    (found, _) = examine(nightly.schedules)
    assert (found.verdict, found.found) == ("warn", "it is paused")
    scheduler.delete_schedule(Name=part["Name"], GroupName=part["GroupName"])
    (found, _) = examine(nightly.schedules)
    assert (found.verdict, found.found) == ("warn", "it is missing in EventBridge")


def test_the_schedule_group_is_there(examine: Examine) -> None:
    only(examine(nightly.group), "ok")
    found = only(examine(nightly.group, "sagemaker.schedule_group=nowhere"), "fail")
    assert "nowhere" in found.found


def test_dead_letters_are_counted(examine: Examine) -> None:
    only(examine(nightly.dead_letters), "ok")
    sqs = boto3.client("sqs")
    url = sqs.get_queue_url(QueueName="nightscribe-doctor")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="{}")
    found = only(examine(nightly.dead_letters), "warn")
    assert found.found.startswith("1 ")
    assert "aws sqs receive-message" in found.mend
    sqs.purge_queue(QueueUrl=url)
    arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:nowhere"
    only(examine(nightly.dead_letters, f"sagemaker.dead_letter_queue={arn}"), "fail")


def test_a_topic_that_nobody_hears_is_told(examine: Examine, account: dict[str, Any]) -> None:
    found = only(examine(nightly.topic), "warn")
    assert "aws sns subscribe" in found.mend
    boto3.client("sns").subscribe(
        TopicArn=account["topic"], Protocol="email", Endpoint="me@example.com"
    )
    only(examine(nightly.topic), "ok")
    arn = f"arn:aws:sns:{REGION}:{ACCOUNT}:nowhere"
    only(examine(nightly.topic, f"sagemaker.topic={arn}"), "fail")


# -- the network ------------------------------------------------------------------------------


def test_the_network_leads_to_s3(examine: Examine) -> None:
    assert [one.verdict for one in examine(network.network)] == ["ok", "ok"]
    assert examine(network.network, "sagemaker.subnets=[]", "sagemaker.security_groups=[]") == []
    ec2 = boto3.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.1.1.0/24")["Subnet"]["SubnetId"]
    group = ec2.create_security_group(GroupName="h", Description="h", VpcId=vpc)["GroupId"]
    other = f'sagemaker.subnets=["{subnet}"]'
    (_, found) = examine(network.network, other, f'sagemaker.security_groups=["{group}"]')
    assert found.verdict == "warn"
    assert "create-vpc-endpoint" in found.mend
    assert "one VPC" in only(examine(network.network, other), "fail").mend
    only(examine(network.network, "sagemaker.security_groups=[]"), "fail")
    only(examine(network.network, 'sagemaker.subnets=["subnet-0123456789abcdef0"]'), "fail")


@contextmanager
def refusing(call: str, code: str, said: str = "You may not.") -> Iterator[None]:
    """AWS answers one call, as ``sns.ListSubscriptionsByTopic``, with an error."""
    parsed = {"Error": {"Code": code, "Message": said}, "ResponseMetadata": {"HTTPStatusCode": 403}}
    boto3.setup_default_session()
    events = boto3._get_default_session().events
    events.register(f"before-call.{call}", lambda **_: (SimpleNamespace(status_code=403), parsed))
    yield
    boto3.setup_default_session()


@pytest.mark.parametrize(
    ("call", "code", "look"),
    [
        ("sns.ListSubscriptionsByTopic", "AuthorizationError", nightly.topic),
        ("ec2.DescribeSubnets", "UnauthorizedOperation", network.network),
        ("ec2.DescribeRouteTables", "UnauthorizedOperation", network.network),
        ("sqs.GetQueueUrl", "AccessDenied", nightly.dead_letters),
    ],
)
def test_what_may_not_be_looked_at_is_no_failure_whatever_the_service_calls_it(
    call: str, code: str, look: Callable[[Patient], Iterable[Finding]], examine: Examine
) -> None:
    with refusing(call, code, "You may not. Encoded authorization failure message: Zm9v-_YmFy"):
        found = only(examine(look), "warn")
    assert found.found.startswith("not looked at")
    assert "You may not." in found.found
    assert "Zm9v" not in found.found
    assert "that permission" in found.mend


# -- the command ------------------------------------------------------------------------------


def nightscribe(*words: str | Path) -> Result:
    result = CliRunner().invoke(cli, [str(word) for word in words], standalone_mode=False)
    if result.exception is not None:
        raise result.exception
    return result


def test_the_command_says_all_and_ends_with_its_verdict(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def find(names: list[str], _: str | None) -> list[Quota]:
        return [Quota(name=name, value=4.0, code="L-1") for name in names]

    monkeypatch.setattr(capacity, "find_quotas", find)
    answer = nightscribe("doctor", config, "--json")
    content = json.loads(answer.stdout)
    assert content["ok"], [one for one in content["checks"] if one["verdict"] == "fail"]
    assert answer.return_value == 0
    subjects = {one["subject"] for one in content["checks"]}
    assert {"config", "packages", "credentials", "role", "way to S3", "topic"} <= subjects
    answer = nightscribe("doctor", config, "--archive", "s3://nightscribe-nowhere-at-all/")
    assert answer.return_value == 1
    assert "\nfail  archive " in answer.stdout
    assert answer.stdout.splitlines()[-1].endswith("1 to mend")


def test_without_credentials_the_account_is_not_looked_at(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    boto3.setup_default_session()
    answer = nightscribe("doctor", config)
    monkeypatch.undo()
    boto3.setup_default_session()
    assert answer.return_value == 1
    assert "fail  credentials" in answer.stdout
    assert "stack" not in answer.stdout
    assert "mend that first" in answer.stdout


def test_on_this_machine_nobody_asks_aws(
    tmp_path: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    write_sound(tmp_path / "archive/a.wav", speechlike(1.0))
    path = tmp_path / "nightscribe.toml"
    path.write_text(
        f'[archive]\nuri = "archive"\n[model]\nuri = "{tiny_model}"\n[output]\nuri = "out"\n'
    )
    answer = nightscribe("doctor", path)
    assert answer.return_value == 0, answer.stdout
    for subject in ("disk", "machine", "model loads", "archive", "output", "claim", "model"):
        assert f"\nok    {subject} " in answer.stdout or f"\nwarn  {subject} " in answer.stdout


def test_a_configuration_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nightscribe init"):
        nightscribe("doctor", tmp_path / "nowhere.toml")
