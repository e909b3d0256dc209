"""The CloudFormation template, its parameters, and the document of a change set; no I/O at AWS."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import batch
from batch.account.account import PROJECT_TAG
from batch.platforms.base import Document
from manifests.errors import InputError

NAME = "nightscribe.yaml"
MAX_BYTES = 51_200  # of a template that goes as text; a larger one would have to lie in S3


def template() -> str:
    """The template's text: inside an installed package, or in the checkout beside it.

    Raises:
        InputError: it is in neither.
    """
    shipped = files("batch.account").joinpath(NAME)
    assert batch.__file__ is not None
    beside = Path(batch.__file__).parents[1] / "infra" / NAME
    for place in (shipped, beside):
        if place.is_file():
            return place.read_text("utf-8")
    raise InputError(f"{NAME}: not in this installation; install nightscribe again")


def parameters_given(pairs: Sequence[str], known: Sequence[str]) -> dict[str, str]:
    """``K=V`` pairs as a mapping.

    Raises:
        InputError: not a pair, or not a parameter of the template.
    """
    given: dict[str, str] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals:
            raise InputError(f"--parameter {pair!r}: NAME=VALUE expected")
        if key not in known:
            close = difflib.get_close_matches(key, known, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"known: {', '.join(known)}"
            raise InputError(f"--parameter {key!r}: the template has no such parameter; {hint}")
        given[key] = value
    return given


def change_set_request(
    *,
    stack: str,
    name: str,
    body: str,
    given: Mapping[str, str],
    defaults: Mapping[str, str],
    kept: Sequence[str] | None,
    import_existing: bool,
) -> Document:
    """``create_change_set``; ``kept`` are the parameters that the stack has, None for a new one.

    What is not given keeps its value; a parameter that is new to the stack gets its default.
    """
    return {
        "StackName": stack,
        "ChangeSetName": name,
        "ChangeSetType": "CREATE" if kept is None else "UPDATE",
        "TemplateBody": body,
        "Parameters": [
            _parameter(key, given.get(key), default, kept or ())
            for key, default in defaults.items()
        ],
        "Capabilities": ["CAPABILITY_IAM"],
        "Tags": [{"Key": key, "Value": value} for key, value in PROJECT_TAG.items()],
        **({"ImportExistingResources": True} if import_existing else {}),
    }


def _parameter(key: str, value: str | None, default: str, kept: Sequence[str]) -> dict[str, Any]:
    if value is None and key in kept:
        return {"ParameterKey": key, "UsePreviousValue": True}
    return {"ParameterKey": key, "ParameterValue": default if value is None else value}
