"""An invocation says where its time went, and nothing of what was said."""

import json
import logging
from pathlib import Path

import pytest

from manifests.local_store import uri_of_path
from manifests.pointers import Pointer
from tests.conftest import speechlike, write_sound
from transform_handler.handler import Handler, predict_fn
from transform_handler.stopwatch import TIMINGS_VARIABLE


def test_each_invocation_says_where_its_time_went(
    handler: Handler,
    open_archive: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv(TIMINGS_VARIABLE, str(tmp_path / "timings.jsonl"))
    caplog.set_level(logging.INFO)
    path = write_sound(open_archive / "salaries of anna.wav", speechlike(30.0))
    for _ in range(2):
        (record,) = predict_fn([Pointer(id="secret", uri=uri_of_path(path))], handler)
    lines = (tmp_path / "timings.jsonl").read_text("utf-8").splitlines()
    assert len(lines) == 2
    for line in map(json.loads, lines):
        assert line["sound_seconds"] == 30.0
        stages = [line[name] for name in ("sound", "model", "words")]
        assert min(stages) >= 0
        assert sum(stages) <= line["total"]
    said = caplog.text + "".join(lines)
    assert "1 records, 30 s of sound" in said
    assert "anna" not in said
    assert "secret" not in said
    assert not any(len(word.text) > 3 and word.text in said for word in record.words)
