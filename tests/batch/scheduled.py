"""What tests of schedules share: an account at moto, a configuration in it, and the clock."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import boto3
from click.testing import CliRunner

from batch.cli.main import cli
from batch.schedule.night import Window
from manifests.storage import open_store
from tests.batch.job_runner import ROLE
from tests.conftest import speechlike, write_sound

ZONE = "Asia/Kolkata"  # no changes of the clock, whenever the tests run
GROUP = "nightscribe"


@dataclass(frozen=True, kw_only=True)
class Account:
    """An account as 'nightscribe deploy' leaves it, with somebody who reads its messages."""

    bucket: str
    topic: str
    queue: str
    dead_letters: str

    @classmethod
    def at_moto(cls, bucket: str) -> Account:
        sqs, sns = (boto3.client(name) for name in ("sqs", "sns"))
        ensure_schedule_group(GROUP)
        queue = sqs.create_queue(QueueName=f"{bucket}-reader")["QueueUrl"]
        dead = sqs.create_queue(QueueName=f"{bucket}-dead")["QueueUrl"]
        topic = sns.create_topic(Name=f"{bucket}-nights")["TopicArn"]
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=_arn(sqs, queue))
        return cls(bucket=bucket, topic=topic, queue=queue, dead_letters=_arn(sqs, dead))

    def section(self) -> str:
        return f"""
[sagemaker]
role = "{ROLE}"
driver_role = "{ROLE}-driver"
scheduler_role = "{ROLE}-scheduler"
topic = "{self.topic}"
dead_letter_queue = "{self.dead_letters}"
schedule_group = "{GROUP}"
region = "eu-central-1"
"""

    def messages(self) -> list[dict[str, Any]]:
        """The messages since the last call: ``Subject`` and ``Message``."""
        sqs, found = boto3.client("sqs"), []
        while got := sqs.receive_message(QueueUrl=self.queue).get("Messages"):
            for one in got:
                found.append(json.loads(one["Body"]))
                sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=one["ReceiptHandle"])
        return found


def ensure_schedule_group(name: str) -> None:
    """Make a schedule group unless it is there."""
    scheduler = boto3.client("scheduler")
    try:
        scheduler.get_schedule_group(Name=name)
    except scheduler.exceptions.ResourceNotFoundException:
        scheduler.create_schedule_group(Name=name)


def _arn(sqs: Any, url: str) -> str:
    got = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    return str(got["Attributes"]["QueueArn"])


def small_archive(bucket: str, folder: Path, model: Path) -> Path:
    """A configuration over two recordings of the bucket; all images are named."""
    archive = open_store(f"s3://{bucket}/archive/")
    for number in range(2):
        sound = write_sound(folder / f"{number}.wav", speechlike(2.0, seed=number))
        archive.put(f"board/alice {number}.wav", sound)
    (folder / "references.tsv").write_text(
        "recording\ttext\nboard/alice 0.wav\thello there\n", "utf-8"
    )
    path = folder / "nightscribe.toml"
    path.write_text(
        f"""
[archive]
uri = "s3://{bucket}/archive/"
[references]
uri = "references.tsv"
[model]
uri = "{model}"
[output]
uri = "s3://{bucket}/out/"
[transform]
workers = 1
"""
        + Account.at_moto(bucket).section()
        + 'inference_image = "1.dkr.ecr/inference:1"\ndriver_image = "1.dkr.ecr/driver:1"\n',
        "utf-8",
    )
    return path


@dataclass(frozen=True)
class OpenNight:
    """A night of an hourly window that began an hour ago, in a zone that is not this machine's."""

    window: Window
    night: date

    @classmethod
    def of_now(cls, hours: int = 8) -> OpenNight:
        start = datetime.now(ZoneInfo(ZONE)).replace(minute=0) - timedelta(hours=1)
        window = Window.of(f"{start:%H:%M}-{start + timedelta(hours=hours):%H:%M}", ZONE)
        return cls(window, start.date())

    @property
    def options(self) -> list[str]:
        return ["--window", str(self.window), "--timezone", ZONE]

    @property
    def begins(self) -> str:
        return stamp(self.window.end_of(self.night) - self.window.length)

    @property
    def ends(self) -> str:
        return stamp(self.window.end_of(self.night))


def stamp(at: datetime) -> str:
    """A time as EventBridge puts it into a job's arguments."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def driver_log(job: str) -> str:
    """What a driver printed."""
    stream = {"logGroupName": "/aws/sagemaker/ProcessingJobs", "logStreamName": f"{job}/algo-1-1"}
    return "\n".join(e["message"] for e in boto3.client("logs").get_log_events(**stream)["events"])


def nightscribe(*arguments: str | Path) -> str:
    """The command line in this process; what it prints."""
    result = CliRunner().invoke(cli, [str(one) for one in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output
