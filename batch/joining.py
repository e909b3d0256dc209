"""The answers for one recording into its rows: parts joined, one row a channel, or one error."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from batch.ledger import Result
from batch.outputs import Answer
from batch.plan import Plan
from manifests.pointers import Pointer
from manifests.recordings import path_as_text
from manifests.storage import Store
from transform_handler.audio.sound_facts import SoundFacts
from transform_handler.decoding.segments import segments_of
from transform_handler.records import (
    ErrorKind,
    RecordError,
    Segment,
    Status,
    TranscriptRecord,
)

_NO_FACTS: dict[str, Any] = dict.fromkeys(field.name for field in fields(SoundFacts))


@dataclass(frozen=True, kw_only=True)
class Rows:
    """What one recording puts into the tables."""

    transcripts: list[dict[str, Any]]
    segments: list[dict[str, Any]]
    result: Result


@dataclass(frozen=True, kw_only=True)
class Joiner:
    """Makes the rows of a run's recordings."""

    plan: Plan
    archive: Store
    now: datetime

    def rows(self, answers: Sequence[Answer]) -> Rows:
        """The rows of one recording from the answers for all of its parts."""
        pointer = answers[0].pointer
        problem = _problem(answers)
        if problem is not None:
            transcripts = [self._error_row(pointer, answers, problem)]
            return self._rows(pointer, transcripts, [], problem)
        transcripts, segments = [], []
        for channel in _channels(answers):
            found = _joined(answers, channel)
            transcripts.append(self._row(pointer, answers, channel, found))
            segments += [self._segment_row(pointer, segment) for segment in found]
        return self._rows(pointer, transcripts, segments, None)

    def _rows(
        self,
        pointer: Pointer,
        transcripts: list[dict[str, Any]],
        segments: list[dict[str, Any]],
        problem: RecordError | None,
    ) -> Rows:
        first = transcripts[0]
        spoken = any(row["status"] == Status.OK for row in transcripts)
        result = Result(
            id=pointer.id,
            path=first["path"],
            etag=pointer.etag,
            version=pointer.version,
            size=pointer.size,
            channels=pointer.channels,
            model_digest=self.plan.model_digest,
            decode_digest=self.plan.decode_digest,
            status=str(Status.OK if spoken else first["status"]),
            error_kind=None if problem is None else str(problem.kind),
            attempts=first["attempts"],
            duration=first["duration"],
            run_id=self.plan.run_id,
        )
        return Rows(transcripts=transcripts, segments=segments, result=result)

    def _base(self, pointer: Pointer) -> dict[str, Any]:
        path = path_as_text(self.archive.key_of(pointer.uri))
        return {"id": pointer.id, "uri": pointer.uri, "path": path, "run_id": self.plan.run_id}

    def _common(self, pointer: Pointer) -> dict[str, Any]:
        return {
            **self._base(pointer),
            "size": pointer.size,
            "etag": pointer.etag,
            "version": pointer.version,
            "language": pointer.language,
            "model": self.plan.model,
            "model_digest": self.plan.model_digest,
            "decode_digest": self.plan.decode_digest,
            "channel_mode": pointer.channels,
            "attempts": self.plan.attempts.get(pointer.id, 0) + 1,
            "transcribed_at": self.now,
            "meta": list(pointer.meta.items()),
        }

    def _error_row(
        self, pointer: Pointer, answers: Sequence[Answer], problem: RecordError
    ) -> dict[str, Any]:
        return {
            **self._common(pointer),
            "channel": None,
            "status": str(Status.ERROR),
            "error_kind": str(problem.kind),
            "error_message": problem.message,
            "duration": _duration(answers),
            "channels": None,
            "text": None,
            "confidence": None,
            "calibrated": None,
            **_NO_FACTS,
        }

    def _row(
        self,
        pointer: Pointer,
        answers: Sequence[Answer],
        channel: int | None,
        segments: Sequence[Segment],
    ) -> dict[str, Any]:
        words = [word for segment in segments for word in segment.words]
        return {
            **self._common(pointer),
            "channel": channel,
            "status": str(Status.OK if words else Status.EMPTY),
            "error_kind": None,
            "error_message": None,
            "duration": _duration(answers),
            "channels": answers[0].records[0].channels,
            "text": " ".join(segment.text for segment in segments),
            "confidence": round(sum(w.confidence for w in words) / len(words), 4)
            if words
            else None,
            "calibrated": _calibrated(answers, channel) if words else None,
            **_facts(answers, channel),
        }

    def _segment_row(self, pointer: Pointer, segment: Segment) -> dict[str, Any]:
        return {
            **self._base(pointer),
            "channel": segment.channel,
            "start": segment.start,
            "end": segment.end,
            "text": segment.text,
            "confidence": segment.confidence,
            "words": [vars(word) for word in segment.words],
            "flags": segment.flags,
        }


def _problem(answers: Sequence[Answer]) -> RecordError | None:
    """Why the recording has no transcript: a transcript with a hole would not say that it has."""
    for answer in answers:
        if not answer.records:
            return _no_output(answer)
        for record in answer.records:
            if record.error is not None:
                return record.error
    return None


def _no_output(answer: Answer) -> RecordError:
    """How often it was tried, and whether what happened can have been another recording's fault."""
    rounds = f"{answer.round} rounds" if answer.round > 1 else "1 round"
    company = f"with {answer.beside} others in its shard" if answer.beside else "alone in its shard"
    return RecordError(
        kind=ErrorKind.NOT_TRANSCRIBED,
        message=f"tried in {rounds} of this run without an output, at last {company}",
    )


def _channels(answers: Sequence[Answer]) -> list[int | None]:
    """The channels of the first part; every part of a recording has the same."""
    return [record.channel for record in answers[0].records]


def _joined(answers: Sequence[Answer], channel: int | None) -> Sequence[Segment]:
    records: list[TranscriptRecord] = [
        record for answer in answers for record in answer.records if record.channel == channel
    ]
    if len(records) == 1:
        return records[0].segments
    # Segments break at the parts' borders; the words do not, so segments are made anew.
    words = [word for record in records for word in record.words]
    return segments_of(words, channel=channel)


def _calibrated(answers: Sequence[Answer], channel: int | None) -> bool:
    records = (record for answer in answers for record in answer.records)
    return all(
        record.calibrated for record in records if record.channel == channel and record.words
    )


def _facts(answers: Sequence[Answer], channel: int | None) -> dict[str, Any]:
    """What is known of the channel's sound; of a record that an older handler wrote, nothing."""
    windows = [
        facts
        for answer in answers
        for record in answer.records
        if record.channel == channel
        for facts in record.sound
    ]
    return SoundFacts.joined(windows).to_json() if windows else _NO_FACTS


def _duration(answers: Sequence[Answer]) -> float | None:
    lengths = [record.duration for answer in answers for record in answer.records[:1]]
    known = [length for length in lengths if length is not None]
    return round(sum(known), 3) if known and len(known) == len(answers) else None
