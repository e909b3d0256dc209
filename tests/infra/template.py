"""The template as CloudFormation would see it: conditions decided, references resolved."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any

PATH = Path(__file__).parents[2] / "infra" / "nightscribe.yaml"
ACCOUNT, REGION, STACK = "123456789012", "eu-central-1", "nightscribe"
STACK_ID = f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/{STACK}/0a53d0c6"
EVERYTHING = {
    "BucketName": "acme-nightscribe",
    "OutputPrefix": "night/",
    "KmsKeyArn": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/0a53d0c6-84f9-4a65-8b27-49466715a57f",
    "ArchiveBucket": "acme-meetings",
    "ArchivePrefix": "2026/",
    "GoldenBucket": "acme-golden",
    "GoldenPrefix": "english/",
    "ArchiveKmsKeyArn": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1b64e1d7-84f9-4a65-8b27-49466715a57f",
    "Email": "team@example.com",
    "SilentDays": "3",
    "LogRetentionDays": "30",
    "VpcId": "vpc-0123456789abcdef0",
    "SubnetIds": "subnet-0123456789abcdef0,subnet-0123456789abcdef1",
    "RouteTableIds": "rtb-0123456789abcdef0",
    "VpcEndpoints": "all",
}
_NOTHING = object()
_PSEUDO = {
    "AWS::AccountId": ACCOUNT,
    "AWS::Region": REGION,
    "AWS::Partition": "aws",
    "AWS::StackName": STACK,
    "AWS::StackId": STACK_ID,
    "AWS::NoValue": _NOTHING,
}


@cache
def raw() -> dict[str, Any]:
    """The template with its functions as ``Fn::…``."""
    from cfnlint.decode import cfn_yaml

    found: dict[str, Any] = json.loads(json.dumps(cfn_yaml.load(str(PATH))))
    return found


@dataclass(frozen=True)
class Resolved:
    """The template with parameters; names of resources are made up, and always the same."""

    given: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def resources(self) -> dict[str, Any]:
        """The resources that would be made."""
        return {
            name: self._value(resource)
            for name, resource in raw()["Resources"].items()
            if self._holds(resource.get("Condition"))
        }

    @cached_property
    def outputs(self) -> dict[str, str]:
        """The stack's outputs."""
        return {
            name: self._value(output["Value"])
            for name, output in raw()["Outputs"].items()
            if self._holds(output.get("Condition"))
        }

    def _holds(self, condition: str | None) -> bool:
        return condition is None or bool(self._value(raw()["Conditions"][condition]))

    def _value(self, value: Any) -> Any:
        if isinstance(value, list):
            return [one for one in map(self._value, value) if one is not _NOTHING]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((function, argument),) = value.items()
            if function in ("Ref", "Condition") and isinstance(argument, str):
                return self._ref(argument) if function == "Ref" else self._holds(argument)
            if function.startswith("Fn::"):
                return self._called(function.removeprefix("Fn::"), argument)
        kept = {key: self._value(one) for key, one in value.items() if key != "Condition"}
        if "Condition" in value:  # of a policy's statement; a resource's is a name
            kept["Condition"] = self._value(value["Condition"])
        return {key: one for key, one in kept.items() if one is not _NOTHING}

    def _called(self, function: str, argument: Any) -> Any:
        if function == "If":
            condition, yes, no = argument
            return self._value(yes if self._holds(condition) else no)
        if function == "Sub":
            return re.sub(r"\$\{([\w:.]+)\}", lambda found: self._named(found[1]), argument)
        if function == "GetAtt":
            return self._named(".".join(argument))
        return _FUNCTIONS[function](self._value(argument))

    def _named(self, name: str) -> str:
        resource, dot, attribute = name.partition(".")
        return str(self._attribute(resource, attribute) if dot else self._ref(name))

    def _ref(self, name: str) -> Any:
        if name in _PSEUDO:
            return _PSEUDO[name]
        if name in raw()["Parameters"]:
            return self.given.get(name, raw()["Parameters"][name]["Default"])
        names = {
            "AWS::S3::Bucket": self.given.get("BucketName") or "nightscribe-bucket",
            "AWS::SNS::Topic": f"arn:aws:sns:{REGION}:{ACCOUNT}:{STACK}-{name}",
            "AWS::IAM::ManagedPolicy": f"arn:aws:iam::{ACCOUNT}:policy/{STACK}-{name}",
            "AWS::Glue::Database": self.given.get("DatabaseName", STACK),
        }
        return names.get(raw()["Resources"][name]["Type"], f"{STACK}-{name}")

    def _attribute(self, name: str, attribute: str) -> str:
        arns = {
            "AWS::S3::Bucket": f"arn:aws:s3:::{self._ref(name)}",
            "AWS::IAM::Role": f"arn:aws:iam::{ACCOUNT}:role/{STACK}-{name}",
            "AWS::SQS::Queue": f"arn:aws:sqs:{REGION}:{ACCOUNT}:{STACK}-{name}",
        }
        kind = raw()["Resources"][name]["Type"]
        return arns[kind] if attribute == "Arn" else f"{STACK}-{name}"


_FUNCTIONS: Mapping[str, Callable[[Any], Any]] = {
    "Equals": lambda pair: str(pair[0]) == str(pair[1]),
    "Not": lambda one: not one[0],
    "And": all,
    "Split": lambda pair: pair[1].split(pair[0]),
}
