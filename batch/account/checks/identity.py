"""Who asks, where, and by which clock; which stack and which roles there are."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from batch.account.doctor import Finding, Patient, fail, ok, warn
from batch.platforms.aws import client, region_of, translated
from manifests.errors import NightscribeError
from manifests.storage import open_store

# AWS refuses signatures that are further off.
_SKEW_SECONDS = 300.0
_UNSOUND = re.compile(r"FAILED|ROLLBACK|DELETE")
ROLES = {
    "role": "sagemaker.amazonaws.com",
    "training_role": "sagemaker.amazonaws.com",
    "driver_role": "sagemaker.amazonaws.com",
    "scheduler_role": "scheduler.amazonaws.com",
}


def credentials(patient: Patient) -> Iterator[Finding]:
    """Who the caller is."""
    with translated("the AWS credentials"):
        caller = client("sts", patient.region, attempts=2).get_caller_identity()
    yield ok("credentials", caller["Arn"])


def region(patient: Patient) -> Iterator[Finding]:
    """Whether there is a region, and SageMaker in it."""
    import boto3  # noqa: PLC0415

    name = region_of(patient.region)
    session = boto3.Session()
    partitions = session.get_available_partitions()
    known = {
        one
        for partition in partitions
        for one in session.get_available_regions("sagemaker", partition_name=partition)
    }
    if name in known:
        yield ok("region", name)
        return
    mend = "check [sagemaker] region; if the region is new, pip install --upgrade boto3"
    yield warn("region", f"{name}: no region with SageMaker that boto3 knows", mend)


def clock(patient: Patient) -> Iterator[Finding]:
    """The clock against that of AWS, asked without a signature: a wrong clock would spoil it."""
    skew = abs((datetime.now(UTC) - _their_clock(patient.region)).total_seconds())
    text = f"{skew:.0f} s from that of AWS"
    if skew > _SKEW_SECONDS:
        mend = "set this machine's clock (timedatectl set-ntp true); AWS refuses its signatures"
        yield fail("clock", text, mend)
    else:
        yield ok("clock", text)


def _their_clock(region: str | None) -> datetime:
    import boto3  # noqa: PLC0415
    from botocore import UNSIGNED  # noqa: PLC0415
    from botocore.config import Config  # noqa: PLC0415

    headers: dict[str, str] = {}

    def note(response_dict: Mapping[str, Any], **_: Any) -> None:
        headers.update({name.lower(): text for name, text in response_dict["headers"].items()})

    unsigned = Config(signature_version=UNSIGNED, retries={"total_max_attempts": 2})
    with translated("the clock of AWS"):
        sts = boto3.Session().client("sts", region_name=region_of(region), config=unsigned)
        sts.meta.events.register("before-parse.sts.GetCallerIdentity", note)
        try:
            sts.get_caller_identity()
        except Exception:
            # A refusal tells the time of day, too.
            if "date" not in headers:
                raise
    return parsedate_to_datetime(headers["date"])


def stack(patient: Patient) -> Iterator[Finding]:
    """Whether the stack is there and whole."""
    name = patient.account.stack
    if name is None:
        return
    with translated(f"stack {name}"):
        cloud = client("cloudformation", patient.region)
        answer = cloud.describe_stacks(StackName=name)["Stacks"][0]
    status = answer["StackStatus"]
    drift = answer.get("DriftInformation", {}).get("StackDriftStatus", "NOT_CHECKED")
    mend = f"'nightscribe deploy --stack {name}' shows the difference and makes it whole"
    if _UNSOUND.search(status) and status != "UPDATE_ROLLBACK_COMPLETE":
        yield fail("stack", f"{name}: {status}", mend)
    elif status.endswith("IN_PROGRESS") or status == "UPDATE_ROLLBACK_COMPLETE":
        yield warn("stack", f"{name}: {status}", mend)
    elif drift == "DRIFTED":
        yield warn("stack", f"{name} was changed by hand since (drift: {drift})", mend)
    else:
        yield ok("stack", f"{name}: {status}")


def no_role(patient: Patient) -> Iterator[Finding]:
    """Whether a role is known at all."""
    if patient.account.role is None:
        mend = "name [sagemaker] stack or role; 'nightscribe deploy' makes both"
        yield fail("role", "none is known", mend)


def role_check(key: str) -> Callable[[Patient], Iterator[Finding]]:
    """The check of one role of ``[sagemaker]``: it exists, trusts its service, may be passed."""

    def look(patient: Patient) -> Iterator[Finding]:
        arn = getattr(patient.account, key)
        if arn:
            yield _role(key, arn, ROLES[key], patient.region)

    return look


def _role(key: str, arn: str, service: str, region: str | None) -> Finding:
    name = arn.rpartition("/")[2]
    with translated(f"[sagemaker] {key} {arn}"):
        role = client("iam", region).get_role(RoleName=name)["Role"]
    if not _trusts(role["AssumeRolePolicyDocument"], service):
        mend = f"let its trust policy name the service {service}, or name another role"
        return fail(key, f"{name} does not trust {service}", mend)
    may = _may_pass(arn, service, region)
    if may is False:
        mend = f"allow the caller iam:PassRole on {arn} for {service}"
        return fail(key, f"the caller may not pass {name} to {service}", mend)
    passed = "may be passed to it" if may else "whether the caller may pass it is not known"
    return ok(key, f"{name} trusts {service}; {passed}")


def _trusts(policy: Mapping[str, Any], service: str) -> bool:
    """Whether a statement lets a service take the role; conditions are not looked at."""
    return any(
        one["Effect"] == "Allow"
        and "sts:AssumeRole" in _listed(one.get("Action"))
        and isinstance(one.get("Principal"), dict)
        and service in _listed(one["Principal"].get("Service"))
        for one in _listed(policy["Statement"])
    )


def _listed(value: Any) -> list[Any]:
    """Policies write a list of one without its brackets."""
    return value if isinstance(value, list) else [value]


def _may_pass(arn: str, service: str, region: str | None) -> bool | None:
    """Whether the caller may; None where IAM's simulator does not answer."""
    try:
        with translated("sts:GetCallerIdentity"):
            caller = client("sts", region).get_caller_identity()["Arn"]
    except NightscribeError:
        return None
    context = {"iam:PassedToService": service}
    return _allowed(principal(caller), "iam:PassRole", arn, region, context)


