"""What a run takes on: the archive surveyed, the difference to the ledger frozen as a plan."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import cached_property
from itertools import chain

from batch.bundles import Bundle
from batch.capacity.limits import (
    TransformLimits,
    Work,
    check_documents,
    check_pointer,
    concurrency,
    limits_for,
    most_sound,
    payload_bytes,
)
from batch.capacity.speeds import Machine, Speed, measured_speed
from batch.config import Config
from batch.layout import ARCHIVE_MARK, RunKeys
from batch.moves import carry_over
from batch.plan import Plan, write_round
from batch.platforms.base import Document
from batch.precision.making import silent
from batch.requests import (
    TransformMachines,
    job_name,
    model_request,
    transform_request,
)
from batch.runs import mark_pending, next_run_id
from batch.shards import Planned, alone, balanced, into_shards, pointers_of, shard_seconds
from batch.survey import Survey, Surveyor
from batch.transform_machines import transform_machines
from manifests.errors import InputError
from manifests.storage import Store

MANY_SHARDS = 20_000


@dataclass(frozen=True, kw_only=True)
class Planner:
    """Surveys an archive and freezes plans; ``warn`` gets a sentence that a person should know.

    ``step`` gets a line before each step of a model's conversion.
    """

    config: Config
    archive: Store
    output: Store
    warn: Callable[[str], None]
    step: Callable[[str], None] = silent
    _speeds: dict[Bundle, Speed] = field(default_factory=dict)

    @cached_property
    def machines(self) -> TransformMachines:
        """Where the jobs run."""
        return transform_machines(self.config, warn=self.warn)

    @property
    def machine(self) -> Machine:
        """One of the machines, as a measured speed names it."""
        local = self.config.platform.name == "local"
        return Machine(
            instance_type="" if local else self.machines.instance_type,
            workers=concurrency(self.machines.workers),
        )

    def survey(self, *, dry: bool = False) -> Survey:
        """Look at everything; a ``dry`` one writes nothing at all.

        Raises:
            InputError: nothing to transcribe, or references that match no recording.
        """
        return Surveyor(
            config=self.config,
            archive=self.archive,
            output=self.output,
            warn=self.warn,
            step=self.step,
        ).survey(dry=dry)

    def freeze(self, survey: Survey, *, today: date) -> Plan:
        """Write a run's shards, then its plan: from here on the run exists."""
        self._bind()
        keys = RunKeys(run_id=next_run_id(self.output, today))
        mark_pending(self.output, keys.run_id)
        # What has no row to carry over is new.
        survey = survey.carrying(carry_over(self.output, keys, survey.found, survey.carried))
        planned, bundle, selection = self._shards(survey), survey.bundle, survey.selection
        self._tell_many(len(planned), bundle)
        model = self.model_request(bundle)
        job = self.transform_request(keys, 1, model["ModelName"], self.limits(survey, planned))
        check_documents(model, job)
        shards = write_round(self.output, keys, 1, planned)
        plan = Plan(
            run_id=keys.run_id,
            dt=keys.dt,
            created_at=datetime.now(UTC).isoformat(timespec="seconds"),
            archive_uri=self.archive.uri,
            output_uri=self.output.uri,
            channels=self.config.archive.channels,
            language=self.config.archive.language,
            model=bundle.name,
            model_digest=bundle.model_digest,
            decode_digest=bundle.decode_digest,
            bundle_uri=bundle.uri,
            listed=len(survey.recordings),
            kept=selection.kept,
            waiting=selection.waiting,
            settling=selection.settling,
            reasons=survey.reasons,
            attempts={c.recording.id: c.attempts for c in selection.chosen if c.attempts},
            shards=shards,
            model_request=model,
            transform_request=job,
        )
        self.output.put(keys.plan, plan.to_json())
        return plan

    def model_request(self, bundle: Bundle) -> Document:
        """The model that jobs run; the same from night to night."""
        return model_request(
            name=job_name("model", self.output.uri, bundle.model_digest),
            bundle_uri=bundle.uri,
            machines=self.machines,
        )

    def transform_request(
        self, keys: RunKeys, number: int, model_name: str, limits: TransformLimits | None = None
    ) -> Document:
        """The transform job of a round; without ``limits``, of one whose shards are written."""
        return transform_request(
            name=job_name(keys.run_id, self.output.uri, f"r{number}"),
            model_name=model_name,
            manifest_uri=self.output.uri_of(
                keys.body_manifest(number) if self.machines.isolated else keys.manifest(number)
            ),
            output_uri=self.output.uri_of(keys.out),
            allowed_prefixes=[self.archive.uri],
            limits=limits or self._limits_of_round(keys, number),
            machines=self.machines,
        )

    def fitting(self, shards: Sequence[Sequence[Planned]]) -> list[list[Planned]]:
        """The shards, cut where one is larger than a request may be."""
        most = payload_bytes(self.machines.workers)
        return [
            piece
            for shard in shards
            for piece in into_shards(shard, target=math.inf, most_bytes=most)
        ]

    def speed(self, bundle: Bundle) -> Speed:
        """How fast the jobs' machines are with a model, as far as it was measured."""
        if bundle not in self._speeds:
            self._speeds[bundle] = measured_speed(
                self.output, self.machine, model=bundle.name, digest=bundle.model_digest
            )
        return self._speeds[bundle]

    def limits(self, survey: Survey, shards: Sequence[Sequence[Planned]]) -> TransformLimits:
        """The limits of a job over these shards.

        Raises:
            InputError: none would do; nothing has been written or paid for yet.
        """
        workers = self.machines.workers
        if self.machines.isolated:
            return _limits_of_bodies(workers)
        for one in chain.from_iterable(shards):
            check_pointer(one.pointer.uri, one.size, workers=workers)
        work = Work(
            shard_bytes=max((sum(one.size for one in shard) for shard in shards), default=0),
            shard_seconds=max((sum(one.seconds for one in shard) for shard in shards), default=0),
            pointer_seconds=max((one.seconds for one in chain.from_iterable(shards)), default=0),
        )
        worker_speed = self.speed(survey.bundle).sure_of_worker
        return limits_for(
            work, workers=workers, worker_speed=worker_speed, where=self.machine.named
        )

    def _limits_of_round(self, keys: RunKeys, number: int) -> TransformLimits:
        """What went wrong before gets all the time there is."""
        if self.machines.isolated:
            return _limits_of_bodies(self.machines.workers)
        written = self.output.list(f"{keys.shards}r{number}-")
        work = Work(shard_bytes=max((one.size for one in written), default=0))
        return limits_for(work, workers=self.machines.workers)

    def _shards(self, survey: Survey) -> list[list[Planned]]:
        """What is new in shards of minutes, and behind it what may take its shard down, alone."""
        planned = self._pointers(survey, suspect=False)
        suspects = self._pointers(survey, suspect=True)
        lanes = self.machines.workers * self.machines.instance_count
        target = shard_seconds(
            sum(one.seconds for one in (*planned, *suspects)),
            limit_minutes=self.config.transform.shard_minutes or self._shard_minutes(survey),
            workers=lanes,
        )
        shards = balanced(planned, target=target, lanes=lanes)
        return self.fitting(shards + alone(suspects, target=target))

    def _tell_many(self, shards: int, bundle: Bundle) -> None:
        if shards > MANY_SHARDS and self.speed(bundle).sure_of_worker is None:
            self.warn(
                f"{shards} shards, as small as the slowest machine needs them, for no one has "
                f"measured how fast {bundle.name} is on {self.machine.named}; "
                "'nightscribe estimate --canary' does in minutes, and fewer, larger shards are "
                "written and collected sooner"
            )

    def _shard_minutes(self, survey: Survey) -> float:
        speed = self.speed(survey.bundle).sure_of_worker
        return most_sound(speed, split=self.config.archive.channels == "split") / 60

    def _pointers(self, survey: Survey, *, suspect: bool) -> list[Planned]:
        section = self.config.archive
        return [
            one
            for chosen in survey.selection.chosen
            if chosen.suspect is suspect
            for one in pointers_of(
                chosen.recording,
                seconds=survey.seconds(chosen.recording),
                channels=section.channels,
                language=section.language,
                meta=survey.meta.get(chosen.recording.path, {}),
            )
        ]

    def _bind(self) -> None:
        """An output belongs to one archive: ids are relative paths, and two would displace rows."""
        mark = json.dumps({"archive": self.archive.uri}).encode()
        if self.output.put_if_absent(ARCHIVE_MARK, mark):
            return
        owner = json.loads(self.output.read(ARCHIVE_MARK))["archive"]
        if owner != self.archive.uri:
            raise InputError(
                f"[output] uri {self.output.uri!r} holds the transcripts of {owner!r}, not of "
                f"{self.archive.uri!r}; give each archive an output of its own (if this archive "
                f"has moved, remove {ARCHIVE_MARK} there)"
            )


def _limits_of_bodies(workers: int) -> TransformLimits:
    """Bodies are cut to the payload, not the payload to them."""
    return limits_for(Work(shard_bytes=payload_bytes(workers)), workers=workers)
