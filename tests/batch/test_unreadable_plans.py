"""A run that was begun and whose plan cannot be read: given up, unless it has rows already."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from batch.datasets import read_rows
from batch.ledger import read_ledger
from batch.runs import pending
from manifests.errors import InputError
from tests.batch.made_nights import Home, made_home

RUN = "2026-11-23-001"


def damaged(content: bytes) -> bytes:
    return content[: len(content) // 2]


def of_another_version(content: bytes) -> bytes:
    return content.replace(b'"version": 1', b'"version": 2')


def statuses(home: Home) -> list[str]:
    return read_rows(home.output, "transcripts")["status"].to_pylist()


def go_on(home: Home) -> None:
    runner = home.runner()
    with runner.claimed():
        assert runner.resume() == []


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = made_home(tmp_path)
    home.put("a.wav")
    return home


@pytest.mark.parametrize("change", [damaged, of_another_version])
def test_rows_of_a_run_whose_plan_cannot_be_read_stay(
    home: Home, change: Callable[[bytes], bytes]
) -> None:
    plan = home.planned(RUN)
    home.collected(plan)
    whole = home.output.read(plan.keys.plan)
    home.output.put(plan.keys.plan, change(whole))
    with pytest.raises(InputError, match=rf"{RUN}/plan\.json: .*plan.*has rows.*put it back"):
        go_on(home)
    assert statuses(home) == ["ok"]
    assert len(read_ledger(home.output)) == 1
    home.output.put(plan.keys.plan, whole)
    assert home.planned_before(RUN) == plan


def test_a_run_is_given_up_once_a_person_has_deleted_its_rows_and_its_ledger(home: Home) -> None:
    plan = home.planned(RUN)
    home.collected(plan)
    home.output.put(plan.keys.plan, b"{}")
    home.output.delete(plan.keys.rows("transcripts"))
    with pytest.raises(InputError, match=rf"delete .*{RUN}\.parquet and ledger/{RUN}\.parquet"):
        go_on(home)
    home.output.delete(plan.keys.ledger)
    go_on(home)
    assert pending(home.output) == []
    assert len(read_rows(home.output, "segments")) == 0


def test_a_run_without_rows_whose_plan_cannot_be_read_is_given_up(home: Home) -> None:
    plan = home.planned(RUN)
    home.output.put(plan.keys.plan, damaged(home.output.read(plan.keys.plan)))
    go_on(home)
    assert pending(home.output) == []
