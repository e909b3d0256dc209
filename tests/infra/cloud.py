"""What moto's CloudFormation leaves out, so that the template becomes a stack at moto."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest


@contextmanager
def cloudformation() -> Iterator[None]:
    """NoValue leaves lists, outputs follow change sets, and schedule groups are made."""
    from moto.cloudformation import parsing
    from moto.cloudformation.models import ChangeSet
    from moto.scheduler.models import scheduler_backends

    clean, apply = parsing.clean_json, ChangeSet.apply

    def clean_json(value: Any, resources: Any) -> Any:
        cleaned = clean(value, resources)
        if isinstance(value, list):
            return [one for one in cleaned if one is not None]
        return cleaned

    def applied(change_set: Any) -> None:
        apply(change_set)
        stack = change_set.stack
        stack.template, stack.template_dict = change_set.template, change_set.template_dict
        stack.parameters = change_set.parameters
        stack.output_map = stack._create_output_map()
        groups = scheduler_backends[stack.account_id][stack.region_name]
        if stack.name not in groups.schedule_groups:
            groups.create_schedule_group(name=stack.name, tags=[])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parsing, "clean_json", clean_json)
        patch.setattr(ChangeSet, "apply", applied)
        yield
