"""One recording's transcript as plain text, subtitles or JSON. Nothing here reads or writes files.

Sources: W3C WebVTT (https://www.w3.org/TR/webvtt1/) for cues, voices and escapes; SubRip has no
specification, so SRT keeps to what every player reads: a number, a line of times, text.
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

from batch.subtitles import Cue, cues_of, stamp

if TYPE_CHECKING:
    from collections.abc import Callable

    from transform_handler.records import Segment

Format = Literal["txt", "srt", "vtt", "json"]
FORMATS: tuple[Format, ...] = get_args(Format)
JSON_VERSION = 1

# Windows keeps these names for devices, with any extension.
_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)")
_PLAIN_NAME = re.compile(r"[a-z0-9_][a-z0-9._-]*")
_NAME_BYTES = 100


@dataclass(frozen=True, kw_only=True)
class Transcript:
    """What is exported of a recording: its row of the transcripts and its segments.

    ``channel`` is None for a mix, and for the channels of one recording exported together;
    ``duration`` is in seconds.
    """

    path: str
    channel: int | None = None
    duration: float | None = None
    status: str
    text: str = ""
    segments: tuple[Segment, ...] = ()
    error_kind: str | None = None
    error_message: str | None = None

    @property
    def problem(self) -> str | None:
        """Why there is no text to export, as one sentence; None where there is."""
        if self.status == "error":
            reason = " ".join((self.error_message or "no reason was given").split())
            return f"not transcribed ({self.error_kind or 'internal'}): {reason}"
        return "no speech was found" if self.status == "empty" else None


def export(transcript: Transcript, to: Format) -> str:
    """The content of a file of the given format, with a newline at its end unless it is empty.

    A transcript with a ``problem`` is an empty text or SRT file (neither has comments), a VTT
    file with a note, a JSON document with the error.

    Raises:
        ValueError: there is no such format.
    """
    if to not in _WRITERS:
        raise ValueError(f'no export format "{to}": choose one of {", ".join(FORMATS)}')
    return _WRITERS[to](transcript)


def to_text(transcript: Transcript) -> str:
    """One segment a line; the channel before it where the transcript holds several."""
    if transcript.problem:
        return ""
    segments = sorted(transcript.segments, key=lambda segment: segment.start)
    several = len({segment.channel for segment in segments}) > 1
    lines = [_text_line(segment, named=several) for segment in segments if segment.text.split()]
    return "".join(f"{line}\n" for line in lines or [" ".join(transcript.text.split())] if line)


def _text_line(segment: Segment, *, named: bool) -> str:
    text = " ".join(segment.text.split())
    return f"Channel {segment.channel}: {text}" if named and segment.channel is not None else text


def to_srt(transcript: Transcript) -> str:
    """SubRip: numbered cues, comma before the milliseconds."""
    blocks = [
        f"{number}\n{stamp(cue.start, ',')} --> {stamp(cue.end, ',')}\n{_srt_text(cue)}\n"
        for number, cue in enumerate(_cues(transcript), start=1)
    ]
    return "\n".join(blocks)


def _srt_text(cue: Cue) -> str:
    # SRT has no escapes: an arrow of hyphens inside a text would read as a line of times.
    return "\n".join(line.replace("-->", "→") for line in cue.lines)


def to_vtt(transcript: Transcript) -> str:
    """WebVTT: escaped cue text, the channel as the voice that speaks."""
    blocks = ["WEBVTT\n"]
    if transcript.problem:
        blocks.append(f"NOTE {_vtt_note(transcript.problem)}\n")
    for cue in _cues(transcript):
        voice = "" if cue.channel is None else f"<v Channel {cue.channel}>"
        text = "\n".join(_vtt_text(line) for line in cue.lines)
        blocks.append(f"{stamp(cue.start, '.')} --> {stamp(cue.end, '.')}\n{voice}{text}\n")
    return "\n".join(blocks)


def _vtt_text(line: str) -> str:
    line = line.replace("\0", "\ufffd")
    return line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _vtt_note(text: str) -> str:
    return text.replace("\0", "\ufffd").replace("-->", "→")


def to_json(transcript: Transcript) -> str:
    """The transcript with its segments and words; times in seconds, names as in the records."""
    error = None
    if transcript.status == "error":
        error = {"kind": transcript.error_kind, "message": transcript.error_message}
    document = {
        "version": JSON_VERSION,
        "path": transcript.path,
        "channel": transcript.channel,
        "duration": transcript.duration,
        "status": str(transcript.status),
        "error": error,
        "text": transcript.text,
        "segments": [segment.to_json() for segment in transcript.segments],
    }
    return json.dumps(document, ensure_ascii=False, indent=2, allow_nan=False) + "\n"


def _cues(transcript: Transcript) -> tuple[Cue, ...]:
    return () if transcript.problem else cues_of(transcript.segments)


_WRITERS: dict[Format, Callable[[Transcript], str]] = {
    "txt": to_text,
    "srt": to_srt,
    "vtt": to_vtt,
    "json": to_json,
}


def safe_name(path: str) -> str:
    """One file name for an archive path: no folders, no surprises, different for each path.

    A name that is safe everywhere stays. Any other becomes a readable form, ``~`` and 12 hex
    digits of the path's SHA-256. Capitals count as unsafe: two paths that differ only in case
    would be one file on macOS and Windows. No unchanged name holds a ``~``, so the two kinds
    never meet.
    """
    plain = _PLAIN_NAME.fullmatch(path) and not path.endswith(".") and not _DEVICES.match(path)
    if plain and len(path) <= _NAME_BYTES:
        return path
    digest = hashlib.sha256(path.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    return f"{_readable(path)}~{digest}"


def _readable(path: str) -> str:
    """Letters, digits, dots and hyphens of a path; the end of it, which tells files apart."""
    text = unicodedata.normalize("NFC", path)
    kept = "".join(c if c in "._-" or unicodedata.category(c)[0] in "LMN" else "_" for c in text)
    kept = re.sub(r"_{2,}", "_", re.sub(r"\.{2,}", ".", kept))
    cut = kept.encode("utf-8")[-_NAME_BYTES:].decode("utf-8", "ignore")
    return cut.strip("._-") or "recording"
