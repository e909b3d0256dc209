"""Nights without a model: plans, outputs and rows of many runs, made in milliseconds.

What comes after the transform is the program's own: collection, superseding, ledger, report.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from batch.cli.listeners import LogListener
from batch.collect import Collected, collect
from batch.config import Config, load_config
from batch.layout import RunKeys
from batch.plan import Plan, read_plan, read_shard, write_round
from batch.platforms.local import LocalPlatform
from batch.requests import LOCAL_ROLE
from batch.run import Finished, Runner
from batch.runs import mark_finished, mark_pending
from batch.shards import Planned, into_shards, pointers_of
from manifests.pointers import Pointer
from manifests.recordings import list_recordings
from manifests.storage import Store, open_store
from transform_handler.records import (
    ErrorKind,
    RecordError,
    Segment,
    Status,
    TranscriptRecord,
    Word,
)

NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
MODEL = {"name": "made", "digest": "m" * 64}
DECODE = {"digest": "d" * 64}
Said = Callable[[Pointer], str | ErrorKind]


def said_by_name(pointer: Pointer) -> str | ErrorKind:
    """A text that names the recording's file and version, or an error where it is called broken."""
    name = pointer.uri.rpartition("/")[2].partition(".")[0]
    return ErrorKind.CORRUPT if "broken" in name else f"{name} says {pointer.size}"


@dataclass(kw_only=True)
class Home:
    """A configuration with its archive and its output, and runs of it."""

    folder: Path
    config: Config
    digests: tuple[str, str] = (MODEL["digest"], DECODE["digest"])
    said: Said = said_by_name
    store: Store | None = None
    """In the place of the output that the configuration names."""

    @property
    def output(self) -> Store:
        return self.store or open_store(self.config.output.uri)

    @property
    def archive(self) -> Store:
        return open_store(self.config.archive.uri)

    def runner(self) -> Runner:
        return Runner(config=self.config, platform=LocalPlatform(), listener=LogListener())

    def put(self, *paths: str, content: bytes = b"sound") -> None:
        """Recordings, written or changed."""
        for path in paths:
            self.archive.put(path, content)

    def planned(
        self, run_id: str, paths: Sequence[str] = (), *, attempts: Mapping[str, int] | None = None
    ) -> Plan:
        """A plan of some recordings, of all without ``paths``, and its outputs."""
        chosen = [one for one in list_recordings(self.archive) if not paths or one.path in paths]
        keys = RunKeys(run_id=run_id)
        pointers = [
            one
            for recording in chosen
            for one in pointers_of(
                recording,
                seconds=60.0,
                channels=self.config.archive.channels,
                language="en",
                meta={},
            )
        ]
        plan = Plan(
            run_id=run_id,
            dt=keys.dt,
            created_at=f"{keys.dt}T22:00:00+00:00",
            archive_uri=self.archive.uri,
            output_uri=self.output.uri,
            channels=self.config.archive.channels,
            language="en",
            model="made",
            model_digest=self.digests[0],
            decode_digest=self.digests[1],
            bundle_uri="",
            listed=len(chosen),
            kept=0,
            waiting=0,
            reasons={"new": len(chosen)},
            attempts=attempts or {},
            shards=write_round(self.output, keys, 1, into_shards(pointers, target=150.0)),
            model_request={"ExecutionRoleArn": LOCAL_ROLE},
        )
        self.output.put(keys.plan, plan.to_json())
        mark_pending(self.output, run_id)
        self._answer(plan, pointers)
        return plan

    def collected(self, plan: Plan) -> Collected:
        """The rows of a run."""
        found = collect(self.output, plan, now=NOW, still_ours=lambda: None)
        self.output.put(plan.keys.collected, json.dumps(asdict(found)).encode())
        return found

    def night(self, run_id: str, paths: Sequence[str] = ()) -> Plan:
        """A run with its rows, finished without a report."""
        plan = self.planned(run_id, paths)
        self.collected(plan)
        self.finished(plan)
        return plan

    def finished(self, plan: Plan) -> None:
        """A run marked as finished, without a report."""
        summary = {
            "run_id": plan.run_id,
            "dt": plan.dt,
            "model": plan.model,
            "planned": plan.recordings,
            **json.loads(self.output.read(plan.keys.collected)),
            "timing": {},
            "scores": {"wer": {"rate": None}},
        }
        self.output.put(plan.keys.summary, json.dumps(summary).encode())
        mark_finished(self.output, plan.run_id)

    def reported(self, run_id: str, paths: Sequence[str] = ()) -> Finished:
        """A run with its rows and its report."""
        plan = self.planned(run_id, paths)
        self.collected(plan)
        return self.runner().report(plan)

    def planned_before(self, run_id: str) -> Plan:
        """The plan of a run that was made."""
        return read_plan(self.output, run_id)

    def _answer(self, plan: Plan, planned: Sequence[Planned]) -> None:
        for shard in plan.shards:
            pointers = read_shard(self.output, plan.keys, shard.name)
            records = [one for pointer in pointers for one in self._records(pointer)]
            lines = "".join(record.to_line() + "\n" for record in records)
            self.output.put(f"{plan.keys.out}{shard.name}.out", lines.encode())

    def _records(self, pointer: Pointer) -> list[TranscriptRecord]:
        said = self.said(pointer)
        common = {
            "id": pointer.id,
            "uri": pointer.uri,
            "offset": pointer.offset,
            "language": "en",
            "model": {"name": "made", "digest": self.digests[0]},
            "decode": {"digest": self.digests[1]},
        }
        if isinstance(said, ErrorKind):
            error = RecordError(kind=said, message=f"{pointer.uri} is not sound")
            return [TranscriptRecord(**common, status=Status.ERROR, error=error)]
        channels = [0, 1] if pointer.channels == "split" else [None]
        return [
            TranscriptRecord(
                **common,
                status=Status.OK if said else Status.EMPTY,
                channel=channel,
                channels=len(channels),
                duration=60.0,
                segments=_segments(said, channel),
            )
            for channel in channels
        ]


def _segments(text: str, channel: int | None) -> tuple[Segment, ...]:
    words = tuple(
        Word(text=word, start=float(n), end=n + 0.5, confidence=0.9)
        for n, word in enumerate(text.split())
    )
    if not words:
        return ()
    segment = Segment(
        start=0.0,
        end=words[-1].end,
        channel=channel,
        text=text,
        confidence=0.9,
        words=words,
    )
    return (segment,)


def made_home(
    folder: Path,
    *overrides: str,
    archive: str = "archive",
    output: str = "out",
    model: str = "model",
    more: str = "",
) -> Home:
    """A configuration in ``folder``."""
    path = folder / "nightscribe.toml"
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(
        f'[archive]\nuri = "{archive}"\n[model]\nuri = "{model}"\n[output]\nuri = "{output}"\n'
        f"{more}\n",
        "utf-8",
    )
    return Home(folder=folder, config=load_config(path, overrides))
