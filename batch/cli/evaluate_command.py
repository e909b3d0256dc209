"""``nightscribe evaluate``: the word error rate of any model on any labelled set."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from batch.cli.options import DEFAULT_CONFIG, json_option

if TYPE_CHECKING:
    from batch.fine_tuning.evaluating import Comparison
    from training.evaluating.scores import Evaluation
    from training.scoring import ErrorCounts
    from training.scoring.bootstrap import Difference, Interval

_SHOWN_SPEAKERS = 20
_SHOWN_FAILURES = 10
_LOG_SECONDS = 30.0


@click.command()
@click.argument("model")
@click.option(
    "--on",
    required=True,
    metavar="LABELS",
    help="Labelled recordings in any form; or train, validation, test, domain of the config.",
)
@click.option("--against", metavar="MODEL", help="Another model, for the paired difference.")
@click.option(
    "-c",
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    help=f"The configuration; {DEFAULT_CONFIG} where it is there.",
)
@click.option("--language", metavar="TAG", help="Language whose rules normalise the texts.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for figures and texts, worst utterances first.",
)
@json_option
def evaluate(
    model: str,
    *,
    on: str,
    against: str | None,
    config: Path | None,
    language: str | None,
    out: Path | None,
    as_json: bool,
) -> int:
    """WER and CER of MODEL on a labelled set, with intervals.

    MODEL is a folder, a bundle (model.tar.gz), an s3:// location or a hub name. Sound is decoded
    as in a run and texts are scored as in its report, by the configuration's [scoring]. The labels
    count as they stand: what a data check would quarantine is scored too. Texts are never printed;
    --out writes them to files.
    """
    from batch.cli.main import EXIT_FAILED
    from batch.fine_tuning.evaluating import compare, labelled_set

    default = Path(DEFAULT_CONFIG)
    config = config or (default if default.is_file() else None)
    labels = labelled_set(on, config=config, language=language)
    if out is not None:
        _make(out)
    with _progress() as on_progress:
        found = compare(model, labels, against=against, on_progress=on_progress)
    if out is not None:
        found.write(out)
    if as_json:
        click.echo(json.dumps(found.as_json(), ensure_ascii=False, indent=1))
    else:
        click.echo("\n".join(lines_of(found)))
        if out is not None:
            click.echo(f"details         {out}")
    return 0 if found.model.utterances else EXIT_FAILED


def _make(folder: Path) -> None:
    """Make the folder for the details before hours are spent on them."""
    from manifests.errors import InputError

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"--out {folder}: {error.strerror}") from error


def lines_of(found: Comparison) -> list[str]:
    """The figures for a terminal; coverage comes before every rate."""
    lines = [f"labels          {found.labels.name}", *_model_lines(found.model)]
    if found.against is not None:
        lines += ["", *_model_lines(found.against)]
        difference = found.difference
        if difference is not None:
            lines += ["", f"difference      {_difference(found, difference)}"]
    lines += ["", f"rules           {_rules(found.model)}"]
    return lines


def _model_lines(one: Evaluation) -> list[str]:
    total = one.total
    words, characters = one.intervals
    lines = [
        f"model           {one.model} ({one.model_digest}, on {one.device})",
        f"coverage        {_coverage(one)}",
        f"WER             {_rate(total.normalized)}{_bounds(words, one.unit)}{_counts(one)}",
        f"CER             {_rate(total.characters)}{_bounds(characters, one.unit)}",
        f"WER as written  {_rate(total.raw)}",
    ]
    if words.note:
        lines.append(f"interval        {words.note}")
    return [*lines, *_speakers(one), *_failures(one)]


def _coverage(one: Evaluation) -> str:
    from batch.report.lines import hours

    count = len(one.utterances)
    speakers = len(one.by_speaker)
    named = f", {speakers} speaker{'s' if speakers > 1 else ''}" if speakers else ""
    return (
        f"{count} of {count + len(one.failures)} utterances scored, {hours(one.seconds)}{named} "
        f"({one.empty} empty transcripts, {len(one.failures)} unreadable)"
    )


def _rate(counts: ErrorCounts) -> str:
    return "none" if counts.rate is None else f"{counts.rate:.2%}"


def _bounds(interval: Interval, unit: str) -> str:
    if interval.low is None or interval.high is None:
        return ""
    return (
        f"  ({interval.level:.0%} interval {interval.low:.2%} to {interval.high:.2%} over "
        f"{interval.blocks} {unit}s)"
    )


def _counts(one: Evaluation) -> str:
    counts = one.total.normalized
    return (
        f"  S {counts.substitutions}, D {counts.deletions}, I {counts.insertions}, "
        f"N {counts.reference_words} words"
    )


def _speakers(one: Evaluation) -> Iterator[str]:
    from training.evaluating.report import speaker_table

    rows = speaker_table(one)
    if len(rows) < 2:
        return
    rows.sort(key=lambda row: -(row["wer"] or 0.0))
    width = max(7, *(len(row["speaker"]) for row in rows[:_SHOWN_SPEAKERS]))
    yield f"{'speaker':<{width}}  utterances   words      WER      S      D      I"
    for row in rows[:_SHOWN_SPEAKERS]:
        rate = "none" if row["wer"] is None else f"{row['wer']:.2%}"
        yield (
            f"{row['speaker']:<{width}}  {row['utterances']:>10}{row['reference_words']:>8}"
            f"{rate:>9}{row['substitutions']:>7}{row['deletions']:>7}{row['insertions']:>7}"
        )
    if (more := len(rows) - _SHOWN_SPEAKERS) > 0:
        yield f"and {more} speakers with lower rates; --json or --out has them all"


def _failures(one: Evaluation) -> Iterator[str]:
    for failure in one.failures[:_SHOWN_FAILURES]:
        where = failure.utterance.source or failure.utterance.audio
        yield f"unreadable      {where}: {failure.kind}: {failure.message}"
    if (more := len(one.failures) - _SHOWN_FAILURES) > 0:
        yield f"unreadable      and {more} more; --json or --out has them all"


def _difference(found: Comparison, one: Difference) -> str:
    assert found.against is not None
    names = f"{found.model.model} minus {found.against.model}"
    if one.delta is None:
        return f"{names}: none, because nothing was said"
    text = f"{names}: {100 * one.delta:+.2f} points of WER"
    if one.low is not None and one.high is not None and one.p_worse is not None:
        text += (
            f" ({one.level:.0%} interval {100 * one.low:+.2f} to {100 * one.high:+.2f}, paired; "
            f"worse in {one.p_worse:.1%} of the draws)"
        )
    return text


def _rules(one: Evaluation) -> str:
    written = one.text_rules
    return (
        f"{one.rules}; as written: {written.case} case, punctuation {written.punctuation}, "
        f"numbers {written.numbers}"
    )


@contextmanager
def _progress() -> Iterator[Callable[[int, int], None]]:
    """A bar on a terminal, a line now and then in a log; both on standard error."""
    if not sys.stderr.isatty():
        yield _LogProgress()
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("transcribing", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


class _LogProgress:
    """Says how far it is, twice a minute at most."""

    def __init__(self) -> None:
        self._said = time.monotonic()

    def __call__(self, done: int, total: int) -> None:
        if time.monotonic() - self._said >= _LOG_SECONDS:
            self._said = time.monotonic()
            click.echo(f"transcribed {done} of {total} utterances", err=True)
