"""Metadata: columns about recordings that become ``meta`` in rows and slices in the report."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from manifests.errors import InputError, ObjectNotFoundError
from manifests.matching import Matching, match_entries
from manifests.storage import parent_store
from manifests.tables import RECORDING_COLUMNS, TableRow, find_column, read_rows


def load_metadata(location: str, paths: Iterable[str]) -> Matching[dict[str, str]]:
    """Read a CSV or TSV with a header; one column names the recording, empty cells are left out.

    Raises:
        InputError: naming the file, the line, what was found and what is expected.
    """
    store, name = parent_store(location)
    try:
        rows = list(read_rows(store.read(name), name=name))
    except ObjectNotFoundError as error:
        raise InputError(f"metadata: {error}; check [archive] metadata") from error
    if not rows:
        raise InputError(f"{name}: the file is empty; a header line is expected")
    header = [cell.strip() for cell in rows[0].cells]
    column = find_column(header, RECORDING_COLUMNS)
    if column is None:
        raise InputError(
            f"{name}, line 1: no column named {' or '.join(RECORDING_COLUMNS)}; "
            f"found {', '.join(header)}"
        )
    twice = next((cell for cell in header if header.count(cell) > 1), None)
    if twice is not None:
        raise InputError(f"{name}, line 1: the column {twice!r} stands twice; rename one of them")
    entries = [_entry(row, header, column, name=name) for row in rows[1:]]

    def clash(recording: str, entry: _Entry, known: _Entry) -> InputError:
        return InputError(
            f"{name}, line {entry.line}: {recording!r} has a row already "
            f"(line {known.line}); keep one of them"
        )

    matching = match_entries(entries, paths, slot=lambda _: None, clash=clash)
    return Matching(
        by_path={path: entry.meta for path, (entry,) in matching.by_path.items()},
        unmatched=matching.unmatched,
        ambiguous=matching.ambiguous,
    )


@dataclass(frozen=True, kw_only=True)
class _Entry:
    recording: str
    line: int
    meta: dict[str, str]


def _entry(row: TableRow, header: Sequence[str], column: int, *, name: str) -> _Entry:
    if len(row.cells) != len(header):
        raise InputError(
            f"{name}, line {row.line}: {len(row.cells)} columns found, {len(header)} expected"
        )
    cells = [cell.strip() for cell in row.cells]
    meta = {key: cell for key, cell in zip(header, cells, strict=True) if cell}
    meta.pop(header[column], None)
    return _Entry(recording=cells[column], line=row.line, meta=meta)
