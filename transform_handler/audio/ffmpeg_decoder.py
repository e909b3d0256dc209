"""Decoding with FFmpeg, through PyAV: mp3, m4a, mp4, webm, aac, and whatever else it reads."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np

from transform_handler.audio.mp3_header import begins_with_zeros, promised_mp3_seconds
from transform_handler.audio.mp4_boxes import ends_within_a_box
from transform_handler.audio.sound import BLOCK_SAMPLES, Block, SoundInfo, check_end, damaged
from transform_handler.records import ErrorKind, RecordingError

# Containers round more freely than libsndfile's formats, and count samples that an encoder put
# before the sound.
MISSING_SECONDS = 0.5
# Clocks of containers round and jitter; packets that are missing leave a longer gap. A jump over
# more than the longest gap is a clock that was set anew.
SHORTEST_GAP_SECONDS = 0.05
LONGEST_GAP_SECONDS = 3600.0
# Formats that carry time stamps; for others FFmpeg makes them up from the first frame's rate.
_TIMED_FORMATS = frozenset({"mp4", "matroska", "mpegts", "mpeg", "flv", "asf"})
# Formats whose header has a length for the track of sound itself.
_LENGTH_KEPT = frozenset({"mp4", "aiff"})
# An MP3 has no container: what players put behind it, or ``cat`` between two, looks like frames.
# Half a second of them in a row is damage.
MP3_JUNK_PACKETS = 20
# PyAV counts the planes of a frame up to the first null, and a frame has room for eight.
_PLANES_SAFE = 7
# Playlists and concat scripts would have FFmpeg open other files: containers of sound only.
_OPTIONS = {
    "format_whitelist": "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,aac,ac3,eac3,amr,amrnb,amrwb,asf,"
    "avi,caf,flac,flv,mp3,mpeg,mpegts,ogg,wav,w64,aiff,au,loas,latm,ape,tta,wv,dsf",
    "protocol_whitelist": "none",
}
# A file that begins like a format we read, and that no decoder can open, is damaged.
_KNOWN_MAGIC = frozenset(
    {b"RIFF", b"RIFX", b"RF64", b"fLaC", b"OggS", b"FORM", b"ID3\x03", b"ID3\x04", b"ftyp"}
    | {b"\x1a\x45\xdf\xa3"}  # Matroska
)


def open_ffmpeg(file: BinaryIO, stack: contextlib.ExitStack) -> FFmpegDecoder:
    """Open what libsndfile does not read.

    Raises:
        RecordingError: ``unsupported_format`` or ``corrupt``.
    """
    import av  # noqa: PLC0415

    file.seek(0)
    magic = file.read(8)
    mp3_seconds = promised_mp3_seconds(file)
    hollow = begins_with_zeros(file)
    file.seek(0)
    try:
        # Tags are in whatever alphabet their writer had; what they say is of no use here.
        source = _Unnamed(file) if hollow else file
        opened = av.open(source, mode="r", options=_OPTIONS, metadata_errors="replace")
        container = stack.enter_context(opened)
    except (av.FFmpegError, ValueError) as error:
        known = bool(_KNOWN_MAGIC & {magic[:4], magic[4:]})
        kind = ErrorKind.CORRUPT if known else ErrorKind.UNSUPPORTED_FORMAT
        raise RecordingError(kind, f"no decoder can read this file: {_reason(error)}") from error
    _check_streams(container, file)
    seconds = mp3_seconds if container.format.name == "mp3" else _promised_seconds(container)
    return FFmpegDecoder(container, seconds=seconds)


class _Unnamed:
    """A file without its name: told ".mp3", FFmpeg searches gigabytes of zeros for a frame."""

    def __init__(self, file: BinaryIO) -> None:
        self.read, self.seek, self.tell = file.read, file.seek, file.tell


def _check_streams(container: Any, file: BinaryIO) -> None:
    streams = container.streams.audio
    if streams and streams[0].codec_context is not None:
        return
    # What describes the sound may be what is missing, and then nothing else can be said of it.
    if "mp4" in container.format.name and ends_within_a_box(file):
        raise RecordingError(ErrorKind.CORRUPT, "the file ends before its index of the sound does")
    reason = "its sound is in a coding that is not known" if streams else "it has no audio stream"
    raise RecordingError(ErrorKind.UNSUPPORTED_FORMAT, f"no decoder can read this file: {reason}")


def _promised_seconds(container: Any) -> float | None:
    """Length by the header, where the format keeps one and FFmpeg does not guess it from bytes."""
    stream = container.streams.audio[0]
    if _LENGTH_KEPT.intersection(container.format.name.split(",")) and stream.duration:
        return float(stream.duration * stream.time_base)
    # Matroska has one length for all tracks: with a picture beside it, sound may end earlier.
    if "matroska" in container.format.name and len(container.streams) == 1 and container.duration:
        # It counts from zero, even where the sound begins later.
        return float(container.duration - max(0, container.start_time or 0)) / 1_000_000
    return None


class FFmpegDecoder:
    """Decodes with FFmpeg; starts from the beginning always, because its seeks are not exact."""

    def __init__(self, container: Any, *, seconds: float | None) -> None:
        self._container = container
        context = container.streams.audio[0].codec_context
        self.info = SoundInfo(
            sample_rate=context.sample_rate,
            channels=context.channels,
            frames=None if seconds is None else round(seconds * context.sample_rate),
        )

    def blocks(self, *, start: int) -> Iterator[Block]:
        """Native-rate blocks; samples before ``start`` are decoded and dropped."""
        import av  # noqa: PLC0415

        position = 0
        try:
            for block in _gathered(self._pieces(), BLOCK_SAMPLES // self.info.channels):
                position += len(block)
                wanted = block[max(0, len(block) - (position - start)) :]
                if len(wanted):
                    yield wanted
        except (av.FFmpegError, ValueError) as error:
            raise damaged(position, self.info, _reason(error)) from error
        check_end(position, self.info, MISSING_SECONDS)

    def _pieces(self) -> Iterator[Block]:
        """Sound as it is decoded, with silence where packets are missing."""
        converter = _Converter(self._container.streams.audio[0].codec_context)
        clock = _Clock(self.info)
        timed = not _TIMED_FORMATS.isdisjoint(self._container.format.name.split(","))
        for frame in self._frames():
            if timed and (missing := clock.missing(frame)):
                yield from _silence(missing, self.info.channels)
            for piece in converter.convert(frame):
                clock.position += len(piece)
                yield piece
        yield from converter.rest()

    def _frames(self) -> Iterator[Any]:
        """Decoded frames; tags and padding between those of an MP3 are stepped over."""
        import av  # noqa: PLC0415

        allowed = MP3_JUNK_PACKETS if self._container.format.name == "mp3" else 0
        undecodable = 0
        for packet in self._container.demux(audio=0):
            try:
                frames = packet.decode()
            except av.InvalidDataError:
                undecodable += 1
                if undecodable > allowed:
                    raise
                continue
            undecodable = 0
            yield from frames


class _Clock:
    """Where the sound stands, and where it should by the container's time stamps."""

    def __init__(self, info: SoundInfo) -> None:
        self.position = 0
        self._rate = info.sample_rate
        # Silence never makes a recording longer than its header says.
        self._end = info.frames
        self._origin: float | None = None

    def missing(self, frame: Any) -> int:
        """Samples of silence to put before a frame; time never goes backwards."""
        if frame.time is None:
            return 0
        now = self.position / self._rate
        if self._origin is None:
            # An encoder's priming and the start of a broadcast are no gaps.
            self._origin = frame.time
        gap = frame.time - self._origin - now
        if gap <= SHORTEST_GAP_SECONDS:
            return 0
        missing: int = round(gap * self._rate)
        beyond = self._end is not None and self.position + missing > self._end
        if beyond or gap > LONGEST_GAP_SECONDS:
            self._origin = frame.time - now
            return 0
        self.position += missing
        return missing


