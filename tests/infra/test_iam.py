"""The evaluator of the policy tests decides as IAM does."""

from __future__ import annotations

from typing import Any

import pytest

from tests.infra.iam import Request, allowed


def statement(**more: Any) -> dict[str, Any]:
    return {
        "Effect": "Allow",
        "Action": "s3:GetObject",
        "Resource": "arn:aws:s3:::b/runs/*",
        **more,
    }


GET = Request("s3:GetObject", "arn:aws:s3:::b/runs/1/plan.json")


def test_nothing_is_allowed_by_default() -> None:
    assert not allowed([], GET)


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, True),
        ({"Action": ["s3:PutObject", "S3:getobject"]}, True),
        ({"Action": "s3:Get*"}, True),
        ({"Action": "s3:GetObjectTagging"}, False),
        ({"Action": "s3:GetObjec?"}, True),
        ({"Resource": ["arn:aws:s3:::b/x", "arn:aws:s3:::b/*/plan.json"]}, True),
        ({"Resource": "arn:aws:s3:::b/runs"}, False),
        ({"Resource": "arn:aws:s3:::b/RUNS/*"}, False),
        ({"Resource": "arn:aws:s3:::b/runs/[0-9]/*"}, False),
    ],
)
def test_actions_and_resources_match_with_wildcards(more: dict[str, Any], expected: bool) -> None:
    assert allowed([statement(**more)], GET) is expected


def test_a_denial_wins() -> None:
    assert not allowed([statement(), statement(Effect="Deny", Action="s3:*")], GET)
    assert allowed([statement(), statement(Effect="Deny", Action="s3:Put*")], GET)


@pytest.mark.parametrize(
    ("operator", "value", "context", "expected"),
    [
        ("StringEquals", "runs/", {"s3:prefix": "runs/"}, True),
        ("StringEquals", "runs/*", {"s3:prefix": "runs/1"}, False),
        ("StringLike", ["a/*", "runs/*"], {"s3:prefix": "runs/1"}, True),
        ("StringLike", "runs/*", {"s3:prefix": "models/"}, False),
        ("StringLike", "runs/*", {}, False),
        ("StringLikeIfExists", "runs/*", {}, True),
        ("StringLikeIfExists", "runs/*", {"s3:prefix": "models/"}, False),
        ("ArnLike", "arn:aws:x:*", {"s3:prefix": "arn:aws:x:y"}, True),
        ("Bool", "true", {"s3:prefix": "false"}, False),
    ],
)
def test_conditions_hold_for_what_the_request_carries(
    operator: str, value: Any, context: dict[str, str], expected: bool
) -> None:
    one = statement(Condition={operator: {"s3:prefix": value}})
    assert allowed([one], Request(GET.action, GET.resource, context)) is expected


def test_every_condition_must_hold() -> None:
    one = statement(Condition={"StringEquals": {"a": "1", "b": "2"}})
    assert not allowed([one], Request(GET.action, GET.resource, {"a": "1"}))
    assert allowed([one], Request(GET.action, GET.resource, {"a": "1", "b": "2"}))


def test_what_it_does_not_know_is_not_guessed() -> None:
    with pytest.raises(NotImplementedError, match="NotAction"):
        allowed([statement(NotAction="s3:*")], GET)
    one = statement(Condition={"NumericLessThan": {"a": "1"}})
    with pytest.raises(NotImplementedError, match="NumericLessThan"):
        allowed([one], Request(GET.action, GET.resource, {"a": "0"}))
