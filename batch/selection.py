"""Which recordings a run takes on: the difference between the archive and the ledger. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Literal

import numpy as np
import numpy.typing as npt

from batch.ledger import MOVED, Ledger, Result
from manifests.pointers import ChannelMode
from manifests.recordings import Recording
from transform_handler.records import ErrorKind

MAX_ATTEMPTS = 4  # the first, and three more runs


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


class Rest(StrEnum):
    """Why a recording is not taken on."""

    DONE = "done"
    FINAL_ERROR = "final error"
    TRIED_OUT = "tried out"
    OTHER_SETTINGS = "other settings"
    SETTLING = "settling"
    FORGOTTEN = "forgotten"


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
    settling: int = 0
    """Recordings that may still be written to, and wait for the next run."""
    failed: int = 0
    """Recordings that keep their error row."""

    @property
    def reasons(self) -> dict[str, int]:
        """How many recordings for each reason."""
        return dict(Counter(str(one.reason) for one in self.chosen))


def select(
    recordings: Sequence[Recording],
    ledger: Ledger,
    settings: Settings,
    *,
    on_model_change: Literal["new-only", "all"],
    settled_by: datetime | None = None,
    forgotten: AbstractSet[str] = frozenset(),
) -> Selection:
    """The difference between what is there and what has a result.

    What is new or changed and came after ``settled_by`` may still be written to, and waits; the
    ids in ``forgotten`` are left alone.
    """
    listed = len(recordings)
    recordings = [one for one in recordings if one.id not in forgotten]
    places = ledger.places([one.id for one in recordings])
    same_kind = _kinds(recordings, ledger, places, settled_by)
    # A million recordings are of a few kinds: one of each is judged for all.
    _, first, kind_of = np.unique(same_kind, return_index=True, return_inverse=True)
    verdicts = [
        judge(
            recordings[int(index)],
            ledger.at(int(places[index])) if places[index] >= 0 else None,
            settings,
            on_model_change=on_model_change,
            settled_by=settled_by,
        )
        for index in first
    ]
    rests = Counter({Rest.FORGOTTEN: listed - len(recordings)})
    for verdict, count in zip(verdicts, np.bincount(kind_of), strict=True):
        if isinstance(verdict, Rest):
            rests[verdict] += int(count)
    taken = np.array([isinstance(verdict, Chosen) for verdict in verdicts], bool)
    return Selection(
        chosen=tuple(
            replace(verdict, recording=recordings[index])
            for index in np.flatnonzero(taken[kind_of]).tolist()
            if isinstance(verdict := verdicts[kind_of[index]], Chosen)
        ),
        kept=rests.total() - rests[Rest.SETTLING],
        waiting=rests[Rest.OTHER_SETTINGS],
        settling=rests[Rest.SETTLING],
        failed=rests[Rest.FINAL_ERROR] + rests[Rest.TRIED_OUT],
    )


def _kinds(
    recordings: Sequence[Recording],
    ledger: Ledger,
    places: npt.NDArray[np.int64],
    settled_by: datetime | None,
) -> npt.NDArray[np.int64]:
    """Equal numbers where ``judge`` sees no difference."""
    kinds = np.where(places >= 0, np.append(ledger.kinds(), 0)[places], -1) + 1
    same = ledger.same_version(recordings, places)
    young = np.array([_young(one, settled_by) for one in recordings], bool)
    numbers: npt.NDArray[np.int64] = kinds * 4 + same * 2 + young
    return numbers


def judge(
    recording: Recording,
    known: Result | None,
    settings: Settings,
    *,
    on_model_change: Literal["new-only", "all"],
    settled_by: datetime | None = None,
) -> Chosen | Rest:
    """Whether a recording is taken on, and why, or why not; ``known`` is its newest result."""
    if known is not None and known.status == MOVED:
        known = None
    version = (recording.etag, recording.version, recording.size)
    if known is None or (known.etag, known.version, known.size) != version:
        if _young(recording, settled_by):
            return Rest.SETTLING
        reason = Reason.NEW if known is None else Reason.CHANGED
        return Chosen(recording=recording, reason=reason)
    ours = (settings.channels, settings.model_digest, settings.decode_digest)
    other = known.made_with != ours
    if known.error_kind is not None:
        return _judged_error(recording, known, ErrorKind(known.error_kind), other=other)
    if other and on_model_change == "all":
        return Chosen(recording=recording, reason=Reason.MODEL)
    return Rest.OTHER_SETTINGS if other else Rest.DONE


def _young(recording: Recording, settled_by: datetime | None) -> bool:
    return bool(settled_by and recording.modified and recording.modified > settled_by)


def _judged_error(
    recording: Recording, known: Result, kind: ErrorKind, *, other: bool
) -> Chosen | Rest:
    # An error under other settings says nothing about these.
    attempts = 0 if other else known.attempts
    if kind.final and not other:
        return Rest.FINAL_ERROR
    if attempts >= MAX_ATTEMPTS:
        return Rest.TRIED_OUT
    suspect = kind is ErrorKind.NOT_TRANSCRIBED and not other
    return Chosen(recording=recording, reason=Reason.RETRY, attempts=attempts, suspect=suspect)
