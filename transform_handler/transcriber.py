"""One recording through windows, model and decoding into records; many share the batches."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Generic

import numpy as np

from manifests.pointers import Pointer
from transform_handler.allowed import AllowedPrefixes
from transform_handler.audio.decoder_process import SoundRequest
from transform_handler.audio.pieces import Region, Stretch, stretches_of
from transform_handler.audio.windows import Part, Window, cut, heard_seconds
from transform_handler.decoding.segments import segments_of
from transform_handler.engine.batching import Batcher
from transform_handler.engine.frames import Samples
from transform_handler.engine.interface import Engine, Scored
from transform_handler.identity import BundleCard
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

Gate = Callable[[Samples], Sequence[Region]]
"""Where in a window somebody may speak."""


@dataclass(frozen=True, kw_only=True)
class _Opened:
    """A recording that is being read; ``seconds`` is its length by its header."""

    channels: int
    seconds: float | None


@dataclass(frozen=True, kw_only=True)
class _Passage:
    """A window of one channel: its stretches, those that are spoken with their sound."""

    channel: int
    window: Window
    stretches: Sequence[tuple[Stretch, Samples | None]]


@dataclass(kw_only=True)
class _Heard(Generic[Scored]):
    """A recording, or a part of one, whose windows have gone to the model."""

    pointer: Pointer
    channels: int
    end: int
    tracks: list[Track[Scored]]


@dataclass(frozen=True, kw_only=True)
class _Failure:
    """A pointer whose sound could not be transcribed."""

    pointer: Pointer
    error: RecordingError


@dataclass(frozen=True)
class _Listener(Generic[Scored]):
    """Sends what was read to the model; one recording that fails costs no other."""

    engine: Engine[Scored]
    batcher: Batcher[Scored]
    deadline: float
    watch: Stopwatch

    def hear(
        self, pointer: Pointer, items: Iterator[_Opened | _Passage]
    ) -> _Heard[Scored] | _Failure:
        """One recording, from its first window to its last."""
        try:
            _check_time(self.deadline)
            return self._listen(pointer, items)
        except RecordingError as error:
            return _Failure(pointer=pointer, error=error)
        except Exception as error:  # noqa: BLE001 - one recording, one record, whatever happens
            return _Failure(pointer=pointer, error=_internal(error))

    def _listen(self, pointer: Pointer, items: Iterator[_Opened | _Passage]) -> _Heard[Scored]:
        opened = next(items)
        assert isinstance(opened, _Opened)
        count = opened.channels if pointer.channels == "split" else 1
        tracks = [Track(self.engine, language=pointer.language) for _ in range(count)]
        end = 0
        for passage in items:
            assert isinstance(passage, _Passage)
            if passage.channel == 0:
                _check_time(self.deadline, seconds=opened.seconds)
            end = max(end, passage.window.end)
            with self.watch.stage("model"):
                self._score(passage, tracks[passage.channel])
        return _Heard(pointer=pointer, channels=opened.channels, end=end, tracks=tracks)

    def _score(self, passage: _Passage, track: Track[Scored]) -> None:
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
        self._allowed = allowed
        self._engine = engine
        self._card = card
        self._decoder = decoder
        self._readers = readers
        self._gate = _level_gate(10 ** (card.decode.silence_dbfs / 20))
        self._stamp: dict[str, Any] = {
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
        with ReadAhead(pointers, self._read, readers=self._readers) as ahead:
            heard = []
            for number, pointer in enumerate(pointers):
                with ahead.items(number) as items:
                    listener = _Listener(self._engine, batcher, deadline, watch)
                    heard.append(listener.hear(pointer, watch.waiting(items)))
            with watch.stage("model"):
                batcher.flush()
        with watch.stage("words"):
            records = [record for one in heard for record in self._answer(one)]
        sound = sum(record.duration or 0.0 for record in records if record.error is None)
        watch.report(records=len(records), sound_seconds=sound)
        return records

    def _read(self, pointer: Pointer) -> Iterator[_Opened | _Passage]:
        """Decode a recording, and look at its windows before the model does."""
        self._allowed.check(pointer.uri)
        layout = self._engine.layout
        part = Part.of(layout, offset=pointer.offset, duration=pointer.duration)
        with self._decoder.open(SoundRequest.of(pointer, part)) as sound:
            yield _Opened(channels=sound.channels, seconds=sound.seconds)
            for window, samples in cut(sound.blocks, layout, part):
                for channel in range(samples.shape[1]):
                    yield self._passage(window, channel, np.ascontiguousarray(samples[:, channel]))

    def _passage(self, window: Window, channel: int, samples: Samples) -> _Passage:
        stretches = [
            (
                stretch,
                samples[stretch.start - window.start : stretch.end - window.start]
                if stretch.spoken
                else None,
            )
            for stretch in stretches_of(window, self._gate(samples), self._engine.layout)
        ]
        return _Passage(channel=channel, window=window, stretches=stretches)

    def _answer(self, heard: _Heard[Scored] | _Failure) -> list[TranscriptRecord]:
        try:
            return list(self._records(heard))
        except Exception as error:  # noqa: BLE001 - one recording, one record, whatever happens
            return list(self._records(_Failure(pointer=heard.pointer, error=_internal(error))))

    def _records(self, heard: _Heard[Scored] | _Failure) -> Iterator[TranscriptRecord]:
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
        assert isinstance(heard, _Heard)
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
            )


def _words(pointer: Pointer, track: Track[Scored]) -> list[Word]:
    """The words that begin within the pointer's own stretch; parts then join without seams."""
    start = pointer.offset or 0.0
    end = math.inf if pointer.duration is None else start + pointer.duration
    return [word for word in track.words() if start <= word.start < end]


def _level_gate(floor: float) -> Gate:
    """Speech is whatever is not silence from end to end."""

    def gate(samples: Samples) -> Sequence[Region]:
        loud = len(samples) and float(np.abs(samples).max()) >= floor
        return [(0, len(samples))] if loud else []

    return gate


def _problem(heard: _Heard[Any] | _Failure) -> RecordingError | None:
    if isinstance(heard, _Failure):
        return heard.error
    failures = [track.failure for track in heard.tracks if track.failure is not None]
    return _internal(failures[0]) if failures else None


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
