"""What a run tells whoever watches it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from batch.capacity.used import Heard
from batch.layout import PROBE

if TYPE_CHECKING:
    from batch.collect import Collected
    from batch.plan import Plan, ShardEntry
    from batch.platforms.base import JobOutcome
    from manifests.storage import Store


@dataclass(frozen=True, kw_only=True)
class ShardDone:
    """One shard has its output: how many records, and how much sound they hold."""

    name: str
    records: int
    errors: int
    audio_seconds: float

    @classmethod
    def of(cls, name: str, answer: bytes) -> ShardDone:
        """Read the counts off an output; one that cannot be read has no records."""
        try:
            records = [json.loads(line) for line in answer.decode().split("\n") if line]
            # Channels of one recording share its length, also where each has its own output.
            firsts = [r for r in records if not r["error"] and not r["channel"]]
            lengths = {(r["id"], r["offset"]): r["duration"] or 0.0 for r in firsts}
            errors = sum(1 for record in records if record["error"])
        except (ValueError, KeyError, TypeError):
            return cls(name=name, records=0, errors=0, audio_seconds=0.0)
        return cls(
            name=name,
            records=len(records),
            errors=errors,
            audio_seconds=sum(lengths.values()),
        )


def heard_in(output: Store, folder: str, known: Mapping[str, float]) -> Iterator[Heard]:
    """The outputs below a folder; ``known`` is the sound of those that need not be read again."""
    for entry in output.list(folder):
        name = entry.key.rpartition("/")[2].removesuffix(".out")
        if PROBE in name:
            continue
        seconds = known.get(name)
        if seconds is None:
            seconds = ShardDone.of(name, output.read(entry.key)).audio_seconds
        yield Heard(at=entry.modified, audio_seconds=seconds)


class Listener(Protocol):
    """Shows a run to a person, to a log, or to a machine."""

    def step(self, name: str, what: str) -> None:
        """A step begins."""

    def warn(self, sentence: str) -> None:
        """Something that a person should know, and that does not stop the run."""

    def planned(self, plan: Plan) -> None:
        """A run was frozen."""

    def transform_begins(self, plan: Plan, shards: Sequence[ShardEntry]) -> None:
        """The sound of these shards, which have no output yet, is going to the model."""

    def shard_done(self, done: ShardDone) -> None:
        """A shard has its output."""

    def transform_ends(self, outcome: JobOutcome) -> None:
        """The transform job is over."""

    def collected(self, collected: Collected) -> None:
        """The rows are written."""
