"""Sound of any format, rate and channel count, as a stream of 16 kHz blocks.

libsndfile decodes what it knows to the end (wav, flac, ogg, opus, aiff); FFmpeg, through PyAV,
the rest (mp3, m4a, mp4, webm, aac). Resampling is soxr's HQ. Memory does not grow with the
recording. Training reads through this module too, so that it hears what the handler will hear.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, Literal

import numpy as np
import numpy.typing as npt

from transform_handler.audio.ffmpeg_decoder import open_ffmpeg
from transform_handler.audio.layout import SAMPLE_RATE
from transform_handler.audio.mixing import Mixer, first_second
from transform_handler.audio.sndfile_decoder import open_sndfile
from transform_handler.audio.sound import Block, Decoder, SoundInfo
from transform_handler.audio.sound_facts import MixSeconds
from transform_handler.records import ErrorKind, RecordingError

RESAMPLER = "soxr HQ"
MIN_RATE, MAX_RATE = 1_000, 768_000
MAX_CHANNELS = 64
# A recorder that was forgotten, or a header that lies: a hundred hours.
MAX_SECONDS = 360_000
# A resampler that starts in mid-recording hears nothing before its first sample: it is started
# this much early, by whole seconds so that its phase is that of a run from the beginning.
LEAD_IN_SECONDS = 2
# Floats may be scaled like 16- or even 24-bit integers; what is above is a broken sample, whose
# square overflows where a model normalises and silences the whole window.
LOUDEST = np.float32(1 << 24)

ChannelMode = Literal["mix", "split"]


@contextlib.contextmanager
def open_decoder(source: Path | BinaryIO) -> Iterator[Decoder]:
    """Open a recording with the first decoder that can read it.

    Raises:
        RecordingError: ``empty_file``, ``unsupported_format``, ``corrupt`` or ``too_long``.
    """
    with contextlib.ExitStack() as stack:
        file = stack.enter_context(source.open("rb")) if isinstance(source, Path) else source
        if not file.read(1):
            raise RecordingError(ErrorKind.EMPTY_FILE, "the file has no bytes")
        file.seek(0)
        decoder: Decoder = open_sndfile(file, stack) or open_ffmpeg(file, stack)
        _check(decoder.info)
        yield decoder


def _check(info: SoundInfo) -> None:
    if not MIN_RATE <= info.sample_rate <= MAX_RATE:
        raise RecordingError(
            ErrorKind.UNSUPPORTED_FORMAT,
            f"sample rate {info.sample_rate} Hz is outside {MIN_RATE}–{MAX_RATE} Hz",
        )
    if not 1 <= info.channels <= MAX_CHANNELS:
        raise RecordingError(
            ErrorKind.UNSUPPORTED_FORMAT,
            f"{info.channels} channels; 1–{MAX_CHANNELS} are supported",
        )
    _check_length(info.seconds or 0.0)


def _check_length(seconds: float) -> None:
    if seconds > MAX_SECONDS:
        raise RecordingError(
            ErrorKind.TOO_LONG,
            f"the recording is longer than {MAX_SECONDS / 3600:.0f} hours; cut it into several",
        )


def stream(
    decoder: Decoder,
    *,
    mode: ChannelMode,
    offset: float = 0.0,
    duration: float | None = None,
    tell_mix: Callable[[MixSeconds], None] | None = None,
) -> Iterator[Block]:
    """Sound from ``offset`` for ``duration`` seconds as 16 kHz float32 blocks.

    Yields blocks of shape (n_samples, 1) for a mix and (n_samples, n_channels) for a split.
    Samples that are not numbers, or far beyond any scale, become silence. ``tell_mix`` hears in
    the end how several channels were mixed.

    Raises:
        RecordingError: the stream is damaged (``corrupt``) or goes on too long (``too_long``).
    """
    info = decoder.info
    first = round(offset * SAMPLE_RATE)
    last = None if duration is None else first + round(duration * SAMPLE_RATE)
    begin = max(0, int(offset) - LEAD_IN_SECONDS)
    mixer: Mixer | None = None
    if mode == "mix" and info.channels > 1:
        begin = first_second(info, begin)
        end = None if duration is None else offset + duration
        mixer = Mixer(info, start=begin, begin=offset, end=end)
    native = _clean(decoder.blocks(start=begin * info.sample_rate))
    channels = native if mixer is None else mixer.mix(native)
    blocks = _resample(channels, info.sample_rate)
    yield from _wanted(blocks, begin * SAMPLE_RATE, first, last)
    if mixer is not None and tell_mix is not None:
        tell_mix(mixer.seconds)


def _wanted(
    blocks: Iterator[Block], position: int, first: int, last: int | None
) -> Iterator[Block]:
    """Samples ``[first, last)`` of blocks that begin at ``position``."""
    for block in blocks:
        end = position + len(block)
        wanted = block[max(0, first - position) : None if last is None else max(0, last - position)]
        position = end
        _check_length(position / SAMPLE_RATE)
        if len(wanted):
            yield wanted
        if last is not None and position >= last:
            return


def _clean(blocks: Iterator[Block]) -> Iterator[Block]:
    for block in blocks:
        good = np.abs(block) <= LOUDEST
        yield block if good.all() else np.where(good, block, np.float32(0.0))


def _resample(blocks: Iterator[Block], rate: int) -> Iterator[Block]:
    if rate == SAMPLE_RATE:
        yield from blocks
        return
    import soxr  # noqa: PLC0415

    resampler: Any = None
    channels = 1
    for block in blocks:
        if resampler is None:
            channels = block.shape[1]
            resampler = soxr.ResampleStream(
                rate, SAMPLE_RATE, channels, dtype="float32", quality="HQ"
            )
        out = resampler.resample_chunk(np.ascontiguousarray(block)).reshape(-1, channels)
        if len(out):
            yield out
    if resampler is not None:
        empty = np.empty((0, channels), dtype=np.float32)
        yield resampler.resample_chunk(empty, last=True).reshape(-1, channels)


def read_audio(
    source: Path | BinaryIO,
    *,
    offset: float = 0.0,
    duration: float | None = None,
    channel: int | None = None,
) -> npt.NDArray[np.float32]:
    """A whole recording or a part of it, one channel or the mix, shape (n_samples,), 16 kHz.

    Raises:
        RecordingError: the recording cannot be read, or has no such channel.
    """
    mode: ChannelMode = "mix" if channel is None else "split"
    with open_decoder(source) as decoder:
        if channel is not None and not 0 <= channel < decoder.info.channels:
            raise RecordingError(
                ErrorKind.UNSUPPORTED_FORMAT,
                f"channel {channel} is asked for; the recording has {decoder.info.channels}",
            )
        blocks = [
            block[:, channel or 0]
            for block in stream(decoder, mode=mode, offset=offset, duration=duration)
        ]
    return np.concatenate(blocks) if blocks else np.zeros(0, dtype=np.float32)
