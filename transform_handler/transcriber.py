"""One recording through windows, model and decoding into records; many share the batches."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Generic

from manifests.pointers import Pointer
from transform_handler.allowed import AllowedPrefixes
from transform_handler.audio.sound_facts import MixSeconds, SoundFacts
from transform_handler.audio.windows import heard_seconds
from transform_handler.decoding.segments import segments_of
from transform_handler.engine.batching import Batcher
from transform_handler.engine.interface import Engine, Scored
from transform_handler.identity import BundleCard
from transform_handler.listening import Finished, Heard, Listener, Opened, Passage
from transform_handler.read_ahead import ReadAhead
from transform_handler.records import (
    ErrorKind,
    RecordError,
    RecordingError,
    Status,
    TranscriptRecord,
    Word,
)
from transform_handler.staged_body import BodyFacts, BodySource, SoundSource
from transform_handler.stopwatch import Stopwatch
from transform_handler.tracks import Track


@dataclass(kw_only=True)
class _Listened(Generic[Scored]):
    """A recording, or a part of one, whose windows have gone to the model."""

    pointer: Pointer
    channels: int
    end: int
    tracks: list[Track[Scored]]
    sound: list[list[tuple[float, SoundFacts]]]
    mix: MixSeconds | None = None


@dataclass(frozen=True, kw_only=True)
class _Failure:
    """A pointer whose sound could not be transcribed."""

    pointer: Pointer
    error: RecordingError


@dataclass(frozen=True)
class _Scoring(Generic[Scored]):
    """Sends what was read to the model; one recording that fails costs no other."""

    engine: Engine[Scored]
    batcher: Batcher[Scored]
    deadline: float
    watch: Stopwatch

    def hear(self, pointer: Pointer, items: Iterator[Heard]) -> _Listened[Scored] | _Failure:
        """One recording, from its first window to its last."""
        try:
            _check_time(self.deadline)
            return self._listen(pointer, items)
        except RecordingError as error:
            return _Failure(pointer=pointer, error=error)
        except Exception as error:  # noqa: BLE001 - one recording, one record, whatever happens
            return _Failure(pointer=pointer, error=_internal(error))

    def _listen(self, pointer: Pointer, items: Iterator[Heard]) -> _Listened[Scored]:
        opened = next(items)
        assert isinstance(opened, Opened)
        count = opened.channels if pointer.channels == "split" else 1
        heard = _Listened(
            pointer=pointer,
            channels=opened.channels,
            end=0,
            tracks=[Track(self.engine, language=pointer.language) for _ in range(count)],
            sound=[[] for _ in range(count)],
        )
        for item in items:
            if isinstance(item, Passage):
                self._hear(item, heard, opened)
            elif isinstance(item, Finished):
                heard.mix = item.mix
        return heard

    def _hear(self, passage: Passage, heard: _Listened[Scored], opened: Opened) -> None:
        if passage.channel == 0:
            _check_time(self.deadline, seconds=opened.seconds)
        heard.end = max(heard.end, passage.window.end)
        if passage.facts is not None:
            heard.sound[passage.channel].append(passage.facts)
        with self.watch.stage("model"):
            self._score(passage, heard.tracks[passage.channel])

    def _score(self, passage: Passage, track: Track[Scored]) -> None:
        for stretch, samples in passage.stretches:
            if samples is None:
                track.pause(stretch)
            else:
                self.batcher.add(track.job(stretch, samples))


class Transcriber(Generic[Scored]):
    """Turns pointers into records, in order, one for each pointer and channel, whatever happens.

    ``readers`` recordings are decoded at a time, ahead of the model.
    """

    def __init__(
        self,
        engine: Engine[Scored],
        card: BundleCard,
        decoder: SoundSource,
        allowed: AllowedPrefixes,
        *,
        readers: int = 1,
    ) -> None:
        self._engine = engine
        self._card = card
        self._decoder = decoder
        self._readers = readers
        self._listener = Listener(decoder, allowed, engine.layout, card.decode)
        self._stamp: dict[str, Any] = {
            "calibrated": card.decode.calibrated,
            "model": {"name": card.name, "digest": card.model_digest},
            "decode": {**asdict(card.decode), "digest": card.decode_digest},
        }

    def reading(
        self, allowed: AllowedPrefixes, *, body: BodyFacts | None = None
    ) -> Transcriber[Scored]:
        """The same model for another list of prefixes; for the sound of a ``body`` if given."""
        decoder = self._decoder if body is None else BodySource(facts=body, decoder=self._decoder)
        return Transcriber(self._engine, self._card, decoder, allowed)

    def transcribe(self, pointers: list[Pointer], *, deadline: float) -> list[TranscriptRecord]:
        """Records for ``pointers``; after ``deadline`` (monotonic seconds) kind ``time_limit``."""
        batcher, watch = Batcher(engine=self._engine), Stopwatch()
        with ReadAhead(pointers, self._listener.read, readers=self._readers) as ahead:
            heard = []
            for number, pointer in enumerate(pointers):
                with ahead.items(number) as items:
                    scoring = _Scoring(self._engine, batcher, deadline, watch)
                    heard.append(scoring.hear(pointer, watch.waiting(items)))
            with watch.stage("model"):
                batcher.flush()
        with watch.stage("words"):
            records = [record for one in heard for record in self._answer(one)]
        sound = sum(record.duration or 0.0 for record in records if record.error is None)
        watch.report(records=len(records), sound_seconds=sound)
        return records

    def _answer(self, heard: _Listened[Scored] | _Failure) -> list[TranscriptRecord]:
        try:
            return list(self._records(heard))
        except Exception as error:  # noqa: BLE001 - one recording, one record, whatever happens
            return list(self._records(_Failure(pointer=heard.pointer, error=_internal(error))))

    def _records(self, heard: _Listened[Scored] | _Failure) -> Iterator[TranscriptRecord]:
        pointer = heard.pointer
        base: dict[str, Any] = {
            "id": pointer.id,
            "uri": pointer.uri,
            "offset": pointer.offset,
            "language": pointer.language,
            **self._stamp,
        }
        problem = _problem(heard)
        if problem is not None:
            error = RecordError(kind=problem.kind, message=problem.message)
            yield TranscriptRecord(
                **base, status=Status.ERROR, error=error, duration=problem.recording_seconds
            )
            return
        assert isinstance(heard, _Listened)
        for number, track in enumerate(heard.tracks):
            channel = number if pointer.channels == "split" else None
            segments = segments_of(_words(pointer, track), channel=channel)
            yield TranscriptRecord(
                **base,
                status=Status.OK if segments else Status.EMPTY,
                channel=channel,
                channels=heard.channels,
                duration=heard_seconds(heard.end, offset=pointer.offset, duration=pointer.duration),
                segments=segments,
                sound=tuple(heard.sound[number]),
                mix=heard.mix,
            )


def _words(pointer: Pointer, track: Track[Scored]) -> list[Word]:
    """The words that begin within the pointer's own stretch; parts then join without seams."""
    start = pointer.offset or 0.0
    end = math.inf if pointer.duration is None else start + pointer.duration
    return [word for word in track.words() if start <= word.start < end]


def _problem(heard: _Listened[Any] | _Failure) -> RecordingError | None:
    if isinstance(heard, _Failure):
        return heard.error
    failures = [track.failure for track in heard.tracks if track.failure is not None]
    if not failures:
        return None
    return failures[0] if isinstance(failures[0], RecordingError) else _internal(failures[0])


def _internal(error: Exception) -> RecordingError:
    # The type alone: a message may quote what must not be in a log.
    return RecordingError(ErrorKind.INTERNAL, f"the handler failed ({type(error).__name__})")


def _check_time(deadline: float, *, seconds: float | None = None) -> None:
    if time.monotonic() > deadline:
        raise RecordingError(
            ErrorKind.TIME_LIMIT,
            "the invocation's time budget was used up",
            recording_seconds=seconds,
        )
