"""Runs that were begun and not finished: gone on with where they are still wanted, or given up."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from batch.bodies.delivery import remove_bodies
from batch.bundles import configured_bundle
from batch.config import Config
from batch.layout import TRANSCRIPTS, RunKeys
from batch.outputs import rounds_begun
from batch.plan import Plan, read_plan
from batch.platforms.base import Platform
from batch.requests import LOCAL_ROLE, job_name
from batch.runs import mark_finished, remove_remains, unfinished
from batch.superseding import drop_run
from batch.transform_machines import isolated
from manifests.errors import InputError, NightscribeError
from manifests.storage import Store


@dataclass(frozen=True, kw_only=True)
class BegunRuns:
    """What earlier drivers left; ``warn`` gets a sentence that a person should know.

    ``step`` gets a line before each step of a model's conversion.
    """

    config: Config
    output: Store
    platform: Platform
    warn: Callable[[str], None]
    step: Callable[[str], None]

    def wanted(self) -> Iterator[Plan]:
        """Plans to go on with, oldest first; a run that is not wanted any more is given up.

        Raises:
            InputError: a run that has rows cannot be read.
        """
        remove_remains(self.output)
        for run_id in unfinished(self.output):
            try:
                plan = read_plan(self.output, run_id)
            except InputError as error:
                self._check_that_it_has_no_rows(run_id, error)
                self.warn(f"run {run_id} cannot be gone on with: {error}")
                give_up(self.output, run_id)
                continue
            if self._still_wanted(plan):
                yield plan
            else:
                self.warn(
                    f"run {run_id} was planned with another model, setting or platform and is "
                    "given up; "
                    "its recordings are planned anew"
                )
                self._stop(plan)
                give_up(self.output, run_id)

    def _still_wanted(self, plan: Plan) -> bool:
        """Whether an unfinished run was planned with today's settings, or has rows already."""
        bundle = configured_bundle(self.config, self.output, tell=self.step)
        here = plan.model_request["ExecutionRoleArn"] == LOCAL_ROLE
        planned = (plan.channels, plan.model_digest, plan.decode_digest, here, plan.sends_sound)
        wanted = (
            self.config.archive.channels,
            bundle.model_digest,
            bundle.decode_digest,
            self.config.platform.name == "local",
            isolated(self.config),
        )
        return planned == wanted or self._has_rows(plan.keys)

    def _has_rows(self, keys: RunKeys) -> bool:
        places = (keys.rows(TRANSCRIPTS), keys.ledger)
        return any(self.output.stat(place) is not None for place in places)

    def _check_that_it_has_no_rows(self, run_id: str, error: InputError) -> None:
        """What a night has cost is not thrown away for a file that can be brought back."""
        keys = RunKeys(run_id=run_id)
        if self._has_rows(keys):
            raise InputError(
                f"{error}; run {run_id} has rows that its report needs it for: put it back (an "
                "earlier version of the object, a backup), or go on with the nightscribe that "
                f"wrote it; to transcribe its recordings again, delete {keys.rows(TRANSCRIPTS)} "
                f"and {keys.ledger} below {self.output.uri}"
            ) from error

    def _stop(self, plan: Plan) -> None:
        """Stop the job that a driver who died left running: it costs money, and takes the quota."""
        newest = f"r{rounds_begun(self.output, plan)}"
        try:
            self.platform.stop_transform(job_name(plan.run_id, self.output.uri, newest))
        except NightscribeError as error:
            self.warn(f"run {plan.run_id}: a job of it that still runs is not stopped: {error}")


def give_up(output: Store, run_id: str) -> None:
    """Take what was begun away; its recordings are planned anew."""
    drop_run(output, run_id)
    remove_bodies(output, RunKeys(run_id=run_id))
    content = {"run_id": run_id, "abandoned": True}
    output.put(RunKeys(run_id=run_id).summary, json.dumps(content).encode())
    mark_finished(output, run_id)
