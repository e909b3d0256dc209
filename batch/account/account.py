"""``[sagemaker]`` made whole: what the config does not name stands in the stack's outputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

from batch.config import Config, SageMakerSection
from batch.platforms.aws import client, translated
from manifests.errors import InputError, ObjectNotFoundError

PROJECT_TAG = {"project": "nightscribe"}
# Keys of [sagemaker] by the stack's outputs that fill them.
OUTPUTS: Mapping[str, str] = {
    "role": "ModelRoleArn",
    "training_role": "TrainingRoleArn",
    "driver_role": "DriverRoleArn",
    "scheduler_role": "SchedulerRoleArn",
    "topic": "TopicArn",
    "schedule_group": "ScheduleGroupName",
    "dead_letter_queue": "DeadLetterQueueArn",
    "kms_key": "KmsKeyArn",
}
_LISTS: Mapping[str, str] = {"subnets": "SubnetIds", "security_groups": "SecurityGroupIds"}


def account_of(config: Config) -> SageMakerSection:
    """The account that jobs run in; a stack, where there is one, fills what the config leaves out.

    Raises:
        InputError: there is no section, no role, or no such stack.
    """
    section = config.sagemaker
    if section is None:
        raise InputError(
            'platform "sagemaker" needs a section [sagemaker] with the stack that \'nightscribe '
            'deploy\' made (stack = "nightscribe"), or with the role that jobs run as: '
            'role = "arn:aws:iam::123456789012:role/…"'
        )
    if section.stack:
        section = section.model_copy(update=_missing(section, _stack_outputs(section)))
    if section.role is None:
        raise InputError(
            "[sagemaker] role: not given, nor a stack whose outputs name it; expected "
            'role = "arn:aws:iam::123456789012:role/…" or stack = "nightscribe"'
        )
    return section


def resolved(config: Config) -> Config:
    """The configuration with ``[sagemaker]`` made whole, so that nobody has to ask the stack again.

    Raises:
        InputError: as ``account_of``.
    """
    account = account_of(config).model_copy(update={"stack": None})
    return config.model_copy(update={"sagemaker": account})


class JobSettings(TypedDict):
    """What every job of an account is given."""

    subnets: Sequence[str]
    security_groups: Sequence[str]
    kms_key: str | None
    tags: Mapping[str, str]


def job_settings(account: SageMakerSection) -> JobSettings:
    """The network, key and tags of the account's jobs."""
    return {
        "subnets": account.subnets,
        "security_groups": account.security_groups,
        "kms_key": account.kms_key,
        "tags": {**PROJECT_TAG, **account.tags},
    }


def check_vpc(account: SageMakerSection) -> None:
    """SageMaker takes subnets and security groups together.

    Raises:
        InputError: only one of them is given.
    """
    if bool(account.subnets) != bool(account.security_groups):
        raise InputError("[sagemaker] subnets and security_groups: give both, or neither")


def _stack_outputs(section: SageMakerSection) -> dict[str, str]:
    what = f"[sagemaker] stack {section.stack!r}"
    try:
        with translated(what):
            answer = client("cloudformation", section.region).describe_stacks(
                StackName=section.stack
            )
    except (InputError, ObjectNotFoundError) as error:
        raise InputError(
            f"{error}; 'nightscribe deploy --stack {section.stack}' makes it"
        ) from error
    outputs: list[dict[str, str]] = answer["Stacks"][0].get("Outputs", [])
    return {one["OutputKey"]: one["OutputValue"] for one in outputs}


def _missing(section: SageMakerSection, outputs: Mapping[str, str]) -> dict[str, Any]:
    """What the outputs know and the section does not say."""
    found: dict[str, Any] = {
        key: outputs[output]
        for key, output in OUTPUTS.items()
        if getattr(section, key) is None and outputs.get(output)
    }
    if not section.subnets:
        found |= {
            key: outputs[output].split(",") for key, output in _LISTS.items() if outputs.get(output)
        }
    return found
