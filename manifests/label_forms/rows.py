"""One row of a table of labels, whatever the table's columns are called."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from manifests.errors import InputError
from manifests.label_forms.place import Place, extension
from manifests.tables import RECORDING_COLUMNS, TEXT_COLUMNS, find_column, read_rows

SPEAKER_COLUMNS = ("speaker", "speaker_id", "client_id", "spk", "spk_id")
LANGUAGE_COLUMNS = ("lang", "language", "locale")
START_COLUMNS = ("offset", "start", "start_time", "begin")
END_COLUMNS = ("end", "end_time")


@dataclass(frozen=True, kw_only=True)
class LabelRow:
    """Cells by column name in lower case, and where the row stands."""

    cells: Mapping[str, Any]
    where: str

    def text(self, columns: tuple[str, ...] = TEXT_COLUMNS) -> str:
        """What is said; it may be empty, but there must be a cell for it.

        Raises:
            InputError: there is none.
        """
        for column in columns:
            if self.cells.get(column) is not None:
                return str(self.cells[column]).strip()
        raise self.missing(columns)

    def required(self, columns: tuple[str, ...]) -> str:
        """The first of ``columns`` that has something in it.

        Raises:
            InputError: none has.
        """
        found = self.name(columns)
        if found is None:
            raise self.missing(columns)
        return found

    def name(self, columns: tuple[str, ...]) -> str | None:
        """The first of ``columns`` that has something in it, or None."""
        for column in columns:
            value = self.cells.get(column)
            if value is not None and str(value).strip():
                return str(value).strip()
        return None

    def seconds(self, columns: tuple[str, ...]) -> float | None:
        """A time, or None where there is none.

        Raises:
            InputError: it is no number.
        """
        value = self.name(columns)
        try:
            return None if value is None else float(value)
        except ValueError as error:
            raise InputError(
                f"{self.where}: {columns[0]} is {value!r}; seconds are expected"
            ) from error

    def span(self) -> tuple[float, float | None]:
        """Offset and duration, from a start with an end or with a duration."""
        start = self.seconds(START_COLUMNS) or 0.0
        end = self.seconds(END_COLUMNS)
        return start, self.seconds(("duration",)) if end is None else end - start

    def channel(self) -> int | None:
        """The channel, counted from 0.

        Raises:
            InputError: it is no whole number.
        """
        value = self.name(("channel",))
        if value is not None and not (value.isdecimal() and len(value) < 10):
            raise InputError(f"{self.where}: channel is {value!r}; 0, 1, … is expected")
        return None if value is None else int(value)

    def missing(self, columns: tuple[str, ...]) -> InputError:
        """The error for a row that has none of ``columns``."""
        return InputError(
            f"{self.where}: nothing found for {' or '.join(columns)}; "
            f"the row has {', '.join(self.cells) or 'no columns'}"
        )


def label_rows(place: Place, key: str) -> Iterator[LabelRow]:
    """The rows of a TSV, CSV or JSONL file of labels.

    A table without a header has two columns: the recording, and the text.

    Raises:
        InputError: naming the file, the line, what was found and what is expected.
    """
    if extension(key) in ("jsonl", "json"):
        for where, found in place.objects(key):
            yield LabelRow(cells={name.lower(): cell for name, cell in found.items()}, where=where)
        return
    shown = place.shown(key)
    rows = list(read_rows(place.data(key), name=shown))
    header = _header(rows[0].cells) if rows else None
    for row in rows if header is None else rows[1:]:
        where = f"{shown}, line {row.line}"
        names = header or (RECORDING_COLUMNS[0], TEXT_COLUMNS[0])
        if len(row.cells) != len(names):
            raise InputError(
                f"{where}: {len(row.cells)} columns found, {len(names)} expected "
                f"({', '.join(names)}){_HEADER_HINT if header is None else ''}"
            )
        yield LabelRow(cells=dict(zip(names, row.cells, strict=True)), where=where)


_HEADER_HINT = (
    "; a table of more needs a header line: recording, text and any of offset, end, duration, "
    "channel, speaker, language, split"
)


def _header(cells: tuple[str, ...]) -> tuple[str, ...] | None:
    if find_column(cells, RECORDING_COLUMNS) is None:
        return None
    return tuple(cell.strip().lower() for cell in cells)
