"""TSV and CSV: a recording and its text in each row."""

from __future__ import annotations

from collections.abc import Iterator

from manifests.errors import InputError
from manifests.references import Reference
from manifests.tables import RECORDING_COLUMNS, TEXT_COLUMNS, find_column, read_rows


def from_table(text: str, name: str) -> Iterator[Reference]:
    """A header names the columns; without one they are recording and text."""
    rows = list(read_rows(text.encode(), name=name))
    if not rows:
        raise InputError(f"{name}: the file is empty; rows of recording and text are expected")
    recording = find_column(rows[0].cells, RECORDING_COLUMNS)
    spoken = find_column(rows[0].cells, TEXT_COLUMNS)
    if recording is not None and spoken is None:
        raise InputError(
            f"{name}, line 1: no column named {' or '.join(TEXT_COLUMNS)} for the text; "
            f"found {', '.join(cell.strip() for cell in rows[0].cells)}"
        )
    if recording is None or spoken is None:
        recording, spoken = 0, 1
    else:
        rows = rows[1:]
    for row in rows:
        if len(row.cells) <= max(recording, spoken):
            raise InputError(
                f"{name}, line {row.line}: {len(row.cells)} column(s) found, "
                f"{max(recording, spoken) + 1} expected (recording, then text)"
            )
        yield Reference(
            recording=row.cells[recording].strip(),
            text=row.cells[spoken].strip(),
            source=f"{name}, line {row.line}",
        )
