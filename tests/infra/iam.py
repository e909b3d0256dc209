"""A small IAM: whether statements allow a request.

Knows what the template uses, and refuses to guess at the rest. The rules are those of
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

_IF_EXISTS = "IfExists"


@dataclass(frozen=True)
class Request:
    """One thing that a principal does; ``context`` holds the condition keys that it carries."""

    action: str
    resource: str
    context: Mapping[str, str] = field(default_factory=dict, hash=False)

    def __str__(self) -> str:
        context = f" with {dict(self.context)}" if self.context else ""
        return f"{self.action} on {self.resource}{context}"


def allowed(statements: Iterable[Mapping[str, Any]], request: Request) -> bool:
    """Whether a statement allows the request and none denies it."""
    effects = {one["Effect"] for one in statements if _applies(one, request)}
    return "Allow" in effects and "Deny" not in effects


def _applies(statement: Mapping[str, Any], request: Request) -> bool:
    unknown = statement.keys() - {"Sid", "Effect", "Action", "Resource", "Condition", "Principal"}
    if unknown:
        raise NotImplementedError(f"statement with {sorted(unknown)}")
    return (
        any(_like(one.lower(), request.action.lower()) for one in _listed(statement["Action"]))
        and any(_like(one, request.resource) for one in _listed(statement["Resource"]))
        and all(
            _holds(operator, key, _listed(values), request.context)
            for operator, keys in statement.get("Condition", {}).items()
            for key, values in keys.items()
        )
    )


def _holds(operator: str, key: str, values: list[str], context: Mapping[str, str]) -> bool:
    if key not in context:
        return operator.endswith(_IF_EXISTS)
    found = context[key]
    kind = operator.removesuffix(_IF_EXISTS)
    if kind in ("StringEquals", "Bool"):
        return found in values
    if kind in ("StringLike", "ArnLike", "ArnEquals"):
        return any(_like(one, found) for one in values)
    raise NotImplementedError(f"condition {operator}")


def _like(pattern: str, text: str) -> bool:
    """IAM's wildcards: ``*`` is any text, slashes and colons too, ``?`` is one character."""
    wild = {"*": ".*", "?": "."}
    regex = "".join(wild.get(letter) or re.escape(letter) for letter in pattern)
    return re.fullmatch(regex, text, re.DOTALL) is not None


def _listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)
