"""What the transform jobs left, reconciled with what was planned."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, groupby

from batch.bodies.index import StagedRecord, bodies_of, joined, read_staged
from batch.layout import PROBE
from batch.plan import Plan
from batch.shards import PART_SECONDS, LeftOver
from manifests.errors import NightscribeError
from manifests.manifest_file import read_manifest
from manifests.parallel import read_ahead
from manifests.pointers import Pointer, read_pointers
from manifests.storage import Store
from transform_handler.records import ErrorKind, TranscriptRecord

Where = tuple[str, float | None]
"""What a record answers: recording id and offset."""
# Neither says anything of the recording: in the next round it may be heard.
_AGAIN = (ErrorKind.TIME_LIMIT, ErrorKind.UNAVAILABLE)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A pointer and the records that came back for it: none, one, or one a channel.

    ``round`` is the newest round that had it, in a shard with ``beside`` other pointers.
    """

    pointer: Pointer
    records: tuple[TranscriptRecord, ...]
    round: int = 1
    beside: int = 0

    @property
    def out_of_time(self) -> bool:
        """Whether the handler gave this pointer back because its time was up."""
        return ErrorKind.TIME_LIMIT in self._kinds

    @property
    def seconds_left(self) -> float:
        """Sound from the pointer's beginning on: the handler's word, or enough to cut it in two."""
        known = [record.duration for record in self.records if record.duration is not None]
        start = self.pointer.offset or 0.0
        return max(known[0] - start, 0.0) if known else 2 * PART_SECONDS

    @property
    def missing(self) -> bool:
        """Whether this pointer has to go into another round."""
        return not self.records or not self._kinds.isdisjoint(_AGAIN)

    @property
    def _kinds(self) -> frozenset[ErrorKind]:
        return frozenset(record.error.kind for record in self.records if record.error)


@dataclass(kw_only=True)
class Outputs:
    """The outputs of a run, found by listing and by unique base name, in whatever folder."""

    store: Store
    plan: Plan
    _places: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for entry in self.store.list(self.plan.keys.out):
            name = entry.key.rpartition("/")[2]
            if name.endswith(".out"):
                self._places[name.removesuffix(".out")] = entry.key

    @property
    def names(self) -> frozenset[str]:
        """The inputs that have an output: shards, or bodies."""
        return frozenset(self._places)

    @property
    def shards(self) -> frozenset[str]:
        """Shards of the first round that are done."""
        if not self.plan.sends_sound:
            return self.names
        return frozenset(shard.name for shard in self.plan.shards if self._complete(shard.name))

    def _complete(self, shard: str) -> bool:
        staged = read_staged(self.store, self.plan, shard)
        return staged is not None and self.names.issuperset(bodies_of(staged))

    def answers(self, rounds: int) -> Iterator[Answer]:
        """Each planned pointer in order; what later rounds found replaces what was missing.

        Every round is in the plan's order, so one recording of each is in memory.

        Raises:
            NightscribeError: a round is not; answers would be lost.
        """
        first, *others = (chain.from_iterable(self._round(n)) for n in range(1, rounds + 1))
        later = [_Later(number, answers) for number, answers in enumerate(others, start=2)]
        for parts in by_recording(first):
            newer: list[Answer] = []
            for answer in chain.from_iterable(one.of(parts[0].pointer.id) for one in later):
                _replace(newer, answer)
            for answer in parts:
                found = _within(answer.pointer, newer) if answer.missing else []
                yield from found or [answer]
        for one in later:
            one.check_end(self.plan)

    def missing(self, number: int) -> Iterator[list[LeftOver]]:
        """What each shard of round ``number`` left over, where it left anything."""
        for answers in self._round(number):
            left = [
                LeftOver(
                    pointer=answer.pointer,
                    seconds=answer.seconds_left if answer.out_of_time else None,
                )
                for answer in answers
                if answer.missing
            ]
            if left:
                yield left

    def _round(self, number: int) -> Iterator[Iterator[Answer]]:
        names = shard_names(self.store, self.plan, number)
        shards = read_ahead(self.store, [self.plan.keys.shards + name for name in names])
        places = [self._places[name] for name in names if name in self._places]
        outputs = read_ahead(self.store, places)
        for name, shard in zip(names, shards, strict=True):
            output = next(outputs) if name in self._places else b""
            pointers = list(read_pointers(shard.decode(), name=name))
            yield self._shard(number, name, pointers, output)

    def _shard(
        self, number: int, name: str, pointers: Sequence[Pointer], output: bytes
    ) -> Iterator[Answer]:
        records = self._records(name, output)
        for pointer in pointers:
            found = records.get((pointer.id, pointer.offset), ())
            # A body is a request of its own, whatever else was staged for its shard.
            beside = 0 if self.plan.sends_sound else len(pointers) - 1
            yield Answer(pointer=pointer, records=tuple(found), round=number, beside=beside)

    def _records(self, shard: str, output: bytes) -> dict[Where, list[TranscriptRecord]]:
        """A shard's records by what they answer; of bodies each has an output of its own."""
        found: dict[Where, list[TranscriptRecord]] = {}
        if not self.plan.sends_sound:
            for record in self._read(output):
                found.setdefault((record.id, record.offset), []).append(record)
            return found
        staged: dict[Where, list[StagedRecord]] = {}
        for one in read_staged(self.store, self.plan, shard) or ():
            staged.setdefault((one.record.id, one.record.offset), []).append(one)
        return {where: list(joined(one, self._answered)) for where, one in staged.items()}

    def _answered(self, body: str) -> TranscriptRecord | None:
        if body not in self._places:
            return None
        return next(iter(self._read(self.store.read(self._places[body]))), None)

    def _read(self, output: bytes) -> list[TranscriptRecord]:
        """An output's records; one that is not this plan's, or not readable, is none at all."""
        found: list[TranscriptRecord] = []
        ours = (self.plan.model_digest, self.plan.decode_digest)
        try:
            for line in output.decode().split("\n"):
                record = TranscriptRecord.from_line(line) if line else None
                if record and (record.model["digest"], record.decode["digest"]) == ours:
                    found.append(record)
        except (ValueError, KeyError):
            return []
        return found


