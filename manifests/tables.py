"""Small tables that people write: CSV and TSV, with errors that name the line."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from manifests.errors import InputError

RECORDING_COLUMNS = ("recording", "file", "path", "audio_filepath", "file_name", "filename", "uri")
TEXT_COLUMNS = ("text", "transcript", "transcription", "sentence", "reference")


@dataclass(frozen=True, kw_only=True)
class TableRow:
    """One row with its line number (the first line is 1)."""

    line: int
    cells: tuple[str, ...]


def decode_utf8(data: bytes, *, name: str) -> str:
    """UTF-8 text, with or without a byte order mark.

    Raises:
        InputError: naming the file and the line of the first bad byte.
    """
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InputError(
            f"{name}, line {line}: byte 0x{data[error.start]:02x} is not UTF-8; "
            "save the file as UTF-8"
        ) from error


def lines_of(text: str) -> Iterator[tuple[int, str]]:
    """Lines with their numbers, ended by a line feed with or without a carriage return.

    ``str.splitlines`` would also break at U+2028, U+0085 and others, which texts hold.
    """
    for number, line in enumerate(text.split("\n"), start=1):
        yield number, line.removesuffix("\r")


def read_rows(data: bytes, *, name: str) -> Iterator[TableRow]:
    """The rows of a CSV or, by its extension, TSV file; empty lines are passed over.

    In a TSV a quotation mark is a character like any other: transcripts are full of them.

    Raises:
        InputError: naming the file and the line.
    """
    text = decode_utf8(data, name=name)
    if name.lower().endswith(".tsv"):
        for number, line in lines_of(text):
            if line.strip():
                yield TableRow(line=number, cells=tuple(line.split("\t")))
    else:
        yield from _csv_rows(text, name)


def _csv_rows(text: str, name: str) -> Sequence[TableRow]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    # The module's limit of 131,072 characters a cell is less than a long meeting's transcript.
    usual = csv.field_size_limit(max(len(text), csv.field_size_limit()))
    try:
        return [
            TableRow(line=reader.line_num, cells=tuple(cells))
            for cells in reader
            if any(cell.strip() for cell in cells)
        ]
    except csv.Error as error:
        raise InputError(f"{name}, line {reader.line_num}: not CSV ({error})") from error
    finally:
        csv.field_size_limit(usual)


def find_column(header: Sequence[str], known: Sequence[str]) -> int | None:
    """The position of the first column whose name is one of ``known``."""
    names = [cell.strip().lower() for cell in header]
    return next((names.index(name) for name in known if name in names), None)
