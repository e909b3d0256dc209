"""sclite's ``.sys``: a line of percentages for each recording, their sum and their mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from batch.report.exports.sclite import Speaker, name_of, speakers, system_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from batch.report.model import Report

_PAGE = 80
_RATES = " Corr    Sub    Del    Ins    Err  S.Err "


def system_lines(report: Report) -> Iterator[str]:
    """The ``.sys`` file: a line of percentages for each recording, their sum and their mean."""
    values = np.array([_numbers(speaker) for speaker in speakers(report)]).reshape(-1, 8)
    name = max(7, max((len(name_of(row)) for row in report.scored), default=0)) + 1
    sentences, words = (len(f"{number:.0f}") for number in values[:, :2].sum(axis=0))
    layout = _Layout(widths=(name, max(5, sentences), max(6, words)))
    yield f"\n\n\n{'SYSTEM SUMMARY PERCENTAGES by SPEAKER'.center(_PAGE)}\n\n"
    yield layout.line(",", "-", ".")
    yield layout.boxed(system_of(report).center(layout.inner))
    yield layout.boxed("-" * layout.inner)
    yield layout.head()
    for speaker in speakers(report):
        yield layout.boxed(layout.rule)
        yield layout.speaker(speaker)
    yield from _totals(layout, report, values)
    yield layout.line("`", "-", "'")
    if (values[:, 1] == 0).any():
        yield "\n* No Reference words for this/these speaker(s).  Word counts supplied\n"
        yield "  rather than percents.\n+ Speaker(s) with no reference data is ignored\n"


def _numbers(speaker: Speaker) -> tuple[float, ...]:
    words = speaker.counts.reference_words
    return (speaker.sentences, words, *speaker.cells())


@dataclass(frozen=True, kw_only=True, slots=True)
class _Layout:
    widths: tuple[int, ...]

    @property
    def numbers(self) -> int:
        return self.widths[1] + self.widths[2] + 2

    @property
    def inner(self) -> int:
        return self.widths[0] + self.numbers + len(_RATES) + 2

    @property
    def rule(self) -> str:
        return f"{'-' * self.widths[0]}+{'-' * self.numbers}+{'-' * len(_RATES)}"

    @property
    def _indent(self) -> str:
        return " " * max(0, (_PAGE - self.inner - 2) // 2)

    def line(self, left: str, fill: str, right: str) -> str:
        return f"{self._indent}{left}{fill * self.inner}{right}\n"

    def boxed(self, text: str) -> str:
        return f"{self._indent}|{text}|\n"

    def head(self) -> str:
        middle = "# Snt # Wrd".rjust(self.numbers - 1)
        return self.boxed(f"{' SPKR':<{self.widths[0]}}|{middle} |{_RATES}")

    def row(self, name: str, sentences: str, words: str, rest: str) -> str:
        middle = f"{sentences:>{self.widths[1]}} {words:>{self.widths[2]}} "
        return self.boxed(f"{name:<{self.widths[0]}}|{middle}|{rest}")

    def speaker(self, speaker: Speaker, name: str | None = None) -> str:
        words, cells = speaker.counts.reference_words, speaker.cells()
        form = "{:5.1f} " if words else "{:5.0f}*"
        rest = " ".join([*(form.format(cell) for cell in cells[:5]), f"{cells[5]:5.1f} "])
        return self.row(name or f" {speaker.name}", str(speaker.sentences), str(words), rest)


def _totals(layout: _Layout, report: Report, values: np.ndarray) -> Iterator[str]:
    if not len(values):
        return
    whole = Speaker(
        name="Sum/Avg",
        sentences=int(values[:, 0].sum()),
        with_errors=sum(row.normalized.errors > 0 for row in report.scored),
        counts=report.normalized,
    )
    yield layout.boxed("=" * layout.inner)
    yield layout.speaker(whole)
    yield layout.boxed("=" * layout.inner)
    said = values[values[:, 1] > 0]
    flag = " " if len(said) == len(values) else "+"
    for name, function in (("Mean", np.mean), ("S.D.", _deviation), ("Median", np.median)):
        cells = [float(function(said[:, at])) if len(said) else 0.0 for at in range(2, 7)]
        rest = [f"{cell:5.1f}{flag}" for cell in cells]
        rest.append(f"{float(function(values[:, 7])):5.1f} ")
        sentences, words = (f"{float(function(values[:, at])):.1f}" for at in range(2))
        yield layout.row(name.center(layout.widths[0]), sentences, words, " ".join(rest))


def _deviation(values: np.ndarray) -> float:
    return float(values.std(ddof=1)) if len(values) > 1 else 0.0
