"""What there is to know about the sound of labelled speech, measured in one pass over it.

Sound is decoded as the handler decodes it, as a stream: a recording of ten hours takes no more
memory than one of ten seconds, and one that is cut into a thousand utterances is read once.
"""

from __future__ import annotations

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from manifests.errors import NightscribeError, ObjectNotFoundError
from training.checks.faults import Kind
from transform_handler.audio.layout import SAMPLE_RATE
from transform_handler.audio.reading import ChannelMode, open_decoder, stream
from transform_handler.records import RecordingError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from manifests.labels import LabelledUtterance

    Samples = npt.NDArray[np.float32]

FRAME_SAMPLES = 320
# Speech is within this of the loud frames of its utterance; pauses and room noise are below.
_SPEECH_RANGE_DB = 35.0
# A click is shorter than this, and no word is.
_LOUD_FRAMES = 5
# Full scale less what a resampler and a lossy codec leave of a flat top.
_FULL_SCALE = 32_440
_FLOOR = 1e-12


@dataclass(frozen=True, kw_only=True)
class SoundFacts:
    """What was measured of one utterance's sound."""

    samples: int
    """At 16 kHz."""
    level_dbfs: float
    """The level that its loudest tenth of a second reaches, in frames of 20 ms; full scale is 0."""
    speech_seconds: float
    """Seconds within 35 dB of that level: without the pauses."""
    clipped_share: float
    digest: str
    """Of the decoded samples at 16 bits: the same sound in another lossless file has the same."""

    @property
    def seconds(self) -> float:
        return self.samples / SAMPLE_RATE


@dataclass(frozen=True, kw_only=True)
class Unheard:
    """Why a sound could not be measured."""

    kind: Kind
    reason: str


Heard = SoundFacts | Unheard


class _Meter:
    """Measures one stretch of a stream; `add` takes its samples in order, shape (n,)."""

    def __init__(self, first: int, last: int | None) -> None:
        self.first, self.last = first, last
        self._samples = 0
        self._clipped = 0
        self._digest = hashlib.blake2b(digest_size=16)
        self._rest: Samples = np.zeros(0, np.float32)
        self._powers: list[Samples] = []

    def take(self, block: Samples, position: int) -> None:
        """Add what a block that begins at `position` holds of the stretch."""
        begin = max(0, self.first - position)
        end = len(block) if self.last is None else max(0, self.last - position)
        if begin < min(end, len(block)):
            self._add(block[begin:end])

    def _add(self, sound: Samples) -> None:
        whole = np.rint(np.clip(sound, -1, 1) * 32_767).astype("<i2")
        self._digest.update(whole.tobytes())
        self._samples += len(sound)
        self._clipped += int(np.count_nonzero(np.abs(whole) >= _FULL_SCALE))
        held = np.concatenate([self._rest, sound]) if len(self._rest) else sound
        full = len(held) - len(held) % FRAME_SAMPLES
        frames = held[:full].reshape(-1, FRAME_SAMPLES)
        self._powers.append(np.mean(frames**2, axis=1))
        self._rest = held[full:].copy()

    def facts(self) -> SoundFacts:
        rest = [np.mean(self._rest**2, keepdims=True)] if len(self._rest) else []
        powers = np.concatenate([*self._powers, *rest]) if self._samples else np.zeros(1)
        levels = 10 * np.log10(np.maximum(powers, _FLOOR))
        rank = max(0, len(levels) - _LOUD_FRAMES)
        loud = float(np.partition(levels, rank)[rank])
        speech = int(np.sum(levels >= loud - _SPEECH_RANGE_DB)) * FRAME_SAMPLES
        return SoundFacts(
            samples=self._samples,
            level_dbfs=round(loud, 1),
            speech_seconds=min(speech, self._samples) / SAMPLE_RATE,
            clipped_share=self._clipped / max(1, self._samples),
            digest=self._digest.hexdigest(),
        )


