"""Recordings that are cut into parts have the rows of those that are not."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.batch.small_night import carried_out, furnished, rows, same
from tests.conftest import speechlike, write_sound

pytestmark = pytest.mark.usefixtures("warm_python")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path, warm_python: None) -> Path:
    """A folder after a night in which no recording was cut."""
    home = furnished(tmp_path_factory.mktemp("whole"), tiny_model)
    write_sound(home / "archive/long.wav", speechlike(100, seed=5))
    write_sound(home / "archive/long-44k.wav", speechlike(70, seed=6, rate=44_100), rate=44_100)
    carried_out(home)
    return home


@pytest.mark.parametrize("part_seconds", [18.0, 25.0, 60.0])
def test_a_recording_cut_into_parts_gives_the_same_rows(
    whole: Path, monkeypatch: pytest.MonkeyPatch, part_seconds: float
) -> None:
    monkeypatch.setattr("batch.shards.PART_SECONDS", part_seconds)
    output = f"cut-{part_seconds:.0f}"
    (finished,) = carried_out(whole, f"output.uri='{output}'")
    assert sum(shard.pointers for shard in finished.plan.shards) > 6
    cut, uncut = rows(whole, output=output), rows(whole)
    same(cut.drop(columns="confidence"), uncut.drop(columns="confidence"))
    cut, uncut = rows(whole, "segments", output), rows(whole, "segments")
    assert cut["text"].tolist() == uncut["text"].tolist()
    assert cut["start"].tolist() == uncut["start"].tolist()
