"""The plan: what a run takes on, frozen before anything is done, readable on its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from pydantic import TypeAdapter, ValidationError

from batch.layout import RunKeys
from batch.platforms.base import Document
from batch.shards import Planned
from manifests.errors import InputError
from manifests.json_files import json_file, parsed_json
from manifests.manifest_file import write_manifest
from manifests.parallel import put_all
from manifests.pointers import ChannelMode, Pointer, read_pointers, write_pointers
from manifests.storage import Store
from transform_handler.handler import FLAC

PLAN_VERSION = 1
_NOTHING = Pointer(id="probe", uri="file:///dev/null/probe")


@dataclass(frozen=True, kw_only=True)
class ShardEntry:
    """One shard: its name, and what it holds."""

    name: str
    pointers: int
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a run takes on. The recordings themselves stand in the shards."""

    run_id: str
    dt: str
    created_at: str
    archive_uri: str
    output_uri: str
    channels: ChannelMode
    language: str
    model: str
    model_digest: str
    decode_digest: str
    bundle_uri: str
    listed: int
    kept: int
    waiting: int
    reasons: Mapping[str, int]
    attempts: Mapping[str, int] = field(default_factory=dict)
    """Tries before this run, of recordings that failed then; by id."""
    settling: int = 0
    """Recordings that were too young, and wait for the next run."""
    forgotten: int = 0
    """Recordings that were planned and that 'nightscribe forget' has taken out since."""
    shards: Sequence[ShardEntry] = ()
    model_request: Document = field(default_factory=dict)
    transform_request: Document = field(default_factory=dict)
    version: int = PLAN_VERSION

    @property
    def keys(self) -> RunKeys:
        """Where the run's files lie."""
        return RunKeys(run_id=self.run_id)

    @property
    def recordings(self) -> int:
        """How many recordings the run takes on."""
        return sum(self.reasons.values()) - self.forgotten

    @property
    def seconds(self) -> float:
        """Predicted sound, in seconds."""
        return sum(shard.seconds for shard in self.shards)

    @property
    def sends_sound(self) -> bool:
        """Whether requests carry sound and not pointers."""
        source = self.transform_request.get("TransformInput", {})
        return bool(source.get("ContentType") == FLAC)

    def to_json(self) -> bytes:
        """The plan's file."""
        return json_file(asdict(self))

    @classmethod
    def from_json(cls, data: bytes, *, name: str) -> Plan:
        """Read a plan back.

        Raises:
            InputError: not a plan, or of another version.
        """
        try:
            content: dict[str, Any] = parsed_json(data)
            if content["version"] != PLAN_VERSION:
                raise InputError(
                    f"{name}: plan version {content['version']}, this program reads {PLAN_VERSION}"
                )
            shards = [ShardEntry(**shard) for shard in content["shards"]]
            plan = cls(**{**content, "shards": shards})
            TypeAdapter(cls).validate_json(data, strict=True)
        except ValidationError as error:
            wrong = error.errors()[0]
            where = ".".join(map(str, wrong["loc"]))
            raise InputError(f"{name}: not a plan ({where}: {wrong['msg']})") from error
        except (ValueError, KeyError, TypeError) as error:
            if isinstance(error, InputError):
                raise
            raise InputError(f"{name}: not a plan ({error})") from error
        return plan


def write_round(
    output: Store, keys: RunKeys, number: int, shards: Sequence[Sequence[Planned]]
) -> list[ShardEntry]:
    """Write a round's shards and their ManifestFile; the same shards give the same names.

    The manifest begins with the probe: one pointer to nothing. Where no other input has an output,
    its output tells a model that was loaded from one that was not.
    """
    entries = [
        ShardEntry(
            name=keys.shard(number, index),
            pointers=len(shard),
            seconds=round(sum(one.seconds for one in shard), 1),
        )
        for index, shard in enumerate(shards)
    ]
    probe = keys.probe(number, "jsonl")
    names = [probe, *(entry.name for entry in entries)]
    pointers = [[_NOTHING], *([one.pointer for one in shard] for shard in shards)]
    put_all(
        output,
        (
            (keys.shards + name, write_pointers(listed))
            for name, listed in zip(names, pointers, strict=True)
        ),
    )
    output.put(keys.manifest(number), write_manifest(output.uri_of(keys.shards), names))
    return entries


def read_shard(output: Store, keys: RunKeys, name: str) -> list[Pointer]:
    """A shard's pointers."""
    text = output.read(keys.shards + name).decode()
    return list(read_pointers(text, name=name))


def read_plan(output: Store, run_id: str) -> Plan:
    """The plan of a run.

    Raises:
        InputError: there is no such run.
    """
    key = RunKeys(run_id=run_id).plan
    if output.stat(key) is None:
        raise InputError(f"no run {run_id!r} below {output.uri}; 'nightscribe status' lists them")
    return Plan.from_json(output.read(key), name=key)