class _Later:
    """The answers of a later round, taken recording by recording."""

    def __init__(self, number: int, answers: Iterator[Answer]) -> None:
        self._number = number
        self._recordings = by_recording(answers)
        self._next = next(self._recordings, None)

    def of(self, recording: str) -> list[Answer]:
        """The answers for a recording, where it is the next one."""
        if self._next is None or self._next[0].pointer.id != recording:
            return []
        taken, self._next = self._next, next(self._recordings, None)
        return taken

    def check_end(self, plan: Plan) -> None:
        """Raise where answers are left that nobody has taken."""
        if self._next is not None:
            raise NightscribeError(
                f"run {plan.run_id}: round {self._number} is not in the order of the plan; the "
                "shards were changed"
            )


def _replace(answers: list[Answer], newer: Answer) -> None:
    """Put an answer in the place of the one for the same stretch, or parts in that of a whole.

    Nothing is put in the place of an output that came when the next round was planned already.
    """
    same = [one for one in answers if one.pointer.offset == newer.pointer.offset]
    if newer.missing and not all(one.missing for one in same):
        return
    answers[:] = [a for a in answers if a.pointer.offset not in (None, newer.pointer.offset)]
    answers.append(newer)
    answers.sort(key=lambda answer: answer.pointer.offset or 0.0)


def _within(planned: Pointer, newer: Sequence[Answer]) -> list[Answer]:
    """The newer answers that cover a planned pointer's stretch."""
    start = planned.offset or 0.0
    if planned.duration is None:
        return [answer for answer in newer if (answer.pointer.offset or 0.0) >= start]
    return [answer for answer in newer if answer.pointer.offset == planned.offset]


def shard_names(output: Store, plan: Plan, number: int) -> list[str]:
    """The shards of a round, as its manifest lists them."""
    if number == 1:
        return [shard.name for shard in plan.shards]
    key = plan.keys.manifest(number)
    return [name for name in read_manifest(output.read(key), name=key)[1] if PROBE not in name]


def rounds_begun(output: Store, plan: Plan) -> int:
    """How many rounds have a manifest."""
    number = 1
    while output.stat(plan.keys.manifest(number + 1)) is not None:
        number += 1
    return number


def by_recording(answers: Iterator[Answer]) -> Iterator[list[Answer]]:
    """The parts of each recording together; the plan keeps them side by side."""
    for _, parts in groupby(answers, key=lambda answer: answer.pointer.id):
        yield list(parts)
