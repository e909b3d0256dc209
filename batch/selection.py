"""Which recordings a run takes on: the difference between the archive and the ledger. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from manifests.pointers import ChannelMode
from manifests.recordings import Recording
from transform_handler.records import ErrorKind

MAX_ATTEMPTS = 4  # the first, and three more runs


@dataclass(frozen=True, kw_only=True)
class Result:
    """One line of the ledger: what is known of a recording, and under which identity."""

    id: str
    path: str
    etag: str | None
    version: str | None
    size: int | None
    channels: str
    model_digest: str
    decode_digest: str
    status: str
    error_kind: str | None
    attempts: int
    duration: float | None
    run_id: str


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a result depends on besides the recording."""

    channels: ChannelMode
    model_digest: str
    decode_digest: str


class Reason(StrEnum):
    """Why a recording is taken on."""

    NEW = "new"
    CHANGED = "changed"
    MODEL = "model"
    RETRY = "retry"


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """A recording to transcribe; ``attempts`` counts the tries before this one.

    A ``suspect`` had no output in any round of its last run: it may take down what is beside it.
    """

    recording: Recording
    reason: Reason
    attempts: int = 0
    suspect: bool = False


@dataclass(frozen=True, kw_only=True)
class Selection:
    """What a run takes on, and how many recordings stay as they are."""

    chosen: tuple[Chosen, ...]
    kept: int
    waiting: int
    """Recordings whose result was made with other settings, left alone by ``new-only``."""

    @property
    def reasons(self) -> dict[str, int]:
        """How many recordings for each reason."""
        return dict(Counter(str(one.reason) for one in self.chosen))


def select(
    recordings: Iterable[Recording],
    ledger: Mapping[str, Result],
    settings: Settings,
    *,
    on_model_change: Literal["new-only", "all"],
) -> Selection:
    """The difference between what is there and what has a result."""
    chosen: list[Chosen] = []
    kept = waiting = 0
    for recording in recordings:
        known = ledger.get(recording.id)
        found = _judge(recording, known, settings)
        if found is None:
            kept += 1
        elif found.reason is Reason.MODEL and on_model_change == "new-only":
            kept, waiting = kept + 1, waiting + 1
        else:
            chosen.append(found)
    return Selection(chosen=tuple(chosen), kept=kept, waiting=waiting)


def _judge(recording: Recording, known: Result | None, settings: Settings) -> Chosen | None:
    if known is None:
        return Chosen(recording=recording, reason=Reason.NEW)
    version = (recording.etag, recording.version, recording.size)
    if (known.etag, known.version, known.size) != version:
        return Chosen(recording=recording, reason=Reason.CHANGED)
    made_with = (known.channels, known.model_digest, known.decode_digest)
    other = made_with != (settings.channels, settings.model_digest, settings.decode_digest)
    if known.error_kind is not None:
        # An error under other settings says nothing about these.
        attempts = 0 if other else known.attempts
        final = ErrorKind(known.error_kind).final and not other
        if final or attempts >= MAX_ATTEMPTS:
            return None
        suspect = known.error_kind == ErrorKind.NOT_TRANSCRIBED and not other
        return Chosen(recording=recording, reason=Reason.RETRY, attempts=attempts, suspect=suspect)
    return Chosen(recording=recording, reason=Reason.MODEL) if other else None
