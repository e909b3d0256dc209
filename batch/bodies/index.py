"""What was staged of a shard: for each record that its pointers will have, the bodies it is in.

One JSON line a record: ``record`` as staging knows it (its error, or its channel and duration) and
``bodies``, the names of the bodies whose words it joins.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from batch.plan import Plan
from manifests.storage import Store
from transform_handler.decoding.segments import segments_of
from transform_handler.records import Status, TranscriptRecord

Answers = Callable[[str], TranscriptRecord | None]
"""The record that came back for a body; None where none did."""


@dataclass(frozen=True, kw_only=True)
class StagedRecord:
    """A record as far as staging knows it, and the bodies that its words will come from."""

    record: TranscriptRecord
    bodies: tuple[str, ...] = ()

    def joined(self, answers: Answers) -> TranscriptRecord | None:
        """The record that a pointer would have had; None while a body has no answer."""
        found = [answers(name) for name in self.bodies]
        known = [record for record in found if record is not None]
        if len(known) < len(found):
            return None
        for record in known:
            if record.error is not None:
                return replace(
                    self.record,
                    status=Status.ERROR,
                    channel=None,
                    error=record.error,
                    channels=None,
                    duration=record.duration,
                )
        words = [word for record in known for word in record.words]
        segments = segments_of(words, channel=self.record.channel)
        status = Status.OK if segments else self.record.status
        calibrated = bool(known) and all(record.calibrated for record in known)
        return replace(
            self.record,
            segments=segments,
            status=status,
            calibrated=calibrated,
            sound=tuple(facts for record in known for facts in record.sound),
        )


def joined(staged: Sequence[StagedRecord], answers: Answers) -> tuple[TranscriptRecord, ...]:
    """The records of one pointer: all of its channels, one error, or none at all."""
    found = [one.joined(answers) for one in staged]
    records = [record for record in found if record is not None]
    if len(records) < len(found):
        return ()
    return tuple([record for record in records if record.error is not None][:1] or records)


def bodies_of(staged: Iterable[StagedRecord]) -> list[str]:
    """The names of all bodies."""
    return [name for one in staged for name in one.bodies]


def write_index(staged: Iterable[StagedRecord]) -> bytes:
    """An index as bytes."""
    lines = (
        json.dumps(
            {"record": json.loads(one.record.to_line()), "bodies": one.bodies},
            ensure_ascii=False,
            separators=(",", ":"),
        )
        for one in staged
    )
    return "".join(line + "\n" for line in lines).encode()


def read_index(data: bytes) -> Iterator[StagedRecord]:
    """Read back what ``write_index`` wrote."""
    for line in data.decode().split("\n"):
        if line:
            content = json.loads(line)
            record = TranscriptRecord.from_line(json.dumps(content["record"]))
            yield StagedRecord(record=record, bodies=tuple(content["bodies"]))


def read_staged(output: Store, plan: Plan, shard: str) -> list[StagedRecord] | None:
    """What was staged of a shard; None where that is not complete."""
    key = plan.keys.staged + shard
    return list(read_index(output.read(key))) if output.stat(key) is not None else None
