"""One recording through windows, model and decoding into records; many share the batches."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from manifests.pointers import Pointer
from transform_handler.allowed import AllowedPrefixes
from transform_handler.audio.decoder_process import SoundRequest
from transform_handler.audio.reading import SAMPLE_RATE
from transform_handler.audio.windows import Part, Window, WindowGrid, cut, heard_seconds
from transform_handler.decoding.greedy import decode_words
from transform_handler.decoding.segments import segments_of
from transform_handler.engine.batching import Batcher, Job
from transform_handler.engine.ctc_engine import CtcEngine
from transform_handler.engine.frames import FrameScores, Samples
from transform_handler.identity import BundleCard
from transform_handler.records import (
    ErrorKind,
    RecordError,
    RecordingError,
    Status,
    TranscriptRecord,
    Word,
)
from transform_handler.staged_body import BodyFacts, BodySource, SoundSource

# Shorter than the receptive field of some models, which then fail, and than any word.
SHORTEST_SAMPLES = SAMPLE_RATE // 10


@dataclass(kw_only=True)
class _Channel:
    """The frames of one channel so far, by window."""

    windows: dict[int, FrameScores] = field(default_factory=dict)
    failure: Exception | None = None

    def fail(self, error: Exception) -> None:
        """Remember that the model could not score a window: the transcript would have a hole."""
        self.failure = error

    def keep(self, window: Window, scores: FrameScores | None, *, hop: int, fill: int) -> None:
        """Store the frames that the window owns; ``fill`` is the id of what was not scored."""
        size = math.ceil((window.keep_end - window.keep_start) / hop)
        ids = np.full(size, fill, dtype=np.int32)
        best = np.zeros(size, dtype=np.float32)
        if scores is not None:
            skipped = (window.keep_start - window.start) // hop
            owned = slice(skipped, skipped + size)
            found = len(scores.ids[owned])
            ids[:found] = scores.ids[owned]
            best[:found] = scores.log_probabilities[owned]
        self.windows[window.index] = FrameScores(ids=ids, log_probabilities=best)

    def joined(self) -> FrameScores:
        """All frames in order."""
        ordered = [self.windows[index] for index in sorted(self.windows)]
        return FrameScores(
            ids=np.concatenate([frames.ids for frames in ordered]),
            log_probabilities=np.concatenate([frames.log_probabilities for frames in ordered]),
        )


@dataclass(kw_only=True)
class _Heard:
    """A recording, or a part of one, whose windows have gone to the model."""

    pointer: Pointer
    channels: int
    end: int
    streams: list[_Channel]


@dataclass(frozen=True, kw_only=True)
class _Failure:
    """A pointer whose sound could not be transcribed."""

    pointer: Pointer
    error: RecordingError


class Transcriber:
    """Turns pointers into records, in order, one for each pointer and channel, whatever happens."""

    def __init__(
        self,
        engine: CtcEngine,
        card: BundleCard,
        decoder: SoundSource,
        allowed: AllowedPrefixes,
    ) -> None:
        self._allowed = allowed
        self._engine = engine
        self._card = card
        self._decoder = decoder
        self._grid = WindowGrid(hop=engine.hop)
        self._floor = 10 ** (card.decode.silence_dbfs / 20)
        self._stamp: dict[str, Any] = {
            "model": {"name": card.name, "digest": card.model_digest},
            "decode": {**asdict(card.decode), "digest": card.decode_digest},
        }

    def reading(self, allowed: AllowedPrefixes, *, body: BodyFacts | None = None) -> Transcriber:
        """The same model for another list of prefixes; for the sound of a ``body`` if given."""
        decoder = self._decoder if body is None else BodySource(facts=body, decoder=self._decoder)
        return Transcriber(self._engine, self._card, decoder, allowed)

    def transcribe(self, pointers: list[Pointer], *, deadline: float) -> list[TranscriptRecord]:
        """Records for ``pointers``; after ``deadline`` (monotonic seconds) kind ``time_limit``."""
        batcher = Batcher(engine=self._engine)
        heard = [self._hear(pointer, batcher, deadline) for pointer in pointers]
        batcher.flush()
        return [record for one in heard for record in self._answer(one)]

    def _hear(
        self, pointer: Pointer, batcher: Batcher[FrameScores], deadline: float
    ) -> _Heard | _Failure:
        try:
            return self._listen(pointer, batcher, deadline)
        except RecordingError as error:
            return _Failure(pointer=pointer, error=error)
        except Exception as error:  # noqa: BLE001 - one recording, one record, whatever happens
            return _Failure(pointer=pointer, error=_internal(error))

    def _listen(self, pointer: Pointer, batcher: Batcher[FrameScores], deadline: float) -> _Heard:
        _check_time(deadline)
        self._allowed.check(pointer.uri)
        part = Part.of(self._grid, offset=pointer.offset, duration=pointer.duration)
        with self._decoder.open(SoundRequest.of(pointer, part)) as sound:
            count = sound.channels if pointer.channels == "split" else 1
            streams = [_Channel() for _ in range(count)]
            end = part.begin
            for window, samples in cut(sound.blocks, self._grid, part):
                _check_time(deadline, seconds=sound.seconds)
                end = max(end, window.end)
                for number, stream in enumerate(streams):
                    self._score(stream, window, samples[:, number], batcher)
        return _Heard(pointer=pointer, channels=sound.channels, end=end, streams=streams)

    def _score(
        self, stream: _Channel, window: Window, samples: Samples, batcher: Batcher[FrameScores]
    ) -> None:
        hop, alphabet = self._engine.hop, self._engine.alphabet
        if len(samples) < SHORTEST_SAMPLES or float(np.abs(samples).max()) < self._floor:
            # Silence parts words; blanks would join what was said before it and after.
            fill = alphabet.blank if alphabet.delimiter is None else alphabet.delimiter
            stream.keep(window, None, hop=hop, fill=fill)
            return
        batcher.add(
            Job(
                samples=np.ascontiguousarray(samples),
                done=lambda scores: stream.keep(window, scores, hop=hop, fill=alphabet.blank),
                failed=stream.fail,
            )
        )

    def _answer(self, heard: _Heard | _Failure) -> list[TranscriptRecord]:
        try:
            return list(self._records(heard))
        except Exception as error:  # noqa: BLE001 - one recording, one record, whatever happens
            return list(self._records(_Failure(pointer=heard.pointer, error=_internal(error))))

    def _records(self, heard: _Heard | _Failure) -> Iterator[TranscriptRecord]:
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
        for number, stream in enumerate(heard.streams):
            channel = number if pointer.channels == "split" else None
            segments = segments_of(self._words(heard, stream), channel=channel)
            yield TranscriptRecord(
                **base,
                status=Status.OK if segments else Status.EMPTY,
                channel=channel,
                channels=heard.channels,
                duration=heard_seconds(heard.end, offset=pointer.offset, duration=pointer.duration),
                segments=segments,
            )

    def _words(self, heard: _Heard, stream: _Channel) -> list[Word]:
        """The words that begin within the pointer's own stretch; parts then join without seams."""
        if not stream.windows:
            return []
        frames = stream.joined()
        words = decode_words(
            frames.ids,
            frames.log_probabilities,
            self._engine.alphabet,
            seconds_per_frame=self._engine.seconds_per_frame,
            first_frame=min(stream.windows) * self._grid.step // self._engine.hop,
        )
        start = heard.pointer.offset or 0.0
        end = math.inf if heard.pointer.duration is None else start + heard.pointer.duration
        return [word for word in words if start <= word.start < end]


def _problem(heard: _Heard | _Failure) -> RecordingError | None:
    if isinstance(heard, _Failure):
        return heard.error
    failures = [stream.failure for stream in heard.streams if stream.failure is not None]
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
