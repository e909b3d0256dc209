"""What ``[sagemaker]`` does not name is read from the outputs of the stack."""

from __future__ import annotations

import json
from pathlib import Path

import boto3
import pytest

from batch.account.account import account_of, resolved
from batch.config import Config, load_config
from manifests.errors import InputError

ROLE = "arn:aws:iam::123456789012:role/nightscribe-model"


def template(outputs: dict[str, str]) -> str:
    return json.dumps(
        {
            "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
            "Outputs": {name: {"Value": value} for name, value in outputs.items()},
        }
    )


@pytest.fixture
def stack(aws: str, request: pytest.FixtureRequest) -> str:
    name = f"stack-{abs(hash(request.node.name))}"
    outputs = {
        "ModelRoleArn": ROLE,
        "DriverRoleArn": ROLE + "-driver",
        "ScheduleGroupName": "nightscribe",
        "SubnetIds": "subnet-1,subnet-2",
        "SecurityGroupIds": "sg-1",
        "KmsKeyArn": "",
    }
    cloud = boto3.client("cloudformation")
    cloud.create_stack(StackName=name, TemplateBody=template(outputs))
    return name


def configured(tmp_path: Path, section: str) -> Config:
    path = tmp_path / "nightscribe.toml"
    path.write_text(
        f'[archive]\nuri = "a"\n[model]\nuri = "m"\n[output]\nuri = "o"\n{section}', "utf-8"
    )
    return load_config(path)


def test_the_stack_fills_what_the_config_leaves_out(tmp_path: Path, stack: str) -> None:
    account = account_of(configured(tmp_path, f'[sagemaker]\nstack = "{stack}"\n'))
    assert account.role == ROLE
    assert account.driver_role == ROLE + "-driver"
    assert account.schedule_group == "nightscribe"
    assert account.subnets == ["subnet-1", "subnet-2"]
    assert account.security_groups == ["sg-1"]
    assert account.kms_key is None
    assert account.topic is None


def test_what_the_config_names_wins(tmp_path: Path, stack: str) -> None:
    own = "arn:aws:iam::123456789012:role/own"
    lines = f'[sagemaker]\nstack = "{stack}"\nrole = "{own}"\nsubnets = ["subnet-9"]\n'
    section = resolved(configured(tmp_path, lines)).sagemaker
    assert section is not None
    assert section.role == own
    # A network is subnets and groups together: half of one from the stack would fit nothing.
    assert (section.subnets, section.security_groups) == (["subnet-9"], [])


def test_without_a_stack_aws_is_not_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    account = account_of(configured(tmp_path, f'[sagemaker]\nrole = "{ROLE}"\n'))
    assert account.role == ROLE


@pytest.mark.parametrize(
    ("section", "sentence"),
    [
        ("", "needs a section [sagemaker]"),
        ("[sagemaker]\n", "[sagemaker] role: not given"),
        ('[sagemaker]\nstack = "nowhere"\n', "'nightscribe deploy --stack nowhere' makes it"),
    ],
)
def test_what_is_missing_is_said(tmp_path: Path, aws: str, section: str, sentence: str) -> None:
    with pytest.raises(InputError) as raised:
        account_of(configured(tmp_path, section))
    assert sentence in str(raised.value)
