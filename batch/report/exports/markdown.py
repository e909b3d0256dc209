"""A run in one message: Markdown for a chat or an e-mail, coverage first."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from batch.report.lines import golden_text, interval_text, orc_text
from batch.report.tables import costs_of, storable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from batch.report.model import Coverage, Report, ScoredRecording
    from training.scoring import ErrorCounts

WORST = 5
# What is markup, a link, a mention, an emoji or a formula somewhere in a line (CommonMark 0.31,
# section 2.4; GitHub's and chats' additions). No text from outside stands at the start of one.
_ACTIVE = re.compile(r"([\\`*_{}\[\]<>|~^$&@:#]|(?<=www)\.)", re.IGNORECASE)
# White space and controls, line ends among them; marks that turn the direction of what follows.
_BLANK = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_DIRECTION = re.compile(r"[\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069]")


def summary_markdown(report: Report, *, page: str) -> str:
    """Coverage, rates with their counts, the rules, the worst recordings and where the page lies.

    ``page`` is its URI. Text from outside is escaped: it is shown, and is neither markup, link,
    nor a new line.
    """
    return "\n".join(_lines(report, page)) + "\n"


def escaped(text: str) -> str:
    """Text as it is read in Markdown, on one line."""
    plain = _DIRECTION.sub("", _BLANK.sub(" ", storable(text) or ""))
    return _ACTIVE.sub(r"\\\1", plain).strip()


def _lines(report: Report, page: str) -> Iterator[str]:
    facts = report.facts
    yield f"## Transcripts of {escaped(facts.archive)}, night of {escaped(facts.dt)}"
    yield ""
    yield from _coverage(report.coverage)
    if report.scored:
        yield _rate("WER", report.normalized, "word")
        yield f"- **Interval**: {escaped(interval_text(report.interval.as_json()))}"
        yield _rate("WER as written", report.raw, "word")
        yield _rate("CER", report.characters, "character")
        if several := report.several_speakers:
            yield f"- **ORC-WER**: {escaped(orc_text(several.as_json()))}"
        yield from _places(report)
    if report.golden:
        yield f"- **Golden set**: {escaped(golden_text(report.golden.as_json()))}"
    yield ""
    if worst := _worst(report):
        yield from _table(worst)
        yield ""
    yield (
        f"Run {escaped(facts.run_id)}, model {escaped(facts.model_name)} "
        f"{escaped(facts.model_digest[:12])}."
    )
    if report.scored:
        yield (
            f"Rules: {escaped(facts.normalizer)}; {escaped(facts.aligner)} "
            f"({escaped(costs_of(facts))})."
        )
    yield f"Page: {escaped(page) if '`' in page else f'`{page}`'}"


def _coverage(coverage: Coverage) -> Iterator[str]:
    if not coverage.references:
        recordings = _counted(coverage.recordings, "recording")
        yield f"- **Coverage**: {recordings}, no references: nothing scored"
        return
    orphans = len(coverage.references_without_recording) + len(coverage.ambiguous)
    yield (
        f"- **Coverage**: {coverage.scored} of {coverage.references} references scored "
        f"({_percent(coverage.share)}); {_counted(coverage.empty, 'empty transcript')}, "
        f"{_counted(coverage.error, 'error')}, {coverage.missing} missing, "
        f"{orphans} not matched to one recording"
    )


def _rate(name: str, counts: ErrorCounts, unit: str) -> str:
    return (
        f"- **{name}**: {_percent(counts.rate)}, {_counted(counts.errors, 'error')} in "
        f"{_counted(counts.reference_words, unit)} (S {counts.substitutions}, "
        f"D {counts.deletions}, I {counts.insertions})"
    )


def _places(report: Report) -> Iterator[str]:
    places, budgets = report.places, report.confidence.budgets
    if (lost := places.lost).count:
        runs = _counted(lost.count, "run")
        yield f"- **Lost speech**: {_counted(lost.words, 'word')} in {runs} of five or more"
    if words := places.hallucinated.words:
        yield f"- **Made up where nobody speaks**: {_counted(words, 'word')}"
    for one in budgets:
        if one.share == 0.05:
            caught = _percent(one.caught / max(1, report.confidence.errors), 0)
            yield f"- **Review**: the least sure 5% of words hold {caught} of the errors"


def _worst(report: Report) -> list[ScoredRecording]:
    rows = [row for row in report.scored if row.normalized.errors]
    return sorted(rows, key=lambda row: (-row.normalized.errors, row.path))[:WORST]


def _table(rows: list[ScoredRecording]) -> Iterator[str]:
    yield "| Most errors | Errors | Words | WER |"
    yield "|---|--:|--:|--:|"
    for row in rows:
        counts = row.normalized
        channel = "" if row.channel is None else f" channel {row.channel}"
        yield (
            f"| {escaped(row.path)}{channel} | {counts.errors} | {counts.reference_words} "
            f"| {_percent(counts.rate)} |"
        )


def _percent(rate: float | None, digits: int = 1) -> str:
    return "–" if rate is None else f"{rate:.{digits}%}"


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
