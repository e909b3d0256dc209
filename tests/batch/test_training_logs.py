"""The lines of a training job come once each, from every container that it had."""

from __future__ import annotations

import time

import boto3

from batch.platforms.sagemaker_training_logs import LOG_GROUP, JobLogs


def said(job: str, stream: str, *lines: str) -> None:
    logs = boto3.client("logs", region_name="eu-west-1")
    where = {"logGroupName": LOG_GROUP, "logStreamName": f"{job}/{stream}"}
    found = logs.describe_log_streams(logGroupName=LOG_GROUP, logStreamNamePrefix=f"{job}/")
    if where["logStreamName"] not in [one["logStreamName"] for one in found["logStreams"]]:
        logs.create_log_stream(**where)
    now = round(time.time() * 1000)
    logs.put_log_events(**where, logEvents=[{"timestamp": now, "message": one} for one in lines])


def test_a_container_that_came_after_an_interruption_is_heard_too(aws: str) -> None:
    logs = JobLogs("job", 1, region="eu-west-1")  # not the default region
    assert list(logs.new()) == []  # an account without a first job has no group
    boto3.client("logs", region_name="eu-west-1").create_log_group(logGroupName=LOG_GROUP)
    said("job", "algo-1-100", "step=1", "step=2")
    assert list(logs.new()) == ["step=1", "step=2"]
    said("job", "algo-1-100", "interrupted")
    said("job", "algo-1-200", "resumed_at=2")
    assert list(logs.new()) == ["interrupted", "resumed_at=2"]
    assert list(logs.new()) == []
