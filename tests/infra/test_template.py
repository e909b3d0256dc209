"""The template: linted, whole, as small as CloudFormation takes it, and in step with the code."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from typing import Any

import boto3
import pyarrow as pa
import pytest

from batch.account.account import OUTPUTS
from batch.account.stack_template import MAX_BYTES, template
from batch.cli.inspect_commands import ddl
from batch.schema import SEGMENTS, TRANSCRIPTS
from tests.infra.cloud import cloudformation
from tests.infra.template import EVERYTHING, PATH, Resolved, raw

BOTH = pytest.mark.parametrize("given", [{}, EVERYTHING], ids=["defaults", "everything"])
HIVE = {
    pa.bool_(): "boolean",
    pa.string(): "string",
    pa.int32(): "int",
    pa.int64(): "bigint",
    pa.float64(): "double",
    pa.date32(): "date",
}
# What CloudFormation gives no tags, or takes them in another way.
UNTAGGED = {
    "AWS::S3::BucketPolicy",
    "AWS::IAM::ManagedPolicy",
    "AWS::SQS::QueuePolicy",
    "AWS::SNS::TopicPolicy",
    "AWS::SNS::Subscription",
    "AWS::EC2::SecurityGroupEgress",
    "AWS::EC2::SecurityGroupIngress",
    "AWS::Glue::Database",
    "AWS::Glue::Table",
}


def complaints(text: str) -> list[str]:
    from cfnlint.api import ManualArgs, lint

    return [str(one) for one in lint(text, config=ManualArgs(regions=["eu-central-1"]))]


def test_cfn_lint_has_no_complaint() -> None:
    assert complaints(PATH.read_text("utf-8")) == []


def test_cfn_lint_would_say_so() -> None:
    assert complaints('{"Resources": {"Topic": {"Type": "AWS::SNS::Topik"}}}') != []


def test_the_template_fits_into_a_request() -> None:
    assert len(template().encode()) <= MAX_BYTES


def test_yaml_has_no_aliases_which_cloudformation_refuses() -> None:
    import yaml

    kinds = {type(token).__name__ for token in yaml.scan(template())}
    assert not kinds & {"AliasToken", "AnchorToken"}


def test_every_parameter_says_what_it_is_what_is_allowed_and_stands_in_a_group() -> None:
    interface = raw()["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    assert [one for group in interface for one in group["Parameters"]] == list(raw()["Parameters"])
    for name, parameter in raw()["Parameters"].items():
        assert parameter["Description"].endswith("."), name
        assert "Default" in parameter, name
        assert ("AllowedPattern" in parameter) == ("ConstraintDescription" in parameter), name
        assert {"AllowedPattern", "AllowedValues", "MinValue"} & parameter.keys(), name


def test_the_stack_names_what_the_configuration_leaves_out() -> None:
    outputs = Resolved(EVERYTHING).outputs
    assert {*OUTPUTS.values(), "SubnetIds", "SecurityGroupIds"} <= outputs.keys()
    assert outputs["OutputUri"] == "s3://acme-nightscribe/night/"
    assert outputs["ArchiveUri"] == "s3://acme-meetings/2026/"
    assert Resolved().outputs["ArchiveUri"] == "s3://nightscribe-bucket/archive/"
    assert "KmsKeyArn" not in Resolved().outputs


@BOTH
def test_the_bucket_is_closed_encrypted_versioned_and_stays(given: dict[str, str]) -> None:
    resources = Resolved(given).resources
    bucket, policy = resources["Bucket"], resources["BucketPolicy"]
    properties = bucket["Properties"]
    assert bucket["DeletionPolicy"] == "RetainExceptOnCreate"
    assert bucket["UpdateReplacePolicy"] == "Retain"
    assert set(properties["PublicAccessBlockConfiguration"].values()) == {True}
    assert properties["VersioningConfiguration"] == {"Status": "Enabled"}
    assert properties["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    (rule,) = properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    key = rule["ServerSideEncryptionByDefault"]
    expected = {"SSEAlgorithm": "AES256"}
    if given:
        expected = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": given["KmsKeyArn"]}
    assert key == expected
    (deny,) = policy["Properties"]["PolicyDocument"]["Statement"]
    assert (deny["Effect"], deny["Principal"], deny["Action"]) == ("Deny", "*", "s3:*")
    assert deny["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert len(deny["Resource"]) == 2


def test_nothing_that_somebody_would_miss_expires() -> None:
    resources = Resolved(EVERYTHING).resources
    rules = resources["Bucket"]["Properties"]["LifecycleConfiguration"]["Rules"]
    expiring = {rule["Prefix"] for rule in rules if "ExpirationInDays" in rule}
    assert expiring == {f"night/{one}/" for one in ("runs", "endpoints", "canaries/jobs", "athena")}
    (uploads,) = [rule for rule in rules if "AbortIncompleteMultipartUpload" in rule]
    assert "Prefix" not in uploads


@BOTH
def test_what_can_be_tagged_carries_the_project(given: dict[str, str]) -> None:
    for name, resource in Resolved(given).resources.items():
        if resource["Type"] not in UNTAGGED:
            tags = resource["Properties"]["Tags"]
            assert {"Key": "project", "Value": "nightscribe"} in tags, name


@BOTH
def test_roles_are_assumed_by_their_service_for_this_account_only(given: dict[str, str]) -> None:
    roles = {k: v for k, v in Resolved(given).resources.items() if v["Type"] == "AWS::IAM::Role"}
    assert roles.keys() == {"ModelRole", "TrainingRole", "DriverRole", "SchedulerRole"}
    for name, role in roles.items():
        (trust,) = role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        service = "scheduler" if name == "SchedulerRole" else "sagemaker"
        assert trust["Principal"] == {"Service": f"{service}.amazonaws.com"}
        conditions = {k: v for one in trust["Condition"].values() for k, v in one.items()}
        assert conditions["aws:SourceAccount"] == "123456789012"
        assert conditions["aws:SourceArn"].startswith(
            f"arn:aws:{service}:eu-central-1:123456789012:"
        )


@BOTH
def test_policies_fit_into_what_iam_takes(given: dict[str, str]) -> None:
    longest = dict(given)
    for name in ("BucketName", "ArchiveBucket", "GoldenBucket"):
        if given:
            longest[name] = "b" * 63
    for name, resource in Resolved(longest).resources.items():
        if resource["Type"] == "AWS::IAM::ManagedPolicy":
            size = len(json.dumps(resource["Properties"]["PolicyDocument"], separators=(",", ":")))
            assert size <= 6144, name
        if resource["Type"] == "AWS::IAM::Role":
            size = len(json.dumps(resource["Properties"]["Policies"], separators=(",", ":")))
            assert size <= 10_240, name


@pytest.mark.parametrize(
    ("table", "schema"), [("Transcripts", TRANSCRIPTS), ("Segments", SEGMENTS)]
)
def test_the_tables_are_those_that_a_run_writes(table: str, schema: pa.Schema) -> None:
    found = Resolved().resources[f"{table}Table"]["Properties"]["TableInput"]
    columns = [(one["Name"], one["Type"]) for one in found["StorageDescriptor"]["Columns"]]
    assert columns == [(one.name, hive(one.type)) for one in schema]
    assert found["StorageDescriptor"]["Location"] == f"s3://nightscribe-bucket/{found['Name']}/"
    assert found["PartitionKeys"] == [{"Name": "dt", "Type": "date"}]
    assert found["Parameters"]["projection.enabled"] == "true"
    for key, value in found["Parameters"].items():
        if key.startswith("projection."):
            assert f"'{key}' = '{value}'" in ddl_text(table.lower(), schema)


def hive(kind: pa.DataType) -> str:
    """An Arrow type as Hive writes it, nested ones too."""
    if pa.types.is_list(kind):
        return f"array<{hive(kind.value_type)}>"
    if pa.types.is_map(kind):
        return f"map<{hive(kind.key_type)},{hive(kind.item_type)}>"
    if pa.types.is_struct(kind):
        fields = ",".join(
            f"{kind.field(i).name}:{hive(kind.field(i).type)}" for i in range(kind.num_fields)
        )
        return f"struct<{fields}>"
    return "timestamp" if pa.types.is_timestamp(kind) else HIVE[kind]


def ddl_text(name: str, schema: pa.Schema) -> str:
    from batch.schema import athena_ddl

    assert ddl.name == "ddl"
    return athena_ddl(name, schema, "s3://b/")


def test_failed_jobs_of_ours_are_told_in_words() -> None:
    rules = {k: v for k, v in Resolved().resources.items() if v["Type"] == "AWS::Events::Rule"}
    assert len(rules) == 3
    for rule in rules.values():
        pattern = rule["Properties"]["EventPattern"]
        (kind,) = pattern["detail-type"]
        noun = kind.removeprefix("SageMaker ").removesuffix(" State Change").replace(" ", "")
        assert pattern["detail"][f"{noun}Status"] == ["Failed", "Stopped"]
        assert pattern["detail"][f"{noun}Name"] == [{"prefix": "nightscribe-"}]
        (target,) = rule["Properties"]["Targets"]
        transformer = target["InputTransformer"]
        text = transformer["InputTemplate"]
        assert json.loads(text)  # one JSON string: EventBridge refuses a template that is neither
        assert all(f"<{name}>" in text for name in transformer["InputPathsMap"])
        # What may have quotation marks would spoil the JSON: EventBridge escapes nothing.
        plain = {"$.region", f"$.detail.{noun}Name", f"$.detail.{noun}Status"}
        assert set(transformer["InputPathsMap"].values()) <= plain


def test_mail_and_silence_are_told_where_they_are_asked_for() -> None:
    assert not {"Subscription", "SilenceAlarm", "TransformLogs"} & Resolved().resources.keys()
    resources = Resolved(EVERYTHING).resources
    assert resources["Subscription"]["Properties"]["Endpoint"] == "team@example.com"
    alarm = resources["SilenceAlarm"]["Properties"]
    assert (alarm["Period"], alarm["EvaluationPeriods"]) == (86400, "3")
    assert alarm["TreatMissingData"] == "breaching"
    assert resources["TransformLogs"]["Properties"]["RetentionInDays"] == "30"
    for one in resources.values():
        if one["Type"] in ("AWS::Logs::LogGroup", "AWS::S3::Bucket"):
            assert one["UpdateReplacePolicy"] == "Retain"
            assert one["DeletionPolicy"].startswith("Retain")


@pytest.mark.parametrize(
    ("wanted", "services"),
    [("none", set()), ("s3", {"s3"}), ("all", {"s3", "sagemaker.api", "logs", "sns"})],
)
def test_endpoints_are_made_as_asked(wanted: str, services: set[str]) -> None:
    resources = Resolved({**EVERYTHING, "VpcEndpoints": wanted}).resources.values()
    endpoints = [one["Properties"] for one in resources if one["Type"] == "AWS::EC2::VPCEndpoint"]
    names = {one["ServiceName"].removeprefix("com.amazonaws.eu-central-1.") for one in endpoints}
    assert names == services


def test_a_network_is_asked_for_whole() -> None:
    rules = raw()["Rules"]
    assert rules.keys() == {
        "NetworkIsWhole",
        "SubnetsHaveANetwork",
        "EndpointsHaveRoutes",
        "ArchiveHasABucket",
        "GoldenSetHasABucket",
    }


@pytest.fixture
def stack_maker(aws: str) -> Iterator[Any]:
    cloud, made = boto3.client("cloudformation"), []

    def make(name: str, given: dict[str, str]) -> dict[str, str]:
        made.append(name)
        pairs = [{"ParameterKey": key, "ParameterValue": value} for key, value in given.items()]
        request = {"StackName": name, "ChangeSetName": name, "ChangeSetType": "CREATE"}
        with warnings.catch_warnings(action="ignore"):
            cloud.create_change_set(**request, TemplateBody=template(), Parameters=pairs)
            cloud.execute_change_set(StackName=name, ChangeSetName=name)
        (stack,) = cloud.describe_stacks(StackName=name)["Stacks"]
        assert stack["StackStatus"] == "CREATE_COMPLETE"
        return {one["OutputKey"]: one["OutputValue"] for one in stack["Outputs"]}

    with cloudformation():
        yield make
        for name in made:
            with warnings.catch_warnings(action="ignore"):
                cloud.delete_stack(StackName=name)


def test_it_becomes_a_stack_with_defaults(stack_maker: Any) -> None:
    outputs = stack_maker("ns-defaults", {})
    s3 = boto3.client("s3")
    bucket = outputs["BucketName"]
    rule = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"][0]
    assert rule["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    role = boto3.client("iam").get_role(RoleName=outputs["ModelRoleArn"].rpartition("/")[2])
    assert "sagemaker.amazonaws.com" in json.dumps(role["Role"]["AssumeRolePolicyDocument"])
    assert "SubnetIds" not in outputs


def test_it_becomes_a_stack_with_network_and_key(stack_maker: Any) -> None:
    ec2 = boto3.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
    tables = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc]}])
    table = tables["RouteTables"][0]["RouteTableId"]
    own = {"VpcId": vpc, "SubnetIds": subnet, "RouteTableIds": table}
    # Other tests' jobs have made the log groups, as those of an account have.
    own["LogRetentionDays"] = "0"
    outputs = stack_maker("ns-everything", {**EVERYTHING, **own})
    assert outputs["SubnetIds"] == subnet
    (group,) = ec2.describe_security_groups(GroupIds=[outputs["SecurityGroupIds"]])[
        "SecurityGroups"
    ]
    assert group["VpcId"] == vpc
    assert outputs["KmsKeyArn"] == EVERYTHING["KmsKeyArn"]