def _allowed(
    who: str, action: str, resource: str, region: str | None, context: Mapping[str, str]
) -> bool | None:
    """By IAM's simulator; None where it does not answer the caller."""
    try:
        with translated("iam:SimulatePrincipalPolicy"):
            answer = client("iam", region, attempts=1).simulate_principal_policy(
                PolicySourceArn=who,
                ActionNames=[action],
                ResourceArns=[resource],
                ContextEntries=[
                    {"ContextKeyName": k, "ContextKeyValues": [v], "ContextKeyType": "string"}
                    for k, v in context.items()
                ],
            )
    except NightscribeError:
        return None
    return all(one["EvalDecision"] == "allowed" for one in answer["EvaluationResults"])


def golden_readers(patient: Patient) -> Iterator[Finding]:
    """Whether the roles that read the golden set may: it lies outside of the archive."""
    place = patient.config.report.golden
    if place is None or not place.startswith("s3://"):
        return
    bucket, _, prefix = open_store(place).uri.removeprefix("s3://").partition("/")
    mend = f"nightscribe deploy -p GoldenBucket={bucket} -p GoldenPrefix={prefix}"
    found: dict[str, bool | None] = {}
    for key in ("role", "driver_role"):
        if arn := getattr(patient.account, key):
            one = f"arn:{arn.split(':')[1]}:s3:::{bucket}/{prefix}one.wav"
            found[key] = _allowed(arn, "s3:GetObject", one, patient.region, {})
    denied = [key for key, may in found.items() if may is False]
    if denied:
        yield fail("golden set access", f"{' and '.join(denied)} may not read {place}", mend)
    elif found and (None not in found.values() or _stack_grants(patient, place)):
        yield ok("golden set access", f"{' and '.join(found)} may read {place}")
    elif found:
        unknown = f"whether {' and '.join(found)} may read {place} is not known"
        yield warn("golden set access", unknown, f"where they may not: {mend}")


def _stack_grants(patient: Patient, place: str) -> bool:
    """Whether the stack's parameters name a place that holds this one."""
    if (name := patient.account.stack) is None:
        return False
    try:
        with translated(f"stack {name}"):
            cloud = client("cloudformation", patient.region)
            answer = cloud.describe_stacks(StackName=name)["Stacks"][0]
    except NightscribeError:
        return False
    given = {one["ParameterKey"]: one["ParameterValue"] for one in answer.get("Parameters", ())}
    return any(
        given.get(f"{what}Bucket")
        and place.startswith(f"s3://{given[f'{what}Bucket']}/{given.get(f'{what}Prefix', '')}")
        for what in ("Golden", "Archive")
    )


def principal(caller: str) -> str:
    """The user or role behind a caller: a session of a role has no policies of its own."""
    session = re.fullmatch(r"arn:(aws[a-z-]*):sts::(\d+):assumed-role/([^/]+)/.+", caller)
    return f"arn:{session[1]}:iam::{session[2]}:role/{session[3]}" if session else caller


def key(patient: Patient) -> Iterator[Finding]:
    """Whether the key of disks and outputs can be used."""
    name = patient.account.kms_key
    if name is None:
        return
    with translated(f"[sagemaker] kms_key {name}"):
        found = client("kms", patient.region).describe_key(KeyId=name)["KeyMetadata"]
    if found["Enabled"]:
        yield ok("key", found["Arn"])
    else:
        mend = f"aws kms enable-key --key-id {found['KeyId']}, or name another key"
        yield fail("key", f"{name} is {found.get('KeyState', 'disabled').lower()}", mend)
