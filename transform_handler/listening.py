"""A recording as the model will hear it: read, cut into windows, and looked at before the model."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from manifests.pointers import Pointer
from transform_handler.allowed import AllowedPrefixes
from transform_handler.audio.crosstalk import crosstalk
from transform_handler.audio.decoder_process import OpenSound, SoundRequest
from transform_handler.audio.gate import Region, VoiceCheck, speech_regions
from transform_handler.audio.layout import SAMPLE_RATE, WindowLayout
from transform_handler.audio.levelling import levelled
from transform_handler.audio.levels import SoundMeter
from transform_handler.audio.pieces import Stretch, stretches_of, without
from transform_handler.audio.sound import Block
from transform_handler.audio.sound_facts import MixSeconds, SoundFacts
from transform_handler.audio.voice import load_voice_check
from transform_handler.audio.windows import Part, Window, cut, cut_as_planned
from transform_handler.engine.frames import Samples
from transform_handler.identity import DecodeSettings
from transform_handler.records import RecordingError
from transform_handler.staged_body import SoundSource

NO_GATE = "none"
"""The gate of a test that wants every sample heard."""


@dataclass(frozen=True, kw_only=True)
class Opened:
    """A recording that is being read; ``seconds`` is its length by its header."""

    channels: int
    seconds: float | None


@dataclass(frozen=True, kw_only=True)
class Passage:
    """A window of one channel: its stretches, those that are spoken with their sound.

    ``facts`` are those of what the window keeps, None where another part answers for it.
    """

    channel: int
    window: Window
    stretches: Sequence[tuple[Stretch, Samples | None]]
    facts: tuple[float, SoundFacts] | None


@dataclass(frozen=True, kw_only=True)
class Finished:
    """A recording that was read to its end, and how its channels were mixed."""

    mix: MixSeconds | None


Heard = Opened | Passage | Finished


class Listener:
    """Reads recordings for a model whose windows lie by ``layout``; safe on several threads."""

    def __init__(
        self,
        decoder: SoundSource,
        allowed: AllowedPrefixes,
        layout: WindowLayout,
        settings: DecodeSettings,
    ) -> None:
        self._decoder = decoder
        self._allowed = allowed
        self._layout = layout
        self._settings = settings
        self._own = threading.local()
        # The parts of a recording follow each other, and one that fails for good fails them all: a
        # file of zeros that was taken for a hundred hours is not searched a hundred times.
        self._refused: tuple[tuple[str, str | None], RecordingError] | None = None

    def read(self, pointer: Pointer) -> Iterator[Heard]:
        """A recording as it is decoded.

        Raises:
            RecordingError: it must not or cannot be read.
        """
        self._allowed.check(pointer.uri)
        version = pointer.uri, pointer.etag
        if self._refused is not None and self._refused[0] == version:
            raise self._refused[1]
        try:
            yield from self._read(pointer)
        except RecordingError as error:
            if error.kind.final and pointer.etag is not None:
                self._refused = version, error
            raise

    def _read(self, pointer: Pointer) -> Iterator[Heard]:
        part = Part.of(self._layout, offset=pointer.offset, duration=pointer.duration)
        with self._decoder.open(SoundRequest.of(pointer, part)) as sound:
            yield Opened(channels=sound.channels, seconds=sound.seconds)
            for window, samples, leaks in self._windows(sound, part):
                yield from self._passages(window, samples, leaks, pointer)
            yield Finished(mix=sound.mix())

    def _windows(
        self, sound: OpenSound, part: Part
    ) -> Iterator[tuple[Window, Block, Sequence[Sequence[Region]]]]:
        """Windows with their samples, and for each channel what in them is crosstalk."""
        if sound.planned is None:
            for window, samples in cut(sound.blocks, self._layout, part):
                yield window, samples, crosstalk(samples, start=window.start)
            return
        heard = cut_as_planned(sound.blocks, sound.planned, part.begin)
        for one, (window, samples) in zip(sound.planned, heard, strict=True):
            yield window, samples, [one.leaked]

    def _passages(
        self,
        window: Window,
        samples: Block,
        leaks: Sequence[Sequence[Region]],
        pointer: Pointer,
    ) -> Iterator[Passage]:
        answers = _answers_for(pointer, window)
        for channel, leaked in enumerate(leaks):
            own = np.ascontiguousarray(samples[:, channel])
            regions = without(self._regions(own), leaked)
            facts = _facts(window, own, regions) if answers else None
            heard = _silenced(own, leaked) if self._layout.whole else own
            yield Passage(
                channel=channel,
                window=window,
                stretches=self._stretches(window, heard, regions),
                facts=facts,
            )

    def _regions(self, samples: Samples) -> list[Region]:
        if self._settings.gate == NO_GATE:
            return [(0, len(samples))]
        floor = self._settings.silence_dbfs
        return speech_regions(samples, floor_dbfs=floor, voice=self._voice)

    @property
    def _voice(self) -> VoiceCheck | None:
        """The check of this thread: it serves one at a time."""
        if not hasattr(self._own, "voice"):
            self._own.voice = load_voice_check()
        voice: VoiceCheck | None = self._own.voice
        return voice

    def _stretches(
        self, window: Window, samples: Samples, regions: list[Region]
    ) -> list[tuple[Stretch, Samples | None]]:
        if self._layout.whole and regions:
            regions = [(0, len(samples))]
        as_it_is = self._layout.whole or self._settings.gate == NO_GATE
        heard = samples if as_it_is else levelled(samples, regions)
        return [
            (
                stretch,
                heard[stretch.start - window.start : stretch.end - window.start]
                if stretch.spoken
                else None,
            )
            for stretch in stretches_of(window, regions, self._layout)
        ]


def _silenced(samples: Samples, leaked: Sequence[Region]) -> Samples:
    """The samples without what is only another channel's, for a model that hears whole windows."""
    if not leaked:
        return samples
    quiet = samples.copy()
    for start, end in leaked:
        quiet[start:end] = 0
    return quiet


def _answers_for(pointer: Pointer, window: Window) -> bool:
    """Whether a window counts to this pointer: each one counts to one part of a recording."""
    begins, start = window.keep_start / SAMPLE_RATE, pointer.offset or 0.0
    end = math.inf if pointer.duration is None else start + pointer.duration
    return start <= begins < end


def _facts(window: Window, samples: Samples, regions: Sequence[Region]) -> tuple[float, SoundFacts]:
    first, last = window.keep_start - window.start, window.keep_end - window.start
    meter = SoundMeter()
    kept = [(max(start, first) - first, min(end, last) - first) for start, end in regions]
    meter.add(samples[first:last], [(start, end) for start, end in kept if start < end])
    return round((last - first) / SAMPLE_RATE, 3), meter.facts()
