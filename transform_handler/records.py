"""The transcript record: what the handler answers for each pointer and channel.

A record is one JSON line (``docs/contract.md``). Times are seconds from the beginning of the
recording, never of the part or the window that they were found in.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from manifests.json_files import parsed_json
from transform_handler.audio.sound_facts import MixSeconds, SoundFacts
from transform_handler.record_checks import check_record


class Status(StrEnum):
    """What became of a recording."""

    OK = "ok"
    EMPTY = "empty"
    ERROR = "error"


class ErrorKind(StrEnum):
    """Every reason why a recording has no transcript; the list is closed."""

    NOT_FOUND = "not_found"
    FORBIDDEN = "forbidden"
    CHANGED = "changed"
    EMPTY_FILE = "empty_file"
    UNSUPPORTED_FORMAT = "unsupported_format"
    CORRUPT = "corrupt"
    TOO_LONG = "too_long"
    TIME_LIMIT = "time_limit"
    UNAVAILABLE = "unavailable"
    INTERNAL = "internal"
    NOT_TRANSCRIBED = "not_transcribed"

    @property
    def final(self) -> bool:
        """Whether trying again cannot help while the recording stays the same."""
        return self in _FINAL


_FINAL = frozenset(
    {
        ErrorKind.EMPTY_FILE,
        ErrorKind.UNSUPPORTED_FORMAT,
        ErrorKind.CORRUPT,
        ErrorKind.TOO_LONG,
    }
)


class RecordingError(Exception):
    """One recording cannot be transcribed; becomes a record, never a failed request.

    ``recording_seconds`` is the length of the whole recording, where it matters and is known: what
    took too long can then be cut into parts.
    """

    def __init__(
        self, kind: ErrorKind, message: str, *, recording_seconds: float | None = None
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.recording_seconds = recording_seconds


@dataclass(frozen=True, kw_only=True)
class Word:
    """One word with its times in seconds and a confidence between 0 and 1.

    ``flags`` say what was done to it: ``repetition`` and ``token_limit`` (``docs/contract.md``).
    """

    text: str
    start: float
    end: float
    confidence: float
    flags: tuple[str, ...] = ()

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Word:
        """Read what ``to_json`` wrote."""
        return (
            cls(**data) if "flags" not in data else cls(**{**data, "flags": tuple(data["flags"])})
        )

    def to_json(self) -> dict[str, Any]:
        """The word as a record has it; flags only where there are any, which is rare."""
        data = asdict(self)
        if not self.flags:
            del data["flags"]
        return data


@dataclass(frozen=True, kw_only=True)
class Segment:
    """Words between two pauses, 15 s at most: what a person reads and a subtitle shows.

    ``flags`` are those of its words, sorted.
    """

    start: float
    end: float
    channel: int | None
    text: str
    confidence: float
    words: tuple[Word, ...]
    flags: tuple[str, ...] = ()

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Segment:
        """Read one segment of a record, or of a table, which an older version may have written."""
        words = tuple(Word.from_json(word) for word in data["words"])
        return cls(**{**data, "words": words, "flags": tuple(data.get("flags") or ())})

    def to_json(self) -> dict[str, Any]:
        """The segment as a record has it."""
        return {
            **{name: value for name, value in vars(self).items() if name != "words"},
            "words": [word.to_json() for word in self.words],
        }


@dataclass(frozen=True, kw_only=True)
class RecordError:
    """Why a record has no transcript."""

    kind: ErrorKind
    message: str


@dataclass(frozen=True, kw_only=True)
class TranscriptRecord:
    """The handler's answer for one pointer and channel.

    ``channel`` is None for a mix; ``channels`` is how many the recording has (None if it could
    not be opened); ``duration`` is the length of the sound in seconds, of the part for a part; with
    the error ``time_limit`` it is that of the whole recording, if its header says it.
    ``calibrated`` says whether confidences are probabilities, fitted to labelled speech.
    ``sound`` has the facts of each window that the pointer answers for, with its seconds: joined
    they are those of the recording, however it was cut. ``mix`` says how channels were mixed.
    """

    id: str
    uri: str
    status: Status
    channel: int | None = None
    offset: float | None = None
    error: RecordError | None = None
    duration: float | None = None
    channels: int | None = None
    language: str | None = None
    segments: tuple[Segment, ...] = ()
    calibrated: bool = False
    sound: tuple[tuple[float, SoundFacts], ...] = ()
    mix: MixSeconds | None = None
    model: Mapping[str, str] = field(default_factory=dict)
    decode: Mapping[str, Any] = field(default_factory=dict)

    @property
    def words(self) -> tuple[Word, ...]:
        """All words in order."""
        return tuple(word for segment in self.segments for word in segment.words)

    def to_line(self) -> str:
        """The record as one JSON line without its newline."""
        data = asdict(self)
        data["segments"] = [segment.to_json() for segment in self.segments]
        data["sound"] = [{"seconds": seconds, **facts} for seconds, facts in data["sound"]]
        return json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)

    @classmethod
    def from_line(cls, line: str) -> TranscriptRecord:
        """Read back what ``to_line`` wrote.

        Raises:
            ValueError: the line is not a transcript record.
        """
        try:
            data = parsed_json(line)
            check_record(data)
            error = data["error"]
            return cls(
                **{
                    **data,
                    "status": Status(data["status"]),
                    "error": error
                    and RecordError(kind=ErrorKind(error["kind"]), message=error["message"]),
                    "segments": tuple(Segment.from_json(s) for s in data["segments"]),
                    "sound": tuple(_window_facts(one) for one in data.get("sound", ())),
                    "mix": MixSeconds(**mix) if (mix := data.get("mix")) else None,
                }
            )
        except (KeyError, TypeError, AttributeError) as problem:
            raise ValueError(f"not a transcript record: {problem!r}") from problem


def _window_facts(data: Mapping[str, Any]) -> tuple[float, SoundFacts]:
    facts = {name: value for name, value in data.items() if name != "seconds"}
    return data["seconds"], SoundFacts.from_json(facts)