class _Converter:
    """Frames of any kind into samples of the rate and layout that the stream began with."""

    def __init__(self, context: Any) -> None:
        self._layout, self._rate = context.layout, context.sample_rate
        self._channels = context.channels
        self._ready = ("fltp", context.layout.name, context.sample_rate)
        self._kind: tuple[str, str, int] | None = None
        self._resampler: Any = None

    def convert(self, frame: Any) -> Iterator[Block]:
        kind = (frame.format.name, frame.layout.name, frame.sample_rate)
        if kind != self._kind:
            # A broadcast may change both in mid-stream; a resampler takes one kind only.
            yield from self.rest()
            self._kind = kind
            # Most decoders give planes of floats, which a resampler would only copy, slowly.
            ready = kind == self._ready and self._channels <= _PLANES_SAFE
            self._resampler = None if ready else self._new_resampler()
        if self._resampler is None:
            yield frame.to_ndarray().T
        else:
            yield from self._samples(frame)

    def _new_resampler(self) -> Any:
        import av  # noqa: PLC0415

        return av.AudioResampler(format="flt", layout=self._layout, rate=self._rate)

    def rest(self) -> Iterator[Block]:
        """What the resampler still holds."""
        if self._resampler is not None:
            yield from self._samples(None)

    def _samples(self, frame: Any) -> Iterator[Block]:
        for converted in self._resampler.resample(frame):
            yield converted.to_ndarray().reshape(-1, self._channels)


def _gathered(pieces: Iterator[Block], frames: int) -> Iterator[Block]:
    """Frames of a few milliseconds cost more in what comes after than in decoding."""
    held: list[Block] = []
    size = 0
    failure: Exception | None = None
    try:
        for piece in pieces:
            held.append(piece)
            size += len(piece)
            if size >= frames:
                yield np.concatenate(held)
                held, size = [], 0
    except Exception as error:  # noqa: BLE001 - raised again behind the sound that came before it
        failure = error
    if held:
        yield np.concatenate(held)
    if failure is not None:
        raise failure


def _silence(samples: int, channels: int) -> Iterator[Block]:
    """A long silence in blocks, so that memory does not grow with it."""
    size = max(1, BLOCK_SAMPLES // channels)
    for start in range(0, samples, size):
        yield np.zeros((min(size, samples - start), channels), dtype=np.float32)


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
