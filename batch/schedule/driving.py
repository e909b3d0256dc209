"""What the driver of a firing does: it finishes the night, or leaves it to the one at work.

The same steps as a run by hand. What is special is the night's end: jobs are stopped then, and the
driver at work, or the one of the closing firing, tells how the night went.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from batch.claim import ClaimedError
from batch.config import Config
from batch.layout import RunKeys
from batch.platforms.aws import client, translated
from batch.platforms.base import DeadlineError
from batch.progress import Listener
from batch.reading import standing
from batch.run import Runner
from batch.schedule.messages import (
    Message,
    NightStory,
    Unfinished,
    console_link,
    discreet,
    failed_message,
    summary_message,
)
from batch.schedule.night import Night, Window
from batch.schedule.records import FAILED, SUMMARY, NightRecord, nights
from batch.transform_machines import transform_platform
from manifests.errors import InputError, JobFailedError, NightscribeError
from manifests.storage import Store

_UNSEEN = "none of its drivers came to its end; their logs say why"


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, kw_only=True)
class Drive:
    """One firing of a schedule; ``job`` is the driver's own processing job."""

    config: Config
    schedule: str
    window: Window
    fired_at: datetime
    listener: Listener
    job: str | None = None
    now: Callable[[], datetime] = _now

    def carry_out(self) -> str:
        """Do what is left of the night; returns how it ended, in a sentence.

        Raises:
            NightscribeError: it failed; the sentence names no recording.
        """
        runner = Runner(
            config=self.config,
            platform=transform_platform(self.config, self.listener.warn, until=self.night.deadline),
            listener=self.listener,
            today=lambda: self.night.date,
            until=self.night.deadline,
            on_begin=lambda plan: self._record(runner.output).begun(plan.run_id),
        )
        try:
            with runner.claimed():
                return self._worked(runner)
        except ClaimedError as error:
            return f"nothing to do here: {error}"
        except NightscribeError as error:
            kind = InputError if isinstance(error, InputError) else JobFailedError
            raise kind(self._discreet(error)) from error

    @cached_property
    def night(self) -> Night:
        """The night that this firing belongs to."""
        return self.window.night(self.fired_at)

    # -- the work -----------------------------------------------------------------------------

    def _worked(self, runner: Runner) -> str:
        output, record = runner.output, self._record(runner.output)
        self._catch_up(output)
        ended = f"the night of {self.night.date.isoformat()} has nothing left to do"
        try:
            # At the window's end nothing new is begun; what has its outputs already is finished.
            runner.resume() if self.night.closing else runner.run()
        except ClaimedError:
            raise
        except DeadlineError as error:
            ended = str(error)
        except Exception as error:
            self._tell_failure(record, error)
            raise
        else:
            if not self.night.closing:
                record.passed(self.now())
        if self._over:
            self._tell_summary(record)
        return ended

    @property
    def _over(self) -> bool:
        """Whether the window closed meanwhile; a run by hand may have outlasted it too."""
        end = self.window.end_of(self.night.date)
        return self.night.closing or self.fired_at < end <= self.now()

    # -- messages -----------------------------------------------------------------------------

    def _tell_failure(self, record: NightRecord, error: Exception) -> None:
        failure = self._discreet(error)
        try:
            if self._over:
                self._tell_summary(record, failure)
            else:
                self._send(record, FAILED, failed_message(self._story(record, failure)))
        except NightscribeError as untold:
            # The first error is the one to end with.
            self.listener.warn(str(untold))

    def _tell_summary(self, record: NightRecord, failure: str | None = None) -> None:
        self._send(record, SUMMARY, summary_message(self._story(record, failure)))

    def _catch_up(self, output: Store) -> None:
        """Tell of the last night where nobody did: its closing firing was skipped, or died."""
        earlier = (one for one in nights(output, self.schedule) if one.date < self.night.date)
        last = next(earlier, None)
        if last is None:
            return
        told = last.told(SUMMARY)
        if told is None or told.given_up:
            try:
                self._tell_summary(last)
            except NightscribeError as error:
                self.listener.warn(f"the message of {last.date.isoformat()}: {error}")

    def _send(self, record: NightRecord, kind: str, message: Message) -> None:
        topic = self.config.sagemaker.topic if self.config.sagemaker else None

        def publish() -> None:
            if topic is None:
                self.listener.warn(f"no [sagemaker] topic to tell: {message.subject}")
                return
            with translated(f"telling {topic}"):
                client("sns", topic.split(":")[3]).publish(
                    TopicArn=topic, Subject=message.subject, Message=message.text
                )

        if record.tell(kind, message.subject, publish):
            self.listener.step("tell", message.subject)

    def _story(self, record: NightRecord, failure: str | None) -> NightStory:
        output = record.output
        finished: list[dict[str, Any]] = []
        unfinished: list[Unfinished] = []
        for run_id in record.runs():
            keys = RunKeys(run_id=run_id)
            if output.stat(keys.summary) is None:
                how = standing(output, run_id)
                unfinished.append(
                    Unfinished(
                        run_id=run_id,
                        recordings=how.recordings,
                        outputs=how.outputs,
                        shards=how.shards,
                    )
                )
            elif not (summary := json.loads(output.read(keys.summary))).get("abandoned"):
                finished.append(summary)
        if not (finished or unfinished or failure or record.has_passed()):
            failure = _UNSEEN
        region = self.config.sagemaker.region if self.config.sagemaker else None
        return NightStory(
            schedule=self.schedule,
            date=record.date,
            window=str(self.window),
            timezone=self.window.zone.key,
            runs=finished,
            unfinished=unfinished,
            failure=failure,
            next_firing=next(self.window.firings(self.now()))[0],
            reports=[
                output.uri_of(f"{RunKeys(run_id=run['run_id']).reports}report.html")
                for run in finished
            ],
            transcripts=output.uri_of("transcripts/"),
            job=console_link(region, f"processing-jobs/{self.job}")
            if self.job and region
            else None,
        )

    def _record(self, output: Store) -> NightRecord:
        return NightRecord(output=output, schedule=self.schedule, date=self.night.date)

    def _discreet(self, error: Exception) -> str:
        if not isinstance(error, NightscribeError):
            return f"nightscribe failed in a way that nobody foresaw ({type(error).__name__})"
        return discreet(str(error), self.config.archive)
