"""The ledger: results by identity, one small Parquet file a run; the newest line wins."""

from __future__ import annotations

from dataclasses import asdict

import pyarrow as pa

from batch.layout import LEDGER as FOLDER
from batch.parquet import parquet_bytes, read_parquet
from batch.schema import LEDGER
from batch.selection import Result
from manifests.storage import Store


def read_ledger(output: Store, *, without: str = "") -> dict[str, Result]:
    """The newest result of each recording, by id, leaving out run ``without``."""
    newest: dict[str, Result] = {}
    for entry in output.list(FOLDER):
        table = read_parquet(output.read(entry.key))
        for row in table.to_pylist():
            known = newest.get(row["id"])
            # Run ids sort by time.
            if row["run_id"] != without and (known is None or known.run_id <= row["run_id"]):
                newest[row["id"]] = Result(**row)
    return newest


def ledger_bytes(results: list[Result]) -> bytes:
    """A run's ledger file."""
    return parquet_bytes(pa.Table.from_pylist([asdict(one) for one in results], LEDGER))
