"""What a firing does with a night: finishes it, leaves it to another, stops it, and tells once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import NoReturn

import pytest

from batch.cli.listeners import DiscreetListener
from batch.config import Config, load_config
from batch.platforms.base import Document, JobOutcome, OnOutput
from batch.platforms.sagemaker import SageMakerPlatform
from batch.platforms.sagemaker_transform import SageMakerTransform
from batch.run import Runner
from batch.runs import unfinished
from batch.schedule.driving import Drive
from batch.schedule.night import Window
from batch.schedule.records import SUMMARY, NightRecord
from manifests.errors import InputError, JobFailedError, NightscribeError
from manifests.storage import Store, open_store
from tests.batch.carried_out import stand_in
from tests.batch.job_runner import JobRunner, job_runner
from tests.batch.scheduled import Account, OpenNight, small_archive
from tests.batch.test_run_on_sagemaker import rows_below

pytestmark = pytest.mark.usefixtures("warm_python")

DAY = timedelta(days=1)


@pytest.fixture
def runner(aws: str) -> Iterator[JobRunner]:
    with job_runner() as runner:
        runner.container = stand_in
        yield runner


@dataclass(frozen=True, kw_only=True)
class Nights:
    """An output, who is told of it, and its window, which is open now."""

    config: Config
    account: Account
    open: OpenNight

    def fire(self, *, closing: bool = False, days: int = 0, **keys: dict[str, object]) -> str:
        at = self.open.ends if closing else self.open.begins
        config = self.config
        for section, changes in keys.items():
            changed = getattr(config, section).model_copy(update=changes)
            config = config.model_copy(update={section: changed})
        drive = Drive(
            config=config,
            schedule="nightly",
            window=self.open.window,
            fired_at=datetime.fromisoformat(at) + days * DAY,
            listener=DiscreetListener(config.archive),
            job="nightscribe-nightly-x",
        )
        return drive.carry_out()

    @property
    def output(self) -> Store:
        return open_store(self.config.output.uri)

    def subjects(self) -> list[str]:
        return [one["Subject"] for one in self.account.messages()]

    def title(self, days: int = 0) -> str:
        return f"nightscribe nightly {self.open.night + days * DAY}"


@pytest.fixture
def nights(s3_bucket: str, tiny_model: Path, tmp_path: Path, runner: JobRunner) -> Nights:
    path = small_archive(s3_bucket, tmp_path, tiny_model)
    config = load_config(path, ["platform.name=sagemaker"])
    return Nights(config=config, account=Account.at_moto(s3_bucket), open=OpenNight.of_now())


def killed(nights: Nights, runner: JobRunner, night: date) -> None:
    """A driver that died while its job ran."""
    runner.when["transform"] = "when told"

    def die(_: float) -> NoReturn:
        raise KeyboardInterrupt

    class Dying(SageMakerPlatform):
        def transform(self, model: Document, job: Document, *, on_output: OnOutput) -> JobOutcome:
            return SageMakerTransform(wait=die).transform(model, job, on_output=on_output)

    listener = DiscreetListener(nights.config.archive)
    begun = NightRecord(output=nights.output, schedule="nightly", date=night).begun
    dying = Runner(
        config=nights.config,
        platform=Dying(),
        listener=listener,
        today=lambda: night,
        on_begin=lambda plan: begun(plan.run_id),
    )
    with pytest.raises(KeyboardInterrupt), dying.claimed():
        dying.run()


def test_the_next_firing_goes_on_where_a_driver_died(nights: Nights, runner: JobRunner) -> None:
    killed(nights, runner, nights.open.night)
    runner.work()
    assert nights.fire() == f"the night of {nights.open.night} has nothing left to do"
    assert len(rows_below(nights.output)) == 2
    assert len(runner.transforms) == 1
    assert nights.subjects() == []


def test_a_night_whose_window_closes_is_stopped_told_and_gone_on_with(
    nights: Nights, runner: JobRunner
) -> None:
    killed(nights, runner, nights.open.night - DAY)
    assert "the night's end has passed; the job is asked to stop" in nights.fire(days=-1)
    assert nights.fire(closing=True, days=-1).endswith("not begun, for the night is over")
    (message,) = nights.account.messages()
    assert message["Subject"] == f"{nights.title(-1)}: LATE, 2 recordings unfinished"
    assert "0 of 1 shards have their output" in message["Message"]
    assert len(runner.transforms) == 1
    assert rows_below_or_none(nights.output) == []

    runner.when["transform"] = "at once"
    nights.fire()
    nights.fire(closing=True)
    assert len(rows_below(nights.output)) == 2
    assert unfinished(nights.output) == []
    (subject,) = nights.subjects()
    assert subject.startswith(f"{nights.title()}: 2 recordings, WER ")


def rows_below_or_none(output: Store) -> list[str]:
    return [entry.key for entry in output.list("transcripts/")]


def test_the_closing_firing_begins_nothing_new(nights: Nights, runner: JobRunner) -> None:
    nights.fire()
    archive = open_store(nights.config.archive.uri)
    archive.put("late.wav", archive.read("board/alice 0.wav"))
    nights.fire(closing=True)
    assert len(runner.transforms) == 1
    assert nights.subjects()[0].startswith(f"{nights.title()}: 2 recordings")


def test_a_driver_that_fails_is_told_of_once_a_night_and_the_morning_says_how_it_ended(
    nights: Nights, runner: JobRunner
) -> None:
    def crash(_: Document, outcome: JobOutcome) -> JobOutcome:
        for entry in nights.output.list("runs/"):
            if entry.key.endswith(".out"):
                nights.output.delete(entry.key)
        return JobOutcome(status="Failed", failure_reason="AlgorithmError: no model")

    runner.spoil = crash
    for _ in range(2):
        with pytest.raises(JobFailedError, match="AlgorithmError: no model"):
            nights.fire()
    (message,) = nights.account.messages()
    assert message["Subject"] == f"{nights.title()}: a driver FAILED"
    with pytest.raises(JobFailedError):
        nights.fire(closing=True)
    (message,) = nights.account.messages()
    assert message["Subject"] == f"{nights.title()}: FAILED"
    assert message["Message"].startswith("NOT well: ")
    assert "alice" not in message["Message"]


def test_an_error_that_names_recordings_names_none_outside(nights: Nights, tmp_path: Path) -> None:
    other = tmp_path / "other.tsv"
    other.write_text("recording\ttext\nboard/bob.wav\thello\n", "utf-8")
    with pytest.raises(InputError, match="none of the 1 references") as raised:
        nights.fire(references={"uri": str(other)})
    (message,) = nights.account.messages()
    for text in (str(raised.value), message["Message"]):
        assert "none of the 1 references matches a recording" in text
        assert "alice" not in text
        assert "bob" not in text


def test_while_another_driver_works_a_firing_ends_at_once(
    nights: Nights, runner: JobRunner
) -> None:
    holder = {"host": "elsewhere", "pid": 1, "expires": 4e9}
    nights.output.put("claim/00000001.json", json.dumps(holder).encode())
    for closing in (False, True):
        said = nights.fire(closing=closing)
        assert said.startswith("nothing to do here: process 1 on elsewhere works on")
    assert runner.transforms == []
    assert nights.subjects() == []


def test_a_threshold_of_the_report_raises_its_voice(nights: Nights) -> None:
    nights.fire(report={"max_wer": 0.01})
    nights.fire(closing=True)
    (subject,) = nights.subjects()
    assert subject.startswith(f"{nights.title()}: ATTENTION, WER ")


def test_a_night_without_a_closing_firing_is_told_of_by_the_next(nights: Nights) -> None:
    nights.fire(transform={"deadline_hours": 1.0})
    yesterday = NightRecord(output=nights.output, schedule="nightly", date=nights.open.night - DAY)
    yesterday.passed(datetime.now(UTC))
    nights.fire()
    nights.fire()
    assert nights.subjects() == [f"{nights.title(-1)}: nothing new"]


def test_a_night_that_no_driver_finished_is_not_called_well(nights: Nights) -> None:
    nights.fire(closing=True)
    (message,) = nights.account.messages()
    assert message["Subject"] == f"{nights.title()}: FAILED"
    assert "none of its drivers came to its end" in message["Message"]


def test_a_message_that_could_not_be_sent_is_sent_by_the_next_firing(nights: Nights) -> None:
    nights.fire()
    gone = {"topic": f"{nights.account.topic}-gone"}
    with pytest.raises(NightscribeError, match="telling arn:aws:sns"):
        nights.fire(closing=True, sagemaker=gone)
    nights.fire(closing=True)
    assert len(nights.subjects()) == 1


def test_a_message_whose_sender_died_is_sent_again(nights: Nights) -> None:
    nights.fire()
    record = NightRecord(output=nights.output, schedule="nightly", date=nights.open.night)

    def die() -> NoReturn:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        record.tell(SUMMARY, "x", die)
    nights.fire(closing=True)
    assert nights.subjects() == []  # somebody may be sending it just now
    told = record.told(SUMMARY)
    assert told is not None
    early = replace(told, at=(datetime.now(UTC) - DAY).isoformat())
    nights.output.put(record.folder + SUMMARY, json.dumps(vars(early)).encode())
    nights.fire(closing=True)
    assert len(nights.subjects()) == 1


def test_a_failure_is_not_hidden_by_a_message_that_cannot_be_sent(
    nights: Nights, runner: JobRunner, capsys: pytest.CaptureFixture[str]
) -> None:
    def crash(_: Document, outcome: JobOutcome) -> JobOutcome:
        for entry in nights.output.list("runs/"):
            if entry.key.endswith(".out"):
                nights.output.delete(entry.key)
        return JobOutcome(status="Failed", failure_reason="AlgorithmError: no model")

    runner.spoil = crash
    with pytest.raises(JobFailedError, match="AlgorithmError: no model"):
        nights.fire(sagemaker={"topic": f"{nights.account.topic}-gone"})
    assert "telling arn:aws:sns" in capsys.readouterr().err


def test_a_run_by_hand_that_outlasts_the_night_tells_of_it(nights: Nights) -> None:
    """The closing firing found it at work, and left the message to it."""
    night = Window.of("22:00-06:00", "UTC")
    by_hand = Drive(
        config=nights.config,
        schedule="nightly",
        window=night,
        fired_at=datetime(2026, 11, 24, 12, tzinfo=UTC),
        listener=DiscreetListener(nights.config.archive),
        now=lambda: datetime(2026, 11, 25, 6, 30, tzinfo=UTC),
    )
    assert by_hand.night.deadline is None
    by_hand.carry_out()
    (subject,) = nights.subjects()
    assert subject.startswith("nightscribe nightly 2026-11-24: 2 recordings")
