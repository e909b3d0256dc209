"""What people are told of a night: counts, scores and links; never a transcript or a name."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

from batch.config import ArchiveSection
from batch.report.lines import hours, score_lines

MAX_SUBJECT = 100  # characters, ASCII: SNS
MAX_BODY = 256 << 10  # bytes: SNS
_LABEL = 16
_QUOTED = re.compile(r"(?<!\w)'(?!nightscribe )[^']*'(?!\w)|\"[^\"]*\"")

State = Literal["ok", "attention", "late", "failed"]


@dataclass(frozen=True, kw_only=True)
class Message:
    """One message as SNS takes it."""

    subject: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Unfinished:
    """A run that the night did not finish."""

    run_id: str
    recordings: int
    outputs: int
    shards: int


@dataclass(frozen=True, kw_only=True)
class NightStory:
    """What a night came to; ``runs`` are the summaries of its finished runs, oldest first."""

    schedule: str
    date: date
    window: str
    timezone: str
    runs: Sequence[Mapping[str, Any]] = ()
    unfinished: Sequence[Unfinished] = ()
    failure: str | None = None
    """Why the night could not be done, in a sentence without names."""
    next_firing: datetime | None = None
    reports: Sequence[str] = ()
    transcripts: str = ""
    job: str | None = None

    @property
    def state(self) -> State:
        """The worst of what happened."""
        if self.failure:
            return "failed"
        if self.unfinished:
            return "late"
        return "attention" if self.problems else "ok"

    @property
    def problems(self) -> list[str]:
        """Thresholds of ``[report]`` that the night's last run passed."""
        return list(self.runs[-1]["thresholds_passed"]) if self.runs else []

    def total(self, key: str) -> float:
        """A count of all runs."""
        return float(sum(run[key] for run in self.runs))

    def counts(self, key: str) -> Counter[str]:
        """Named counts of all runs."""
        return sum((Counter(run[key]) for run in self.runs), Counter())


def summary_message(story: NightStory) -> Message:
    """The morning's message: the first line says whether all is well."""
    title = f"nightscribe {story.schedule} {story.date.isoformat()}"
    lines = [_headline(story), "", *_figures(story), *_work_left(story), "", *_links(story)]
    return _message(f"{title}: {_gist(story)}", lines)


def failed_message(story: NightStory) -> Message:
    """The message of a driver that ended with an error."""
    title = f"nightscribe {story.schedule} {story.date.isoformat()}"
    lines = [
        f"A driver of the night of {_day(story)} failed: {story.failure}",
        "",
        "The next firing of the window tries again; the morning's message says how it ended.",
        "",
        *_links(story),
    ]
    return _message(f"{title}: a driver FAILED", lines)


def discreet(sentence: str, archive: ArchiveSection) -> str:
    """The first line of a sentence without what might be a recording's name.

    What stands in quotation marks or below the archive goes; where something still ends like a
    recording, nothing is left of it but a hint where to look.
    """
    text = _QUOTED.sub("'…'", sentence.partition("\n")[0])
    text = re.sub(re.escape(archive.uri) + r".+?(?=: |; |$)", f"{archive.uri}…", text)
    endings = filter(None, (pattern.rpartition("*")[2] for pattern in archive.include))
    if any(re.search(re.escape(end) + r"(?!\w)", text, re.IGNORECASE) for end in endings):
        return "the sentence names a recording; 'nightscribe run' by hand shows it"
    return text


def console_link(region: str, page: str) -> str:
    """A page of SageMaker's console."""
    domain = "amazonaws.cn" if region.startswith("cn-") else "aws.amazon.com"
    return f"https://{region}.console.{domain}/sagemaker/home?region={region}#/{page}"


