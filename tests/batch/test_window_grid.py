"""Where windows can join is what a record says of itself, or not known."""

import json

import pytest

from batch.report.findings.joins import JoinGrid
from batch.window_grid import window_grid
from manifests.storage import open_store
from transform_handler.audio.layout import WindowLayout

SETTINGS = {"digest": "d1", "step_seconds": 24.0, "reach_seconds": 2.0}


@pytest.fixture
def store(tmp_path):
    return open_store(tmp_path)


def put(store, run, decode, name="r1-00000.jsonl.out"):
    store.put(f"runs/{run}/out/{name}", json.dumps({"id": "x", "decode": decode}).encode() + b"\n")


def test_the_grid_is_that_of_the_settings_in_a_record(store):
    put(store, "2026-11-22-001", SETTINGS)
    found = window_grid(store, ["2026-11-22-001"], "d1")
    assert found == JoinGrid(step=24.0, reach=2.0, longest=30.0)
    usual = WindowLayout(hop=320)
    put(
        store,
        "2026-11-23-001",
        {"digest": "d2", "step_seconds": usual.step_seconds, "reach_seconds": usual.reach_seconds},
    )
    grid = window_grid(store, ["2026-11-22-001", "2026-11-23-001"], "d2")
    assert grid.longest * 16_000 == usual.longest


@pytest.mark.parametrize(
    "decode",
    [
        {**SETTINGS, "digest": "another"},
        {"digest": "d1"},
        {**SETTINGS, "step_seconds": "18"},
        None,
        ["d1"],
    ],
)
def test_a_record_of_other_settings_says_nothing(store, decode):
    put(store, "2026-11-22-001", decode)
    assert window_grid(store, ["2026-11-22-001"], "d1") is None


def test_outputs_that_are_gone_or_broken_say_nothing(store):
    assert window_grid(store, ["2026-11-22-001"], "d1") is None
    store.put("runs/2026-11-22-001/out/r1-00000.jsonl.out", b"\xff not json\n")
    store.put("runs/2026-11-22-001/out/r1-00001.jsonl.out", b"")
    assert window_grid(store, ["2026-11-22-001"], "d1") is None
    put(store, "2026-11-22-001", SETTINGS, name="r1-00002.jsonl.out")
    assert window_grid(store, ["2026-11-22-001"], "d1") is not None
