"""The ledger as columns: the newest line of each recording, compared with a listing at once."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch.ledger import Ledger, Result, read_ledger
from batch.parquet import parquet_bytes
from batch.schema import LEDGER
from batch.selection import Chosen, Rest, Settings, judge, select
from manifests.errors import StoreError
from manifests.local_store import LocalStore
from manifests.recordings import Recording, recording_id

SETTINGS = Settings(channels="mix", model_digest="m1", decode_digest="d1")


def result(path: str, run_id: str = "2026-01-01-001", **changes: object) -> Result:
    values = {
        "id": recording_id(path),
        "path": path,
        "etag": "e1",
        "version": None,
        "size": 10,
        "channels": "mix",
        "model_digest": "m1",
        "decode_digest": "d1",
        "status": "ok",
        "error_kind": None,
        "attempts": 1,
        "duration": 1.0,
        "run_id": run_id,
    }
    return Result(**{**values, **changes})  # type: ignore[arg-type]


def ledger_bytes(results: list[Result]) -> bytes:
    return parquet_bytes(pa.Table.from_pylist([asdict(one) for one in results], LEDGER))


def test_the_line_of_the_newest_run_wins_in_whatever_file_it_stands(tmp_path: Path) -> None:
    output = LocalStore(tmp_path)
    old, new = result("a.wav", "2026-01-01-001"), result("a.wav", "2026-01-03-001", etag="e2")
    other = result("b.wav", "2026-01-02-001")
    output.put("ledger/z-first.parquet", ledger_bytes([old, other]))
    output.put("ledger/a-last.parquet", ledger_bytes([new]))
    assert dict(read_ledger(output)) == {new.id: new, other.id: other}
    assert dict(read_ledger(output, without=new.run_id)) == {old.id: old, other.id: other}


def test_a_ledger_of_nothing_knows_nothing() -> None:
    assert dict(Ledger.of([])) == {}
    assert Ledger.of([]).get("x") is None


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    output = LocalStore(tmp_path)
    output.put("ledger/2026-01-01-001.parquet", b"no Parquet")
    with pytest.raises(StoreError, match=r"ledger/2026-01-01-001\.parquet: not readable"):
        read_ledger(output)


PATHS = ["a.wav", "b.wav", "c.wav", "d.wav"]
LINES = st.builds(
    result,
    st.sampled_from(PATHS),
    etag=st.sampled_from(["e1", "e2", None]),
    version=st.sampled_from(["v1", None]),
    size=st.sampled_from([10, 11, None]),
    channels=st.sampled_from(["mix", "split"]),
    model_digest=st.sampled_from(["m1", "m2"]),
    error_kind=st.sampled_from([None, "corrupt", "internal", "not_transcribed"]),
    attempts=st.integers(1, 5),
)


@given(lines=st.lists(LINES), policy=st.sampled_from(["new-only", "all"]))
def test_recordings_are_chosen_together_as_each_would_be_judged_alone(
    lines: list[Result], policy: str
) -> None:
    lines = list({one.id: one for one in lines}.values())
    ledger = Ledger.of(lines)
    assert dict(ledger) == {one.id: one for one in lines}
    listed = [
        Recording(id=recording_id(path), path=path, uri=path, size=10, etag="e1") for path in PATHS
    ]
    by_id = {one.id: one for one in lines}
    alone = [
        judge(one, by_id.get(one.id), SETTINGS, on_model_change=policy)  # type: ignore[arg-type]
        for one in listed
    ]
    together = select(listed, ledger, SETTINGS, on_model_change=policy)  # type: ignore[arg-type]
    assert together.chosen == tuple(one for one in alone if isinstance(one, Chosen))
    assert together.kept == sum(isinstance(one, Rest) for one in alone)
    assert together.waiting == alone.count(Rest.OTHER_SETTINGS)
    assert together.failed == alone.count(Rest.FINAL_ERROR) + alone.count(Rest.TRIED_OUT)


def test_a_version_that_is_the_same_is_seen_so_whatever_is_unknown_of_it() -> None:
    one = Recording(id=recording_id("a.wav"), path="a.wav", uri="a", size=10, etag="e1")
    ledger = Ledger.of([result("a.wav")])
    places = ledger.places([one.id, recording_id("b.wav")])
    seen = ledger.same_version([one, replace(one, path="b.wav")], places)
    assert seen.tolist() == [True, False]
