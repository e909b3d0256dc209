"""The transform step, round by round: each takes on what the one before left over, cut smaller."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime

from batch.bodies.delivery import WholeShards, deliver
from batch.capacity.limits import check_documents
from batch.capacity.used import merged
from batch.outputs import Outputs, rounds_begun
from batch.plan import Plan, write_round
from batch.planning import Planner
from batch.platforms.base import DeadlineError, Document, JobOutcome, JobStoppedError, Platform
from batch.progress import Listener
from batch.shards import again
from batch.timing import Meter, note_timing
from manifests.errors import JobFailedError, NightscribeError
from manifests.storage import Store


@dataclass(kw_only=True)
class Rounds:
    """Carries out the jobs of a plan; ``until`` is when no more sound is staged."""

    plan: Plan
    planner: Planner
    platform: Platform
    listener: Listener
    check_claim: Callable[[], None]
    until: datetime | None = None
    meter: Meter = field(init=False)

    def __post_init__(self) -> None:
        self.meter = Meter(listener=self.listener, whole=WholeShards(keys=self.plan.keys))

    @property
    def _output(self) -> Store:
        return self.planner.output

    def carry_out(self) -> JobOutcome:
        """Every round that has something to do; what it took is noted, however it ends.

        Raises:
            JobFailedError: the model could not be loaded; nothing was transcribed.
        """
        try:
            outcome = self._carried_out()
        except NightscribeError:
            # What failed has cost something too; the first error is the one to tell.
            with suppress(NightscribeError):
                note_timing(self._output, self.plan, self.meter)
            raise
        note_timing(self._output, self.plan, self.meter)
        return outcome

    def _carried_out(self) -> JobOutcome:
        outcome = self._round(1)
        for number in range(2, self._count() + 1):
            if not self._prepared(number):
                break
            outcome = self._round(number)
        return outcome

    def _round(self, number: int) -> JobOutcome:
        self.check_claim()
        plan, request = self.plan, self.plan.transform_request
        if number > 1:
            request = self.planner.transform_request(plan.keys, number, request["ModelName"])
        check_documents(plan.model_request, request)
        if plan.sends_sound and not self._staged(number, request):
            return JobOutcome(status="Completed")
        try:
            outcome = self.platform.transform(plan.model_request, request, on_output=self.meter)
        except JobStoppedError:
            self._output.put(plan.keys.stopped(number), b"")
            raise
        if outcome.status == "Stopped":
            self._output.put(plan.keys.stopped(number), b"")
        self.meter.jobs = merged(self.meter.jobs, outcome.jobs)
        if not outcome.model_loaded:
            raise JobFailedError(
                f"run {plan.run_id}: {outcome.failure_reason}; nothing was transcribed. Mend it "
                "and run again: the run goes on, or is planned anew with another model"
            )
        if outcome.status != "Completed":
            self.listener.warn(f"round {number}: {outcome.failure_reason or outcome.status}")
        return outcome

    def _staged(self, number: int, request: Document) -> bool:
        """Bring the sound of a round to where its job finds it; False where no job is needed."""

        def tell(done: int, of: int) -> None:
            if done == of or done % max(1, of // 20) == 0:
                self.listener.step("stage", f"round {number}: {done} of {of} shards")
            self.check_claim()

        def check() -> None:
            if self.until is not None and datetime.now(UTC) >= self.until:
                raise DeadlineError(
                    f"{request['TransformJobName']}: not begun, for the night's end has passed "
                    "while its sound was staged; the next run goes on with it"
                )

        return deliver(
            self._output,
            self.plan,
            number,
            request,
            whole=self.meter.whole,
            tell=tell,
            check=check,
        )

    def _count(self) -> int:
        """How many rounds a run has; one that was stopped costs no recording a try."""
        stopped = sum(1 for _ in self._output.list(self.plan.keys.stopped()))
        return self.planner.config.transform.rounds + stopped

    def _prepared(self, number: int) -> bool:
        """Write round ``number`` for what the round before left over; False where nothing is."""
        if rounds_begun(self._output, self.plan) >= number:
            return True
        self.check_claim()
        left = list(Outputs(store=self._output, plan=self.plan).missing(number - 1))
        if not left:
            return False
        ids = {one.pointer.id for shard in left for one in shard}
        self.listener.warn(f"round {number}: {len(ids)} recordings without a result go again")
        last = number == self._count()
        shards = self.planner.fitting(again(left, last=last))
        write_round(self._output, self.plan.keys, number, shards)
        return True
