"""The run: plan → transform → collect → score → report, each step safe to repeat.

A killed run is finished by the next one. Every step reads only what the steps before it wrote.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from batch.bodies.delivery import WholeShards, deliver, remove_bodies
from batch.bundles import configured_bundle
from batch.capacity.limits import check_documents
from batch.capacity.prices import used_summary
from batch.capacity.used import JobUse, Timing, attributed, merged
from batch.claim import Claim
from batch.collect import Collected, collect
from batch.config import Config
from batch.datasets import drop_run
from batch.layout import CLAIM, PROBE, TRANSCRIPTS, RunKeys
from batch.outputs import Outputs, rounds_begun
from batch.plan import Plan, read_plan, write_round
from batch.planning import Planner, Survey
from batch.platforms.base import DeadlineError, Document, JobOutcome, JobStoppedError, Platform
from batch.progress import Listener, ShardDone, heard_in
from batch.report.model import Report
from batch.requests import LOCAL_ROLE, job_name
from batch.runs import mark_finished, unfinished
from batch.score import build_report, exceeded, write_report, write_scores
from batch.shards import again
from batch.transform_machines import isolated
from manifests.errors import InputError, JobFailedError, NightscribeError
from manifests.storage import Store, open_store
from transform_handler.records import ErrorKind


@dataclass(frozen=True, kw_only=True)
class Finished:
    """What a run came to."""

    plan: Plan
    collected: Collected
    figures: dict[str, Any]
    report_uri: str
    problems: tuple[str, ...] = ()
    """Thresholds of ``[report]`` that were passed: exit code 3."""


@dataclass(kw_only=True)
class Runner:
    """Carries out the steps of a configuration."""

    config: Config
    platform: Platform
    listener: Listener
    today: Callable[[], date] = date.today
    until: datetime | None = None
    """When no more sound is staged; the platform has a deadline of its own."""
    on_begin: Callable[[Plan], None] = lambda _: None
    """Told of each run that is gone on with, before anything of it is done."""
    output: Store = field(init=False)
    planner: Planner = field(init=False)
    _claim: Claim | None = None

    def __post_init__(self) -> None:
        self.output = open_store(self.config.output.uri)
        archive = open_store(self.config.archive.uri)
        if archive.uri == self.output.uri:
            raise InputError(
                f"[output] uri and [archive] uri are the same place ({archive.uri}); "
                "give the output a folder of its own"
            )
        self.planner = Planner(
            config=self.config, archive=archive, output=self.output, warn=self.listener.warn
        )

    @contextmanager
    def claimed(self) -> Iterator[None]:
        """Be the only one that works on the output location.

        Raises:
            ClaimedError: somebody else does.
        """
        with Claim(self.output, CLAIM) as claim:
            self._claim = claim
            try:
                yield
            finally:
                self._claim = None

    def run(self) -> list[Finished]:
        """Finish what earlier runs left, then do what is new; an empty list: nothing to do.

        Raises:
            JobFailedError: a job could not do anything at all; the run stays as it is.
        """
        finished = self.resume()
        plan = self._planned()
        if plan is not None:
            finished.append(self.finish(plan))
        return finished

    def resume(self) -> list[Finished]:
        """Finish what earlier runs left, and begin nothing new."""
        return [self._resumed(plan) for plan in self._unfinished()]

    def plan(self) -> Plan | None:
        """Freeze a new run; the unfinished one where there is one, None where all is done."""
        return next(self._unfinished(), None) or self._planned()

    def survey(self, *, dry: bool = False) -> Survey:
        """What there is, and what a run would take on."""
        self.listener.step("plan", "listing the archive")
        return self.planner.survey(dry=dry)

    def finish(self, plan: Plan) -> Finished:
        """Every step of a planned run."""
        self.on_begin(plan)
        self.transform(plan)
        self.collect(plan)
        return self.report(plan)

    # -- the steps ----------------------------------------------------------------------------

    def transform(self, plan: Plan) -> JobOutcome:
        """Carry out the transform job, then again in smaller shards what it left over.

        Raises:
            JobFailedError: the model could not be loaded; nothing was transcribed.
        """
        done = Outputs(store=self.output, plan=plan).shards
        self.listener.transform_begins(plan, [s for s in plan.shards if s.name not in done])
        meter = _Meter(listener=self.listener, whole=WholeShards(keys=plan.keys))
        try:
            outcome = self._carried_out(plan, meter)
        except NightscribeError:
            # What failed has cost something too; the first error is the one to tell.
            with suppress(NightscribeError):
                self._note_timing(plan, meter)
            raise
        self._note_timing(plan, meter)
        self.listener.transform_ends(outcome)
        return outcome

    def collect(self, plan: Plan) -> Collected:
        """Reconcile the plan with the outputs and write the rows."""
        self.listener.step("collect", "writing rows")
        collected = collect(self.output, plan, now=datetime.now(UTC), still_ours=self._check_claim)
        self.output.put(plan.keys.collected, json.dumps(asdict(collected)).encode())
        remove_bodies(self.output, plan.keys)
        self.listener.collected(collected)
        self._tell_forbidden(plan, collected)
        return collected

    def score(self, plan: Plan) -> tuple[Report, dict[str, Any]]:
        """Score the archive as the run left it."""
        self.listener.step("score", "aligning transcripts with references")
        report = build_report(self.output, self.config, plan, self._timing(plan))
        return report, write_scores(self.output, plan, report)

    def report(self, plan: Plan) -> Finished:
        """Score, write the page and the summary: the run is finished.

        Raises:
            InputError: the run has not been collected.
        """
        if self.output.stat(plan.keys.collected) is None:
            raise InputError(
                f"run {plan.run_id} has no rows yet; 'nightscribe collect' writes them"
            )
        collected = Collected(**json.loads(self.output.read(plan.keys.collected)))
        report, figures = self.score(plan)
        self.listener.step("report", "writing the page")
        finished = Finished(
            plan=plan,
            collected=collected,
            figures=figures,
            report_uri=write_report(self.output, plan, report),
            problems=tuple(exceeded(self.config, collected, report)),
        )
        timing = self._timing(plan)
        used = used_summary(self.config, timing.jobs)
        self.output.put(plan.keys.summary, _summary(finished, timing, used))
        mark_finished(self.output, plan.run_id)
        return finished

    # -- runs that were begun -----------------------------------------------------------------

    def _planned(self) -> Plan | None:
        survey = self.survey()
        self._tell_what_stays(survey)
        if not survey.selection.chosen:
            return None
        plan = self.planner.freeze(survey, today=self.today())
        self.listener.planned(plan)
        return plan

    def _tell_what_stays(self, survey: Survey) -> None:
        if survey.selection.waiting:
            self.listener.warn(
                f"{survey.selection.waiting} recordings keep the transcript of another model or "
                'setting; [run] on_model_change = "all" would transcribe them again'
            )
        if survey.failed:
            self.listener.warn(f"{survey.failed} recordings keep their error row")

    def _tell_forbidden(self, plan: Plan, collected: Collected) -> None:
        role = plan.model_request["ExecutionRoleArn"]
        who = "this user" if role == LOCAL_ROLE else f"the jobs' role {role}"
        if count := collected.kinds.get(ErrorKind.FORBIDDEN):
            self.listener.warn(
                f"{who} may not read {count} recordings below {plan.archive_uri}; mend its policy "
                "(s3:GetObject, and kms:Decrypt where they are encrypted), and the next run tries "
                "them again"
            )

    def _unfinished(self) -> Iterator[Plan]:
        for run_id in unfinished(self.output):
            try:
                plan = read_plan(self.output, run_id)
            except InputError as error:
                self.listener.warn(f"run {run_id} cannot be gone on with: {error}")
                self._give_up(run_id)
                continue
            if self._still_wanted(plan):
                yield plan
            else:
                self.listener.warn(
                    f"run {run_id} was planned with another model, setting or platform and is "
                    "given up; "
                    "its recordings are planned anew"
                )
                self._stop(plan)
                self._give_up(run_id)

    def _resumed(self, plan: Plan) -> Finished:
        self.listener.warn(f"going on with run {plan.run_id}, which was not finished")
        return self.finish(plan)

    def _still_wanted(self, plan: Plan) -> bool:
        """Whether an unfinished run was planned with today's settings, or has rows already."""
        bundle = configured_bundle(self.config, self.output)
        here = plan.model_request["ExecutionRoleArn"] == LOCAL_ROLE
        planned = (plan.channels, plan.model_digest, plan.decode_digest, here, plan.sends_sound)
        wanted = (
            self.config.archive.channels,
            bundle.model_digest,
            bundle.decode_digest,
            self.config.platform.name == "local",
            isolated(self.config),
        )
        rows = plan.keys.rows(TRANSCRIPTS)
        return planned == wanted or self.output.stat(rows) is not None

    def _stop(self, plan: Plan) -> None:
        """Stop the job that a driver who died left running: it costs money, and takes the quota."""
        newest = f"r{rounds_begun(self.output, plan)}"
        try:
            self.platform.stop_transform(job_name(plan.run_id, self.output.uri, newest))
        except NightscribeError as error:
            self.listener.warn(
                f"run {plan.run_id}: a job of it that still runs is not stopped: {error}"
            )

    def _give_up(self, run_id: str) -> None:
        drop_run(self.output, run_id)
        remove_bodies(self.output, RunKeys(run_id=run_id))
        content = {"run_id": run_id, "abandoned": True}
        self.output.put(RunKeys(run_id=run_id).summary, json.dumps(content).encode())
        mark_finished(self.output, run_id)

    def _check_claim(self) -> None:
        if self._claim is not None:
            self._claim.check()

    # -- rounds -------------------------------------------------------------------------------

    def _carried_out(self, plan: Plan, meter: _Meter) -> JobOutcome:
        outcome = self._round(plan, 1, meter)
        for number in range(2, self._rounds(plan) + 1):
            if not self._prepared(plan, number):
                break
            outcome = self._round(plan, number, meter)
        return outcome

    def _round(self, plan: Plan, number: int, meter: _Meter) -> JobOutcome:
        self._check_claim()
        request = plan.transform_request
        if number > 1:
            request = self.planner.transform_request(plan.keys, number, request["ModelName"])
        check_documents(plan.model_request, request)
        if plan.sends_sound and not self._staged(plan, number, request, meter):
            return JobOutcome(status="Completed")
        try:
            outcome = self.platform.transform(plan.model_request, request, on_output=meter)
        except JobStoppedError:
            self.output.put(plan.keys.stopped(number), b"")
            raise
        if outcome.status == "Stopped":
            self.output.put(plan.keys.stopped(number), b"")
        meter.jobs = merged(meter.jobs, outcome.jobs)
        if not outcome.model_loaded:
            raise JobFailedError(
                f"run {plan.run_id}: {outcome.failure_reason}; nothing was transcribed. Mend it "
                "and run again: the run goes on, or is planned anew with another model"
            )
        if outcome.status != "Completed":
            self.listener.warn(f"round {number}: {outcome.failure_reason or outcome.status}")
        return outcome

    def _staged(self, plan: Plan, number: int, request: Document, meter: _Meter) -> bool:
        """Bring the sound of a round to where its job finds it; False where no job is needed."""

        def tell(done: int, of: int) -> None:
            if done == of or done % max(1, of // 20) == 0:
                self.listener.step("stage", f"round {number}: {done} of {of} shards")
            self._check_claim()

        def check() -> None:
            if self.until is not None and datetime.now(UTC) >= self.until:
                raise DeadlineError(
                    f"{request['TransformJobName']}: not begun, for the night's end has passed "
                    "while its sound was staged; the next run goes on with it"
                )

        return deliver(
            self.output, plan, number, request, whole=meter.whole, tell=tell, check=check
        )

    def _rounds(self, plan: Plan) -> int:
        """How many rounds a run has; one that was stopped costs no recording a try."""
        stopped = sum(1 for _ in self.output.list(plan.keys.stopped()))
        return self.config.transform.rounds + stopped

    def _prepared(self, plan: Plan, number: int) -> bool:
        """Write round ``number`` for what the round before left over; False where nothing is."""
        if rounds_begun(self.output, plan) >= number:
            return True
        self._check_claim()
        left = list(Outputs(store=self.output, plan=plan).missing(number - 1))
        if not left:
            return False
        ids = {one.pointer.id for shard in left for one in shard}
        self.listener.warn(f"round {number}: {len(ids)} recordings without a result go again")
        last = number == self._rounds(plan)
        shards = self.planner.fitting(again(left, last=last))
        write_round(self.output, plan.keys, number, shards)
        return True

    def _note_timing(self, plan: Plan, meter: _Meter) -> None:
        earlier = _timing(self.output, plan)
        jobs = merged(earlier.jobs if earlier else (), meter.jobs)
        timing = Timing(
            started_at=earlier.started_at if earlier else meter.started_at,
            finished_at=datetime.now(UTC).isoformat(timespec="seconds"),
            audio_seconds=round(meter.heard + (earlier.audio_seconds if earlier else 0.0), 3),
            wall_seconds=round(meter.wall_seconds + (earlier.wall_seconds if earlier else 0.0), 3),
            jobs=attributed(jobs, heard_in(self.output, plan.keys.out, meter.heard_by)),
        )
        self.output.put(plan.keys.timing, json.dumps(timing.as_json()).encode())

    def _timing(self, plan: Plan) -> Timing:
        return _timing(self.output, plan) or Timing(
            started_at=plan.created_at,
            finished_at=plan.created_at,
            audio_seconds=0.0,
            wall_seconds=0.0,
        )


class _Meter:
    """Counts what a transform does while the listener is told."""

    def __init__(self, *, listener: Listener, whole: WholeShards) -> None:
        self._listener = listener
        self.whole = whole
        self._clock = time.monotonic()
        self.started_at = datetime.now(UTC).isoformat(timespec="seconds")
        self.heard_by: dict[str, float] = {}
        self.jobs: list[JobUse] = []

    def __call__(self, name: str, answer: bytes) -> None:
        if PROBE in name:
            return
        done = ShardDone.of(name, answer)
        self.heard_by[name] = done.audio_seconds
        if (shard := self.whole.done(done)) is not None:
            self._listener.shard_done(shard)

    @property
    def heard(self) -> float:
        return sum(self.heard_by.values())

    @property
    def wall_seconds(self) -> float:
        return time.monotonic() - self._clock


def _timing(output: Store, plan: Plan) -> Timing | None:
    if output.stat(plan.keys.timing) is None:
        return None
    return Timing.from_json(json.loads(output.read(plan.keys.timing)))


def _summary(finished: Finished, timing: Timing, used: dict[str, Any]) -> bytes:
    plan = finished.plan
    content = {
        "run_id": plan.run_id,
        "dt": plan.dt,
        "model": plan.model,
        "model_digest": plan.model_digest,
        "decode_digest": plan.decode_digest,
        "listed": plan.listed,
        "planned": plan.recordings,
        "kept": plan.kept,
        "reasons": dict(plan.reasons),
        **asdict(finished.collected),
        "timing": timing.as_json(),
        "used": used,
        "scores": finished.figures,
        "thresholds_passed": list(finished.problems),
    }
    return (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode()
