"""The tables as CSV that a spreadsheet can open: no cell of it is a formula."""

from __future__ import annotations

import csv
import json
from io import StringIO
from typing import TYPE_CHECKING

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Iterator

# What makes a spreadsheet take a cell for a formula (OWASP, "CSV injection"), with the full-width
# forms that some take for the same, and white space that some skip to get there.
_STARTS_FORMULA = frozenset("=+-@\t\r\n＝＋－＠|")
_SKIPPED = " \u00a0\ufeff"
_SUSPECT = _STARTS_FORMULA | frozenset(_SKIPPED)
_ROWS = 10_000


def csv_lines(table: pa.Table) -> Iterator[str]:
    """The table as CSV (RFC 4180), a header and some thousand rows at a time; null is empty.

    Text that a spreadsheet could take for a formula has an apostrophe put before it. Numbers
    stay numbers.
    """
    yield _written([table.schema.names])
    for batch in table.to_batches(max_chunksize=_ROWS):
        yield _written(zip(*map(_cells, batch.columns), strict=True))


def inert(text: str) -> str:
    """Text as a cell that is not a formula: with an apostrophe before what could begin one."""
    if text[:1] not in _SUSPECT:
        return text
    return f"'{text}" if text.lstrip(_SKIPPED)[:1] in _STARTS_FORMULA else text


def _cells(column: pa.Array) -> list[object]:
    """The values of a column; lists and maps, which CSV does not have, as JSON."""
    values = column.to_pylist()
    if pa.types.is_nested(column.type):
        as_value = dict if pa.types.is_map(column.type) else list
        values = [value if value is None else _json(as_value(value)) for value in values]
    return [inert(value) if isinstance(value, str) else value for value in values]


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _written(rows: object) -> str:
    text = StringIO()
    csv.writer(text).writerows(rows)  # type: ignore[arg-type]
    return text.getvalue()