def measure(
    utterances: Sequence[LabelledUtterance],
    *,
    threads: int | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> list[Heard]:
    """Measure each utterance's sound, in order; several recordings at a time.

    `on_progress` is called with the utterances done and their number, on the calling thread.
    """
    groups: dict[tuple[str, bool], list[int]] = {}
    for index, utterance in enumerate(utterances):
        groups.setdefault((utterance.audio, utterance.channel is None), []).append(index)
    heard: dict[int, Heard] = {}
    pool = ThreadPoolExecutor(threads or min(8, os.cpu_count() or 1))
    try:
        jobs = {
            pool.submit(_of_one_recording, [utterances[i] for i in indices]): indices
            for indices in groups.values()
        }
        for job in as_completed(jobs):
            heard.update(zip(jobs[job], job.result(), strict=True))
            if on_progress is not None:
                on_progress(len(heard), len(utterances))
    finally:
        pool.shutdown(cancel_futures=True)
    return [heard[index] for index in range(len(utterances))]


def _of_one_recording(utterances: Sequence[LabelledUtterance]) -> list[Heard]:
    """The facts of stretches of one recording, all of its mix or all of its channels."""
    meters = [_Meter(*_bounds(utterance)) for utterance in utterances]
    ended: Unheard | None = None
    position, channels = 0, 0
    try:
        with utterances[0].open() as file, open_decoder(file) as decoder:
            channels = decoder.info.channels
            offset, duration = _span(utterances)
            position = round(offset * SAMPLE_RATE)
            stretches = _Stretches(utterances, meters)
            mode: ChannelMode = "mix" if utterances[0].channel is None else "split"
            for block in stream(decoder, mode=mode, offset=offset, duration=duration):
                stretches.take(block, position)
                position += len(block)
    except ObjectNotFoundError as error:
        ended = Unheard(kind=Kind.MISSING_AUDIO, reason=str(error))
    except (RecordingError, NightscribeError) as error:
        ended = Unheard(kind=Kind.UNREADABLE_AUDIO, reason=str(error))
    return [
        _heard(utterance, meter, position, channels, ended)
        for utterance, meter in zip(utterances, meters, strict=True)
    ]


def _bounds(utterance: LabelledUtterance) -> tuple[int, int | None]:
    """First sample and one past the last, counted as ``reading.stream`` does."""
    first = round(utterance.offset * SAMPLE_RATE)
    if utterance.duration is None:
        return first, None
    return first, first + round(utterance.duration * SAMPLE_RATE)


def _span(utterances: Sequence[LabelledUtterance]) -> tuple[float, float | None]:
    """Offset and duration in seconds of the shortest stretch that holds all of them."""
    offset = min(utterance.offset for utterance in utterances)
    ends = [None if u.duration is None else u.offset + u.duration for u in utterances]
    known = [end for end in ends if end is not None]
    if len(known) < len(ends):
        return offset, None
    # A sample more than rounding can take away.
    return offset, max(known) - offset + 1 / SAMPLE_RATE


class _Stretches:
    """Hands blocks to the stretches that they reach into: a long recording has thousands."""

    def __init__(self, utterances: Sequence[LabelledUtterance], meters: Sequence[_Meter]) -> None:
        pairs = zip((utterance.channel or 0 for utterance in utterances), meters, strict=True)
        self._ahead = sorted(pairs, key=lambda pair: -pair[1].first)
        self._here: list[tuple[int, _Meter]] = []

    def take(self, block: Samples, position: int) -> None:
        """The next block, shape (n, n_channels), which begins at `position`."""
        end = position + len(block)
        while self._ahead and self._ahead[-1][1].first < end:
            self._here.append(self._ahead.pop())
        for channel, meter in self._here:
            if 0 <= channel < block.shape[1]:
                meter.take(block[:, channel], position)
        self._here = [(c, m) for c, m in self._here if m.last is None or m.last > end]


def _heard(
    utterance: LabelledUtterance,
    meter: _Meter,
    position: int,
    channels: int,
    ended: Unheard | None,
) -> Heard:
    # What stands before the place of the damage can be read by itself.
    if ended is not None and not (meter.last is not None and meter.last <= position):
        return ended
    if utterance.channel is not None and not 0 <= utterance.channel < channels:
        reason = f"channel {utterance.channel} is asked for; the recording has {channels}"
        return Unheard(kind=Kind.UNREADABLE_AUDIO, reason=reason)
    return meter.facts()
