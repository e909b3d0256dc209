"""``nightscribe deploy``: shown, agreed to, carried out; and safe to repeat."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import boto3
import botocore.session
import click
import pytest
from botocore.stub import ANY, Stubber
from botocore.validate import ParamValidator
from click.testing import CliRunner, Result

from batch.account import stack_template
from batch.account.deploy import Change, ChangeSet, Deployment
from batch.account.stack_template import change_set_request, parameters_given, template
from batch.cli.main import cli
from manifests.errors import InputError, JobFailedError
from tests.infra.cloud import cloudformation
from tests.infra.template import PATH, raw

_NAMES = count()
pytestmark = pytest.mark.filterwarnings("ignore:Tried to parse")


@pytest.fixture
def stack(aws: str) -> Iterator[str]:
    name = f"deploy-{next(_NAMES)}"
    with cloudformation():
        yield name
        boto3.client("cloudformation").delete_stack(StackName=name)


def deploy(*words: str) -> Result:
    result = CliRunner().invoke(cli, ["deploy", *words], standalone_mode=False)
    if result.exception is not None:
        raise result.exception
    return result


def statuses(name: str) -> list[str]:
    stacks = boto3.client("cloudformation").describe_stacks()["Stacks"]
    return [one["StackStatus"] for one in stacks if one["StackName"] == name]


def test_it_shows_every_resource_and_ends_with_what_to_paste(stack: str) -> None:
    made = deploy("--stack", stack, "--yes")
    assert made.return_value == 0
    assert f"stack {stack} in eu-central-1 would be made:" in made.stderr
    (line,) = [one for one in made.stderr.splitlines() if " ModelRole " in one]
    assert line.split() == ["Add", "ModelRole", "AWS::IAM::Role"]
    assert f'[sagemaker]\nstack = "{stack}"\nregion = "eu-central-1"\n' in made.stdout
    outputs = dict(line.split() for line in made.stdout.split("\n\n")[0].splitlines())
    assert f'[output]\nuri = "{outputs["OutputUri"]}"\n' in made.stdout
    assert made.stdout.endswith("nightscribe doctor\n")


def test_a_second_time_there_is_nothing_to_change_and_the_outputs_are_told_again(
    stack: str,
) -> None:
    first = deploy("--stack", stack, "--yes")
    second = deploy("--stack", stack)
    assert second.return_value == 0
    assert "nothing to change" in second.stderr
    assert second.stdout == first.stdout


def test_what_is_not_given_again_is_kept(stack: str) -> None:
    given = ["DatabaseName=meetings", "SilentDays=1", f"BucketName={stack}"]
    deploy("--stack", stack, "--yes", *(word for pair in given for word in ("-p", pair)))
    deploy("--stack", stack, "--yes", "-p", "SilentDays=2")
    (found,) = boto3.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    values = {one["ParameterKey"]: one["ParameterValue"] for one in found["Parameters"]}
    assert (values["DatabaseName"], values["SilentDays"]) == ("meetings", "2")
    assert values.keys() == raw()["Parameters"].keys()


def test_without_a_yes_or_a_terminal_nothing_is_changed_and_nothing_is_left(stack: str) -> None:
    shown = deploy("--stack", stack)
    assert shown.return_value == 2
    assert "AWS::S3::Bucket" in shown.stderr
    assert "nothing was changed; --yes makes the changes without asking" in shown.stderr
    assert statuses(stack) == []


def test_an_interrupt_at_the_question_leaves_nothing(
    stack: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_: str, *, yes: bool) -> bool:
        raise click.Abort

    monkeypatch.setattr("batch.cli.deploy_commands._agreed", interrupted)
    with pytest.raises(click.Abort):
        deploy("--stack", stack)
    assert statuses(stack) == []


def test_machines_get_json(stack: str) -> None:
    content = json.loads(deploy("--stack", stack, "--yes", "--json").stdout)
    assert content["stack"] == stack
    assert content["status"] == "CREATE_COMPLETE"
    assert content["outputs"]["BucketName"]
    assert {"action": "Add", "name": "Bucket", "kind": "AWS::S3::Bucket", "replacement": ""} in (
        content["changes"]
    )


@pytest.mark.parametrize(
    ("pair", "sentence"),
    [
        ("Email", "NAME=VALUE expected"),
        ("Emial=a@b.c", "did you mean 'Email'?"),
        ("x=1", "the template has no such parameter; known: BucketName"),
    ],
)
def test_a_parameter_that_there_is_not_is_a_sentence(aws: str, pair: str, sentence: str) -> None:
    with pytest.raises(InputError) as raised:
        deploy("--stack", "never", "--yes", "-p", pair)
    assert sentence in str(raised.value)
    assert statuses("never") == []


# -- what moto does not do, against recorded answers ------------------------------------------


@pytest.fixture
def deployment(aws: str) -> Deployment:
    return Deployment(name="ns", wait=lambda _: None)


@pytest.fixture
def answers(deployment: Deployment) -> Iterator[Stubber]:
    with Stubber(deployment._api) as stubber:
        yield stubber
    stubber.assert_no_pending_responses()


def described(answers: Stubber, status: str | None) -> None:
    if status is None:
        answers.add_client_error(
            "describe_stacks", "ValidationError", "Stack with id ns does not exist"
        )
        return
    stack = {"StackName": "ns", "StackStatus": status, "CreationTime": "2026-11-24T12:00:00Z"}
    answers.add_response("describe_stacks", {"Stacks": [stack]})


def event(number: int, name: str, status: str, reason: str = "") -> dict[str, Any]:
    return {
        "StackId": "arn:ns",
        "StackName": "ns",
        "EventId": str(number),
        "Timestamp": "2026-11-24T12:00:00Z",
        "LogicalResourceId": name,
        "ResourceType": "AWS::X::Y",
        "ResourceStatus": status,
        "ResourceStatusReason": reason,
    }


def happened(answers: Stubber, *events: dict[str, Any]) -> None:
    answers.add_response("describe_stack_events", {"StackEvents": list(events)[::-1]})


PREPARED = ChangeSet(
    arn="arn:aws:cloudformation:eu-central-1:123456789012:changeSet/a/1",
    changes=(Change(action="Add", name="A", kind="AWS::X::Y"),) * 3,
    creates=True,
)


def test_the_reasons_of_a_failure_stand_in_one_place(
    deployment: Deployment, answers: Stubber
) -> None:
    lines: list[str] = []
    deployment.on_line = lines.append
    old = event(1, "Old", "CREATE_FAILED", "of last week")
    done = event(2, "Role", "CREATE_COMPLETE")
    failed = event(3, "TransformLogs", "CREATE_FAILED", "/aws/sagemaker/TransformJobs exists")
    dragged = event(4, "Topic", "CREATE_FAILED", "Resource creation cancelled")
    happened(answers, old)
    answers.add_response("execute_change_set", {})
    described(answers, "CREATE_IN_PROGRESS")
    happened(answers, old, done)
    described(answers, "ROLLBACK_COMPLETE")
    happened(answers, old, done, failed, dragged)
    happened(answers, old, done, failed, dragged)
    with pytest.raises(JobFailedError) as raised:
        deployment.carry_out(PREPARED)
    assert str(raised.value) == (
        "stack ns: ROLLBACK_COMPLETE\n"
        "  TransformLogs (AWS::X::Y): /aws/sagemaker/TransformJobs exists"
    )
    assert lines == ["1/3 Role"]


def test_a_resource_that_is_replaced_counts_once_and_what_is_taken_back_does_not(
    deployment: Deployment, answers: Stubber
) -> None:
    lines: list[str] = []
    deployment.on_line = lines.append
    new = event(1, "Role", "UPDATE_COMPLETE")
    old = event(2, "Role", "DELETE_COMPLETE")
    failed = event(3, "Topic", "UPDATE_FAILED", "no")
    back = event(4, "Queue", "DELETE_COMPLETE")
    happened(answers)
    answers.add_response("execute_change_set", {})
    described(answers, "UPDATE_IN_PROGRESS")
    happened(answers, new, old)
    described(answers, "UPDATE_ROLLBACK_IN_PROGRESS")
    happened(answers, new, old, failed, back)
    described(answers, "UPDATE_ROLLBACK_COMPLETE")
    happened(answers, new, old, failed, back)
    happened(answers, new, old, failed, back)
    with pytest.raises(JobFailedError):
        deployment.carry_out(PREPARED)
    assert lines == ["1/3 Role", "it has failed, and is taken back"]


def test_a_stack_that_never_came_to_be_is_deleted_first(
    deployment: Deployment, answers: Stubber
) -> None:
    described(answers, "ROLLBACK_COMPLETE")
    assert deployment.leftover() == "ROLLBACK_COMPLETE"
    answers.add_response("delete_stack", {}, {"StackName": "ns"})
    described(answers, "DELETE_IN_PROGRESS")
    described(answers, None)
    deployment.remove_leftover()


def test_a_stack_that_somebody_changes_is_waited_for(
    deployment: Deployment, answers: Stubber
) -> None:
    lines: list[str] = []
    deployment.on_line = lines.append
    for status in ("UPDATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "UPDATE_COMPLETE"):
        described(answers, status)
    standing = deployment.standing()
    assert standing is not None
    assert standing.status == "UPDATE_COMPLETE"
    assert lines == ["stack ns is UPDATE_IN_PROGRESS; waiting"]


def test_a_change_set_that_nobody_carried_out_is_no_stack(
    deployment: Deployment, answers: Stubber
) -> None:
    described(answers, "REVIEW_IN_PROGRESS")
    assert deployment.standing() is None


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("Template format error: no", "stack ns: Template format error: no"),
        ("The submitted information didn't contain changes.", None),
        ("No updates are to be performed.", None),
    ],
)
def test_a_change_set_that_fails_is_refused_or_empty(
    deployment: Deployment, answers: Stubber, reason: str, said: str | None
) -> None:
    answers.add_response("get_template_summary", {"Parameters": []})
    described(answers, "UPDATE_COMPLETE")
    answers.add_response("create_change_set", {"Id": PREPARED.arn}, ANY_REQUEST)
    answers.add_response("describe_change_set", {"Status": "CREATE_IN_PROGRESS"})
    answers.add_response("describe_change_set", {"Status": "FAILED", "StatusReason": reason})
    answers.add_response("delete_change_set", {})
    if said is None:
        assert deployment.prepare() is None
    else:
        with pytest.raises(InputError, match=said):
            deployment.prepare()


ANY_REQUEST = {
    "StackName": "ns",
    "ChangeSetName": ANY,
    "ChangeSetType": "UPDATE",
    "TemplateBody": ANY,
    "Parameters": [],
    "Capabilities": ["CAPABILITY_IAM"],
    "Tags": ANY,
}


def test_changes_come_in_pages_and_say_what_is_replaced(
    deployment: Deployment, answers: Stubber
) -> None:
    def page(name: str, **more: str) -> dict[str, Any]:
        change = {"LogicalResourceId": name, "ResourceType": "AWS::X::Y", "Action": "Modify"}
        return {
            "Status": "CREATE_COMPLETE",
            "Changes": [{"ResourceChange": {**change, "Replacement": "Conditional"}}],
            **more,
        }

    answers.add_response("describe_change_set", page("A", NextToken="more"))
    answers.add_response(
        "describe_change_set", page("B"), {"ChangeSetName": PREPARED.arn, "NextToken": "more"}
    )
    prepared = deployment._prepared(PREPARED.arn, creates=False)
    assert prepared is not None
    assert [one.name for one in prepared.changes] == ["A", "B"]
    assert {one.replacement for one in prepared.changes} == {"Conditional"}


def test_a_stack_that_is_stuck_says_how_it_is_freed(
    deployment: Deployment, answers: Stubber
) -> None:
    answers.add_response("get_template_summary", {"Parameters": []})
    described(answers, "UPDATE_ROLLBACK_FAILED")
    with pytest.raises(InputError, match="continue-update-rollback --stack-name ns"):
        deployment.prepare()


# -- documents and the template's place -------------------------------------------------------


@pytest.mark.parametrize("kept", [None, ["Email"]])
def test_botocore_accepts_the_document(kept: list[str] | None) -> None:
    document = dict(
        change_set_request(
            stack="ns",
            name="nightscribe-1",
            body=template(),
            given=parameters_given(["RunDays=3"], ["RunDays"]),
            defaults={"RunDays": "180", "Email": "", "SilentDays": "0"},
            kept=kept,
            import_existing=True,
        )
    )
    model = botocore.session.get_session().get_service_model("cloudformation")
    shape = model.operation_model("CreateChangeSet").input_shape
    assert ParamValidator().validate(document, shape).generate_report() == ""
    email = {"ParameterKey": "Email", "ParameterValue": ""}
    if kept:
        email = {"ParameterKey": "Email", "UsePreviousValue": True}
    assert document["Parameters"] == [
        {"ParameterKey": "RunDays", "ParameterValue": "3"},
        email,
        {"ParameterKey": "SilentDays", "ParameterValue": "0"},
    ]


def test_a_wheel_carries_the_template_where_it_is_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hatchling.builders.wheel import WheelBuilder

    (wheel,) = WheelBuilder(str(PATH.parents[1])).build(directory=str(tmp_path / "dist"))
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(tmp_path / "site")
    installed = tmp_path / "site" / "batch" / "account"
    monkeypatch.setattr(stack_template, "files", lambda _: installed)
    monkeypatch.setattr(stack_template.batch, "__file__", str(tmp_path / "nowhere/x/__init__.py"))
    assert template() == PATH.read_text("utf-8")


def test_an_installation_without_the_template_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stack_template, "files", lambda _: tmp_path)
    monkeypatch.setattr(stack_template.batch, "__file__", str(tmp_path / "x/y/__init__.py"))
    with pytest.raises(InputError, match="not in this installation"):
        template()
