"""The worst places of a report: where errors crowd, with a little sound before and after."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from batch.report.alignment import word_errors

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from batch.report.alignment import WordError
    from batch.report.model import Report, ScoredRecording

CLIPS = "clips"
"""The folder beside the page that holds the sounds."""
BEFORE_SECONDS = 1.0
AFTER_SECONDS = 1.0
# Errors nearer than this are one place: a person hears them in one go.
JOINED_SECONDS = 1.5
# What is longer becomes several places; a single gap of lost speech is heard from its beginning.
LONGEST_SECONDS = 20.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """A stretch of one recording with errors in it; seconds from the recording's start."""

    recording: str
    run_id: str
    """Of the run that heard it: another one may have heard another version."""
    channel: int | None
    uri: str
    start: float
    end: float
    errors: int

    @property
    def name(self) -> str:
        """The clip's file name: the same place always has the same, and any id makes a safe one."""
        what = "\0".join(
            (self.recording, self.run_id, str(self.channel), f"{self.start:.3f}", f"{self.end:.3f}")
        )
        return f"{hashlib.sha256(what.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}.opus"


@dataclass(frozen=True, kw_only=True, slots=True)
class Clip:
    """A short sound beside the page.

    ``start`` and ``end`` are seconds of the recording, ``peaks`` its loudness over time, a
    character of Base64's alphabet (0 to 63) for each step.
    """

    name: str
    recording: str
    channel: int | None
    start: float
    end: float
    peaks: str


def worst_places(report: Report, *, most: int) -> list[Place]:
    """The places with most word errors, worst first, of recordings whose words have times.

    A merged reference of several channels is heard as their mix.
    """
    found = [
        place
        for row, aligned in zip(report.recordings, report.alignments, strict=True)
        if aligned and row.uri
        for place in _places(row, word_errors(aligned))
    ]
    found.sort(key=lambda place: (-place.errors, place.recording, place.channel or 0, place.start))
    return found[:most]


def _places(row: ScoredRecording, errors: Iterable[WordError]) -> Iterator[Place]:
    group: list[tuple[float, float]] = []
    for span in filter(None, map(_span, errors)):
        if group and _apart(group, span):
            yield _place(row, group)
            group = []
        group.append(span)
    if group:
        yield _place(row, group)


def _apart(group: Sequence[tuple[float, float]], span: tuple[float, float]) -> bool:
    """Whether a person would not hear a span in one go with those before it."""
    length = span[1] - group[0][0] + BEFORE_SECONDS + AFTER_SECONDS
    quiet = span[0] - max(end for _, end in group)
    return quiet > JOINED_SECONDS or (length > LONGEST_SECONDS and span != group[-1])


def _span(error: WordError) -> tuple[float, float] | None:
    """From when to when an error is heard; None where no word near it has a time."""
    times = [time for time in (error.start, error.end) if time is not None]
    return (min(times), max(times)) if times else None


def _place(row: ScoredRecording, spans: Sequence[tuple[float, float]]) -> Place:
    assert row.uri is not None
    start = max(0.0, spans[0][0] - BEFORE_SECONDS)
    end = min(max(end for _, end in spans) + AFTER_SECONDS, start + LONGEST_SECONDS)
    if row.duration is not None:
        end = min(end, row.duration)
    return Place(
        recording=row.id,
        run_id=row.run_id,
        channel=row.channel,
        uri=row.uri,
        start=round(start, 3),
        end=round(max(end, start), 3),
        errors=len(spans),
    )