def _gist(story: NightStory) -> str:
    """The subject's end."""
    if story.state == "failed":
        return "FAILED"
    if story.state == "late":
        left = sum(run.recordings for run in story.unfinished)
        return f"LATE, {_some(left, 'recording')} unfinished"
    if story.state == "attention":
        return f"ATTENTION, {story.problems[0]}"
    if not story.runs:
        return "nothing new"
    rate = story.runs[-1]["scores"]["wer"]["rate"]
    wer = "" if rate is None else f", WER {rate:.2%}"
    errors = story.counts("statuses")["error"]
    failed = f", {_some(errors, 'error')}" if errors else ""
    return f"{_recordings(story)}{wer}{failed}"


def _headline(story: NightStory) -> str:
    night = f"the night of {_day(story)}"
    if story.state == "failed":
        return f"NOT well: {night} failed: {story.failure}"
    if story.state == "late":
        return f"LATE: {night} was not finished when its window closed."
    if story.state == "attention":
        return f"ATTENTION: {night} is done, but {'; '.join(story.problems)}."
    if not story.runs:
        return f"All is well: {night} had nothing new to transcribe."
    done = f"{_recordings(story)}, {_hours(story)} of sound"
    if not story.counts("statuses")["error"]:
        return f"All is well: {night} is done, {done}."
    kinds = ", ".join(f"{n} {kind}" for kind, n in sorted(story.counts("kinds").items()))
    return f"Done, with errors: {night} has {done}; without a transcript: {kinds}."


def _figures(story: NightStory) -> Iterator[str]:
    if not story.runs:
        return
    statuses = story.counts("statuses")
    named = ", ".join(f"{statuses[name]} {name}" for name in ("ok", "empty", "error"))
    kinds = ", ".join(f"{kind} {n}" for kind, n in sorted(story.counts("kinds").items()))
    recordings, rows = story.total("recordings"), story.total("rows")
    yield _line("recordings", f"{recordings:.0f} in {rows:.0f} rows: {named}")
    if kinds:
        yield _line("errors", kinds)
    yield _line("sound", _hours(story))
    yield from score_lines(story.runs[-1]["scores"])
    yield from _used(story)


def _used(story: NightStory) -> Iterator[str]:
    """Hours of machines, and dollars where each of them has a price."""
    used = [run["used"] for run in story.runs]
    kinds = sorted({kind for one in used for kind in one["prices"]})
    if not kinds:
        return
    yield _line(
        "machines", f"{sum(one['instance_hours'] for one in used):.2f} h of {', '.join(kinds)}"
    )
    dollars = [one["dollars"] for one in used]
    sources = sorted({price["source"] for one in used for price in one["prices"].values()})
    cost = "not known" if None in dollars else f"${sum(dollars):.2f}"
    yield _line("cost", f"{cost} ({'; '.join(sources)})")


def _work_left(story: NightStory) -> Iterator[str]:
    for run in story.unfinished:
        done = f"{run.outputs} of {run.shards} shards have their output"
        yield _line("unfinished", f"run {run.run_id}: {run.recordings} recordings, {done}")
    if story.next_firing and story.state in ("late", "failed"):
        yield _line("goes on", f"{story.next_firing:%a %d %b %Y %H:%M} ({story.timezone})")


def _links(story: NightStory) -> Iterator[str]:
    for run in story.runs:
        yield _line("run", run["run_id"])
    for report in story.reports:
        yield _line("report", report)
    yield _line("transcripts", story.transcripts)
    if story.job:
        yield _line("driver's log", story.job)
    yield _line("schedule", f"{story.schedule}, {story.window} {story.timezone}")


def _line(label: str, text: str) -> str:
    return f"{label:<{_LABEL}}{text}"


def _recordings(story: NightStory) -> str:
    return _some(round(story.total("recordings")), "recording")


def _some(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _hours(story: NightStory) -> str:
    return hours(story.total("audio_seconds"))


def _day(story: NightStory) -> str:
    return f"{story.date:%a %d %b %Y}"


def _message(subject: str, lines: Sequence[str]) -> Message:
    plain = "".join(one if one.isascii() and one.isprintable() else "?" for one in subject)
    body = ("\n".join(lines) + "\n").encode()[:MAX_BODY].decode("utf-8", "ignore")
    return Message(subject=plain[:MAX_SUBJECT], text=body)
