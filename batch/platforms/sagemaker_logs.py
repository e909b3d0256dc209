"""The last words of a failed container, from CloudWatch Logs."""

from __future__ import annotations

from batch.platforms.aws import client, translated
from manifests.errors import NightscribeError

_STREAMS = 3


def last_words(log_group: str, job: str, *, region: str | None = None) -> str:
    """The end of a sentence about a failure: what the containers printed last, or nothing."""
    lines = last_lines(log_group, job, region=region)
    return "; the container's last lines: " + " | ".join(lines) if lines else ""


def last_lines(log_group: str, job: str, *, count: int = 5, region: str | None = None) -> list[str]:
    """What a job's containers printed last; empty where the logs cannot be read.

    Logs explain a failure, so that they cannot be read must not hide it.
    """
    found: list[str] = []
    try:
        logs = client("logs", region, attempts=3)
        with translated(f"reading {log_group}"):
            streams = logs.describe_log_streams(
                logGroupName=log_group, logStreamNamePrefix=f"{job}/", limit=_STREAMS
            )["logStreams"]
            for stream in streams:
                events = logs.get_log_events(
                    logGroupName=log_group, logStreamName=stream["logStreamName"], limit=count
                )["events"]
                found += [event["message"].strip() for event in events]
    except NightscribeError:
        return found
    return [line for line in found if line][-count:]
