"""What a model says for labelled utterances, heard and decoded as the handler does it.

An utterance is often a stretch of a long recording. The recording is transcribed as a transform
job would, neighbours included, and each word goes to the utterance that holds the middle of it,
which is how NIST's scoring assigns the words of a CTM file to the segments of an STM file.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from manifests.pointers import ChannelMode, Pointer
from transform_handler.allowed import AllowedPrefixes
from transform_handler.audio.windows import PART_OVERLAP_SECONDS
from transform_handler.decoding.greedy import MAX_WORD_SECONDS
from transform_handler.records import ErrorKind, Status, TranscriptRecord, Word

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from manifests.labels import LabelledUtterance

    OnProgress = Callable[[int, int], None]
    """Told how many of how many utterances are done."""

# Labels name what is read, and whoever evaluates has named the labels.
ANYWHERE = AllowedPrefixes(prefixes=("file:///", "s3://"))
_MARGIN_SECONDS = MAX_WORD_SECONDS / 2
_POINTERS = 32


class Transcribes(Protocol):
    """The handler's ``Transcriber``, as far as it is needed here."""

    def transcribe(self, pointers: list[Pointer], *, deadline: float) -> list[TranscriptRecord]:
        """Records for ``pointers``, in order."""
        ...


@dataclass(frozen=True, kw_only=True)
class Heard:
    """What the model says in an utterance of ``seconds`` of sound."""

    words: tuple[Word, ...]
    seconds: float

    @property
    def text(self) -> str:
        """The words as one text."""
        return " ".join(word.text for word in self.words)


@dataclass(frozen=True, kw_only=True)
class Unheard:
    """An utterance that has no transcript; ``kind`` is one of the handler's error kinds."""

    kind: str
    message: str


@dataclass(frozen=True, kw_only=True)
class _Stretch:
    """Utterances that are near each other in one recording, transcribed at once."""

    audio: str
    mode: ChannelMode
    members: tuple[int, ...]
    start: float
    end: float

    def pointer(self, number: int) -> Pointer:
        """The stretch and as much around it as a word may reach out."""
        offset = max(0.0, self.start - _MARGIN_SECONDS)
        duration = None if math.isinf(self.end) else self.end + _MARGIN_SECONDS - offset
        return Pointer(
            id=str(number),
            uri=self.audio,
            offset=offset or None,
            duration=duration,
            channels=self.mode,
        )


def hypotheses(
    transcriber: Transcribes,
    utterances: Sequence[LabelledUtterance],
    *,
    on_progress: OnProgress | None = None,
) -> list[Heard | Unheard]:
    """What is heard in each utterance, in order; one that cannot be read is ``Unheard``."""
    stretches = list(_stretches(utterances))
    found: dict[int, Heard | Unheard] = {}
    for first in range(0, len(stretches), _POINTERS):
        chunk = dict(enumerate(stretches[first : first + _POINTERS], start=first))
        pointers = [stretch.pointer(number) for number, stretch in chunk.items()]
        records: dict[int, list[TranscriptRecord]] = defaultdict(list)
        for record in transcriber.transcribe(pointers, deadline=math.inf):
            records[int(record.id)].append(record)
        for number, stretch in chunk.items():
            said = [_Said(record) for record in records[number]]
            for member in stretch.members:
                found[member] = _heard(utterances[member], said)
        if on_progress is not None:
            on_progress(len(found), len(utterances))
    return [found[number] for number in range(len(utterances))]


def _stretches(utterances: Sequence[LabelledUtterance]) -> Iterator[_Stretch]:
    recordings: dict[tuple[str, ChannelMode], list[int]] = defaultdict(list)
    for number, one in enumerate(utterances):
        recordings[one.audio, "mix" if one.channel is None else "split"].append(number)
    for (audio, mode), members in recordings.items():
        members.sort(key=lambda number: (utterances[number].offset, number))
        for near in _neighbours(members, utterances):
            yield _Stretch(
                audio=audio,
                mode=mode,
                members=tuple(near),
                start=utterances[near[0]].offset,
                end=max(_end(utterances[number]) for number in near),
            )


def _neighbours(
    members: Sequence[int], utterances: Sequence[LabelledUtterance]
) -> Iterator[list[int]]:
    """Members so near that hearing them apart would hear the sound between them twice."""
    group: list[int] = []
    end = -math.inf
    for number in members:
        if group and utterances[number].offset > end + 2 * PART_OVERLAP_SECONDS:
            yield group
            group, end = [], -math.inf
        group.append(number)
        end = max(end, _end(utterances[number]))
    yield group


def _end(one: LabelledUtterance) -> float:
    return math.inf if one.duration is None else one.offset + one.duration


class _Said:
    """A record whose words are found by the time of their middles."""

    def __init__(self, record: TranscriptRecord) -> None:
        self.record = record
        self._words = record.words
        middles = [_time((word.start + word.end) / 2) for word in self._words]
        self._order = sorted(range(len(middles)), key=middles.__getitem__)
        self._middles = sorted(middles)

    def within(self, one: LabelledUtterance) -> tuple[Word, ...]:
        """The words that the utterance holds, in the record's order."""
        first = bisect_left(self._middles, _time(one.offset))
        last = bisect_left(self._middles, _time(_end(one)))
        return tuple(self._words[index] for index in sorted(self._order[first:last]))


def _time(seconds: float) -> float:
    # To a tenth of a millisecond: where one utterance ends and the next begins, a sum of floats
    # would give a word to both or to none.
    return round(seconds, 4)


def _heard(one: LabelledUtterance, records: Sequence[_Said]) -> Heard | Unheard:
    failed = next((r.record.error for r in records if r.record.status is Status.ERROR), None)
    if failed is not None:
        return Unheard(kind=str(failed.kind), message=failed.message)
    said = next((r for r in records if r.record.channel == one.channel), None)
    if said is None:
        return Unheard(
            kind=str(ErrorKind.UNSUPPORTED_FORMAT),
            message=f"channel {one.channel} is asked for; the recording has {len(records)}",
        )
    ends = (said.record.offset or 0.0) + (said.record.duration or 0.0)
    if one.offset >= ends:
        return Unheard(
            kind=str(ErrorKind.UNSUPPORTED_FORMAT),
            message=f"the utterance begins at {one.offset:.2f} s; the sound ends at {ends:.2f} s",
        )
    return Heard(words=said.within(one), seconds=min(_end(one), ends) - one.offset)
