"""Writes what lies beside the page, a piece at a time: nothing is held whole in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batch.report.exports.csv_files import csv_lines
from batch.report.exports.markdown import summary_markdown
from batch.report.exports.sclite import system_of
from batch.report.exports.sclite_alignments import alignment_lines
from batch.report.exports.sclite_details import detail_lines
from batch.report.exports.sclite_system import system_lines
from manifests.scratch import scratch_folder

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    import pyarrow as pa

    from batch.report.model import Report
    from manifests.storage import Store

_BOM = "\ufeff"
"""Without it Excel takes UTF-8 for the machine's old code page."""


def write_exports(
    output: Store, folder: str, report: Report, tables: Mapping[str, pa.Table]
) -> None:
    """Write ``tables`` as CSV, the summary as Markdown, and the scores in sclite's forms.

    ``folder`` is the key of the report's folder and ends with a slash.

    Raises:
        StoreError: the output cannot be written.
    """
    page = output.uri_of(f"{folder}report.html")
    for name, pieces in _files(report, tables, page):
        with scratch_folder("export") as scratch:
            path = scratch / "export"
            with path.open("wb") as file:
                for piece in pieces:
                    file.write(piece.encode("utf-8", "backslashreplace"))
            output.put(f"{folder}{name}", path)


def _files(
    report: Report, tables: Mapping[str, pa.Table], page: str
) -> Iterator[tuple[str, Iterable[str]]]:
    for name, table in tables.items():
        yield f"{name}.csv", _with_mark(csv_lines(table))
    yield "summary.md", [summary_markdown(report, page=page)]
    if report.scored:
        run = system_of(report)
        yield f"sclite/{run}.pra", alignment_lines(report)
        yield f"sclite/{run}.dtl", detail_lines(report)
        yield f"sclite/{run}.sys", system_lines(report)


def _with_mark(pieces: Iterator[str]) -> Iterator[str]:
    yield _BOM
    yield from pieces
