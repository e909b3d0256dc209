"""The run: plan → transform → collect → score → report, each step safe to repeat.

A killed run is finished by the next one. Every step reads only what the steps before it wrote.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, date, datetime
from functools import partial
from typing import Any

from batch.begun import BegunRuns
from batch.bodies.delivery import remove_bodies
from batch.bundles import Bundle
from batch.capacity.prices import used_summary
from batch.capacity.used import Timing
from batch.checksums import noting
from batch.claim import Claim, ClaimedError
from batch.collect import Collected, collect, forbidden
from batch.comparison.comparison import Comparison
from batch.config import Config
from batch.golden import GoldenSet, against_the_last
from batch.layout import CLAIM, MODELS, WRITTEN, RunKeys
from batch.outputs import Outputs
from batch.plan import Plan, read_plan
from batch.planning import Planner
from batch.platforms.base import JobOutcome, JobStoppedError, Platform
from batch.progress import Listener
from batch.report.model import Report
from batch.report.verdict_file import Verdicts
from batch.rounds import Rounds
from batch.runs import latest, mark_finished, pending, run_folders
from batch.score import build_report, exceeded, write_report, write_scores
from batch.scored_by import configured_verdicts, scored_by
from batch.selection import Reason
from batch.survey import Survey
from batch.timing import timing_of
from batch.upkeep.retention import check_outputs, tidy_up
from manifests.errors import InputError, NightscribeError
from manifests.json_files import json_file
from manifests.storage import Store, open_store

_IDLE_SECONDS = 600.0


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
        self.output = open_store(self.config.output.uri, before_write=self._hold_claim)
        archive = open_store(self.config.archive.uri)
        if archive.uri == self.output.uri:
            raise InputError(
                f"[output] uri and [archive] uri are the same place ({archive.uri}); "
                "give the output a folder of its own"
            )
        self.planner = Planner(
            config=self.config,
            archive=archive,
            output=self.output,
            warn=self.listener.warn,
            step=partial(self.listener.step, "model"),
        )

    @contextmanager
    def claimed(self) -> Iterator[None]:
        """Be the only one that works on the output location.

        Raises:
            ClaimedError: somebody else does.
        """
        with Claim(open_store(self.config.output.uri), CLAIM) as claim:
            self._claim = claim
            try:
                self._sweep(after_a_crash=claim.after_a_crash)
                yield
            finally:
                self._claim = None

    def run(self) -> list[Finished]:
        """Finish what earlier runs left, then do what is new; an empty list: nothing to do.

        Raises:
            JobFailedError: a job could not do anything at all; the run stays as it is.
        """
        finished = self.resume()
        survey = self.survey()
        self.golden(survey.bundle)
        # What has just failed in a run that was gone on with waits for the next night.
        failed = finished and set(survey.reasons) == {Reason.RETRY}
        plan = None if failed else self._planned(survey)
        if plan is not None:
            finished.append(self.finish(plan))
        elif not finished and (last := self._scored_otherwise()) is not None:
            self.listener.step("score", "references or rules of scoring have changed since")
            finished.append(self.report(last))
        if finished:
            self._tidy()
        return finished

    def resume(self) -> list[Finished]:
        """Finish what earlier runs left, and begin nothing new."""
        return [self._resumed(plan) for plan in self._begun().wanted()]

    def golden(self, bundle: Bundle) -> None:
        """Transcribe and score the golden set, where this model has not been seen on it.

        A set that cannot be done costs the night its verdict, not its transcripts.

        Raises:
            JobStoppedError: there is no time left, or a person stopped it.
            ClaimedError: somebody else took over.
        """
        try:
            golden = GoldenSet.of(self.config, bundle)
            if golden is None or golden.is_done():
                return
            self.listener.step("golden", "transcribing the golden set with a model that is new")
            self._scored_golden(golden)
            before = golden.before()
            if before is not None and not before.is_done():
                self.listener.step("golden", "scoring the model before on the changed set")
                self._scored_golden(before, transcribe=False)
        except (JobStoppedError, ClaimedError):
            raise
        except NightscribeError as error:
            self.listener.warn(f"golden set: {error}; the night goes on without its verdict")

    def _scored_golden(self, golden: GoldenSet, *, transcribe: bool = True) -> None:
        runner = replace(self, config=golden.config, on_begin=lambda _: None)
        with runner.claimed():
            if not (transcribe and runner.run()):
                runner.report(read_plan(golden.output, latest(golden.output)))
            golden.done(latest(golden.output))

    def plan(self) -> Plan | None:
        """Freeze a new run; the unfinished one where there is one, None where all is done."""
        return next(self._begun().wanted(), None) or self._planned(self.survey())

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
            InputError: the run is long over, and its shards were removed.
        """
        check_outputs(self.output, plan)
        if not plan.shards:
            return JobOutcome(status="Completed")
        done = Outputs(store=self.output, plan=plan).shards
        self.listener.transform_begins(plan, [s for s in plan.shards if s.name not in done])
        rounds = Rounds(
            plan=plan,
            planner=self.planner,
            platform=self.platform,
            listener=self.listener,
            check_claim=self._check_claim,
            until=self.until,
        )
        outcome = rounds.carry_out()
        self.listener.transform_ends(outcome)
        return outcome

    def collect(self, plan: Plan) -> Collected:
        """Reconcile the plan with the outputs and write the rows.

        Raises:
            InputError: the run is long over, and its outputs were removed.
        """
        check_outputs(self.output, plan)
        self.listener.step("collect", "writing rows")
        collected = collect(self.output, plan, now=datetime.now(UTC), still_ours=self._check_claim)
        self.output.put(plan.keys.collected, json.dumps(asdict(collected)).encode())
        remove_bodies(self.output, plan.keys)
        self.listener.collected(collected)
        if sentence := forbidden(plan, collected):
            self.listener.warn(sentence)
        return collected

    def score(self, plan: Plan, verdicts: Verdicts | None = None) -> tuple[Report, dict[str, Any]]:
        """Score the archive as the run left it, and again with a reviewer's verdicts."""
        self.listener.step("score", "aligning transcripts with references")
        timing = timing_of(self.output, plan)
        verdicts = verdicts or configured_verdicts(self.config)
        report = build_report(self.output, self.config, plan, timing, verdicts)
        report = replace(report, golden=self._golden_verdict(plan))
        with noting(self.output, plan.keys) as output:
            return report, write_scores(output, plan, report)

    def report(self, plan: Plan, verdicts: Verdicts | None = None) -> Finished:
        """Score, write the page and the summary: the run is finished.

        Raises:
            InputError: the run has not been collected.
        """
        if self.output.stat(plan.keys.collected) is None:
            raise InputError(
                f"run {plan.run_id} has no rows yet; 'nightscribe collect' writes them"
            )
        collected = Collected(**json.loads(self.output.read(plan.keys.collected)))
        report, figures = self.score(plan, verdicts)
        self.listener.step("report", "writing the page")
        with noting(self.output, plan.keys) as output:
            place = write_report(output, plan, report, clips=self.config.report.clips)
        finished = Finished(
            plan=plan,
            collected=collected,
            figures=figures,
            report_uri=place,
            problems=tuple(exceeded(self.config, collected, report)),
        )
        timing = timing_of(self.output, plan)
        used = used_summary(self.config, timing.jobs)
        self.output.put(plan.keys.summary, _summary(finished, timing, used, rules=report.scored_by))
        mark_finished(self.output, plan.run_id)
        return finished

    def _tidy(self) -> None:
        """Without it a night is as good."""
        try:
            self._check_claim()
            tidy_up(self.output, self.config.retention, today=self.today())
        except ClaimedError:
            raise
        except NightscribeError as error:
            self.listener.warn(f"tidying up: {error}; the next run does it")

    def _scored_otherwise(self) -> Plan | None:
        """The last finished run, where its report was made with other references or rules."""
        for run_id in reversed(run_folders(self.output)):
            keys = RunKeys(run_id=run_id)
            if self.output.stat(keys.summary) is None:
                continue
            summary = json.loads(self.output.read(keys.summary))
            if not summary.get("abandoned"):
                known = summary.get("scored_by")
                same = known is None or known == scored_by(self.config)
                return None if same else read_plan(self.output, run_id)
        return None

    def _golden_verdict(self, plan: Plan) -> Comparison | None:
        try:
            return against_the_last(self.config, plan.model_digest, plan.decode_digest)
        except NightscribeError as error:
            self.listener.warn(f"golden set: {error}")
            return None

    def _planned(self, survey: Survey) -> Plan | None:
        for sentence in survey.what_stays():
            self.listener.warn(sentence)
        if not survey.reasons:
            return None
        plan = self.planner.freeze(survey, today=self.today())
        self.listener.planned(plan)
        return plan

    def _begun(self) -> BegunRuns:
        return BegunRuns(
            config=self.config,
            output=self.output,
            platform=self.platform,
            warn=self.listener.warn,
            step=self.planner.step,
        )

    def _resumed(self, plan: Plan) -> Finished:
        self.listener.warn(f"going on with run {plan.run_id}, which was not finished")
        return self.finish(plan)

    def _sweep(self, *, after_a_crash: bool) -> None:
        """Remove the half files of a driver that was killed; old nights are not gone through."""
        # Other commands write models too, and need no claim.
        self.output.sweep(MODELS, idle_seconds=_IDLE_SECONDS)
        if not after_a_crash:
            return
        begun = [RunKeys(run_id=run_id) for run_id in pending(self.output)]
        for folder in (*WRITTEN, *(one for keys in begun for one in (keys.folder, keys.reports))):
            self.output.sweep(folder)

    def _check_claim(self) -> None:
        if self._claim is not None:
            self._claim.check()

    def _hold_claim(self) -> None:
        if self._claim is not None:
            self._claim.hold()


def _summary(finished: Finished, timing: Timing, used: dict[str, Any], *, rules: str) -> bytes:
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
        "scored_by": rules,
        "thresholds_passed": list(finished.problems),
    }
    return json_file(content)
