"""Tables of an output as upkeep reads them: whole columns, of whole runs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from batch.dataset_files import DataFile, read_files, steadily
from batch.layout import HISTORY, LEDGER, RunKeys
from batch.schema import LEDGER as LEDGER_SCHEMA
from batch.schema import SCHEMAS
from manifests.storage import Store


def ledger_table(output: Store) -> pa.Table:
    """Every line of the ledger, older ones too."""

    def read(files: list[list[DataFile]]) -> pa.Table:
        return read_files(output, files[0], LEDGER_SCHEMA)

    return steadily(output, [LEDGER], read)


def files_with(output: Store, name: str, run_id: str) -> list[DataFile]:
    """The files of a dataset that can hold a run's rows, current ones before superseded ones."""
    partition = RunKeys(run_id=run_id).partition(name)

    def chosen(files: list[list[DataFile]]) -> list[DataFile]:
        return [file for folder in files for file in folder if file.may_hold(run_id)]

    return steadily(output, [partition, f"{HISTORY}/{name}/"], chosen)


def rows_with(
    output: Store, name: str, run_id: str, files: Iterable[DataFile], columns: Sequence[str]
) -> pa.Table:
    """A run's rows in some files of a dataset; ``columns`` hold ``run_id``."""
    table = read_files(output, files, SCHEMAS[name], columns=columns)
    return table.filter(pc.equal(table["run_id"], run_id))
