"""What another model wrote for the same sound: the rows that a run replaced."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from batch.dataset_files import DataFile, opened, steadily, tables_of
from batch.datasets import newest_until
from batch.layout import HISTORY, TRANSCRIPTS
from batch.plan import Plan
from batch.report.model import Channel
from manifests.storage import Store

_MADE = ["id", "channel", "size", "model_digest", "decode_digest"]
_COLUMNS = [*_MADE, "status", "text", "run_id"]


def superseded_texts(output: Store, plan: Plan, rows: pa.Table) -> dict[Channel, str]:
    """Texts by id and channel that the run replaced, where another model or setting made them.

    ``rows`` are the archive's as the run left it. A recording that has changed is left out: its
    older transcript is of other sound.
    """
    found: dict[Channel, str] = {}
    ours = rows.filter(pc.equal(rows["run_id"], plan.run_id)).select(_MADE)
    if not len(ours) or not next(iter(output.list(f"{HISTORY}/{TRANSCRIPTS}/")), None):
        return found
    now = {(row["id"], row["channel"]): row for row in ours.to_pylist()}
    for old in _replaced(output, plan.run_id, {one for one, _ in now}):
        new = now.get((old["id"], old["channel"]))
        if new is not None and old["status"] != "error" and _of_other_making(old, new):
            found[old["id"], old["channel"]] = old["text"] or ""
    return found


def _replaced(output: Store, run_id: str, ids: set[str]) -> list[dict[str, Any]]:
    """The rows that a run replaced: of each id, the newest from before it."""

    def read(files: list[list[DataFile]]) -> list[dict[str, Any]]:
        tables: list[pa.Table] = []
        for file in files[0]:
            if file.is_merged or f"-by-{run_id}" in file.key:
                with opened(output, file) as parquet:
                    tables += tables_of(parquet, columns=_COLUMNS, ids=ids)
        before = [table.filter(pc.less(table["run_id"], run_id)) for table in tables]
        rows: list[dict[str, Any]] = newest_until(before, run_id).to_pylist() if before else []
        return rows

    return steadily(output, [f"{HISTORY}/{TRANSCRIPTS}/"], read)


def _of_other_making(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    made = [(row["model_digest"], row["decode_digest"]) for row in (old, new)]
    return old["size"] == new["size"] and made[0] != made[1]
