"""What another model wrote for the same sound: the rows that a run replaced."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from batch.layout import HISTORY, TRANSCRIPTS
from batch.parquet import read_parquet
from batch.plan import Plan
from batch.report.model import Channel
from manifests.storage import Store

_COLUMNS = ["id", "channel", "status", "size", "text", "model_digest", "decode_digest"]


def superseded_texts(
    output: Store, plan: Plan, rows: Iterable[Mapping[str, Any]]
) -> dict[Channel, str]:
    """Texts by id and channel that the run replaced, where another model or setting made them.

    ``rows`` are the archive's as the run left it. A recording that has changed is left out: its
    older transcript is of other sound.
    """
    now = {(row["id"], row["channel"]): row for row in rows if row["run_id"] == plan.run_id}
    found: dict[Channel, str] = {}
    if not now:
        return found
    for entry in output.list(f"{HISTORY}/{TRANSCRIPTS}/"):
        if not entry.key.endswith(f"-by-{plan.run_id}.parquet"):
            continue
        for old in read_parquet(output.read(entry.key), columns=_COLUMNS).to_pylist():
            new = now.get((old["id"], old["channel"]))
            if new is not None and old["status"] != "error" and _of_other_making(old, new):
                found[old["id"], old["channel"]] = old["text"] or ""
    return found


def _of_other_making(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    made = [(row["model_digest"], row["decode_digest"]) for row in (old, new)]
    return old["size"] == new["size"] and made[0] != made[1]
