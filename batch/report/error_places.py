"""Where errors live: one pass over the alignments of a report, in bounded memory."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from batch.report.findings.joins import JoinRates, JoinTally
from batch.report.findings.listed import Collector, Listed
from batch.report.findings.lost import LostSpeech, lost_speech
from batch.report.findings.positions import Positions, PositionTally
from batch.report.findings.repetitions import Repetition, repetitions
from batch.report.findings.suspects import Suspect, suspects
from batch.report.findings.timeline import step_seconds

if TYPE_CHECKING:
    from batch.report.alignment import AlignedRecording
    from batch.report.model import Report, ScoredRecording
    from training.scoring import Normalizer


@dataclass(frozen=True, kw_only=True, slots=True)
class Hallucination:
    """Words that a model wrote for a recording whose reference says that nobody speaks."""

    recording: int
    words: int
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ErrorPlaces:
    """What was found; ``recording`` in each finding is its place in ``report.recordings``.

    ``joins`` is None where it is not known how any recording was cut, ``sure`` where too few
    words have a confidence (nothing is suspected then). ``silent`` recordings have a reference
    without words. ``compared`` says whether a second run's transcripts were at hand.
    """

    lost: Listed[LostSpeech]
    positions: Positions
    joins: JoinRates | None
    repeated: Listed[Repetition]
    silent: int
    hallucinated: Listed[Hallucination]
    suspected: Listed[Suspect]
    sure: float | None
    compared: bool

    def as_json(self, report: Report) -> dict[str, Any]:
        """The findings as plain values, each with the id, path and channel of its recording."""
        rows = report.recordings
        named = {
            name: _named(getattr(self, name), rows)
            for name in ("lost", "repeated", "hallucinated", "suspected")
        }
        return {
            **named,
            "positions": asdict(self.positions),
            "joins": asdict(self.joins) if self.joins else None,
            "silent_references": self.silent,
            "suspected_from_confidence": self.sure,
            "second_run": self.compared,
        }


def error_places(report: Report) -> ErrorPlaces:
    """Walk through the scored recordings of a report, each of which is aligned once.

    Raises:
        ValueError: this installation lacks the normaliser that the run was scored with.
    """
    walk = _Walk(report)
    for index, (row, aligned) in enumerate(zip(report.recordings, report.alignments, strict=True)):
        if aligned is not None:
            walk.visit(index, row, aligned)
    return walk.found()


class _Walk:
    """The tallies of one pass."""

    def __init__(self, report: Report) -> None:
        self._facts = report.facts
        self._second = report.second
        self._sure = report.confidence.sure
        self._normalizer: Normalizer | None = (
            report.facts.rule if report.second and report.scored else None
        )
        self._positions = PositionTally()
        self._joins = JoinTally(report.facts.joins) if report.facts.joins else None
        self._lost = Collector[LostSpeech](lambda one: (one.words,))
        self._repeated = Collector[Repetition](lambda one: (one.words,))
        self._hallucinated = Collector[Hallucination](lambda one: (one.words,))
        self._suspected = Collector[Suspect](lambda one: (one.words, one.confidence))
        self._silent = 0

    def visit(self, index: int, row: ScoredRecording, aligned: AlignedRecording) -> None:
        """Count one recording."""
        if not aligned.reference:
            self._silence(index, aligned)
        seconds = step_seconds(aligned, row.duration)
        self._positions.add(aligned.steps, seconds, row.duration)
        if self._joins:
            if row.decode_digest == self._facts.decode_digest:
                self._joins.add(aligned.steps, seconds, row.duration, meeting=row.meeting)
            else:
                self._joins.unknown()
        for lost in lost_speech(index, aligned, row.duration):
            self._lost.add(lost, words=lost.words)
        for repeated in repetitions(index, aligned):
            self._repeated.add(repeated, words=repeated.words)
        if aligned.reference:
            self._suspect(index, row, aligned)

    def _silence(self, index: int, aligned: AlignedRecording) -> None:
        self._silent += 1
        if words := len(aligned.hypothesis):
            text = " ".join(
                aligned.hypothesis.written(at) for at in range(min(words, _SHOWN_WORDS))
            )
            self._hallucinated.add(
                Hallucination(recording=index, words=words, text=text), words=words
            )

    def _suspect(self, index: int, row: ScoredRecording, aligned: AlignedRecording) -> None:
        if self._sure is None:
            return
        found = suspects(
            index,
            aligned,
            sure=self._sure,
            second=self._second.get((row.id, row.channel)) if self._second else None,
            normalizer=self._normalizer,
        )
        for one in found:
            self._suspected.add(one, words=one.words)

    def found(self) -> ErrorPlaces:
        """What was counted."""
        return ErrorPlaces(
            lost=self._lost.listed(),
            positions=self._positions.positions(),
            joins=self._joins.rates() if self._joins else None,
            repeated=self._repeated.listed(),
            silent=self._silent,
            hallucinated=self._hallucinated.listed(),
            suspected=self._suspected.listed(),
            sure=self._sure,
            compared=self._second is not None,
        )


_SHOWN_WORDS = 30


def _named(listed: Listed[Any], rows: tuple[ScoredRecording, ...]) -> dict[str, Any]:
    plain = listed.as_json()
    for item in plain["items"]:
        row = rows[item.pop("recording")]
        item.update(id=row.id, path=row.path, channel=row.channel)
    return plain
