"""The runner that other tests lean on: jobs of any process, stopped jobs, processing, schedules."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from manifests.manifest_file import write_manifest
from manifests.storage import open_store
from manifests.tarball import pack
from tests.batch.job_runner import ROLE, JobRunner, fire, job_runner

CREATE = "import boto3, json; boto3.client('sagemaker').create_processing_job(**json.loads({!r}))"


@pytest.fixture
def runner(aws: str) -> Iterator[JobRunner]:
    with job_runner() as runner:
        yield runner


def processing(name: str, bucket: str, script: str) -> dict[str, Any]:
    open_store(f"s3://{bucket}/driver/").put("start.py", script.encode())
    folder = "/opt/ml/processing"
    return {
        "ProcessingJobName": name,
        "RoleArn": ROLE,
        "AppSpecification": {
            "ImageUri": "driver",
            "ContainerEntrypoint": ["python3", f"{folder}/input/driver/start.py"],
            "ContainerArguments": [f"{folder}/output"],
        },
        "Environment": {"SAID": "hello"},
        "ProcessingInputs": [
            {
                "InputName": "driver",
                "S3Input": {
                    "S3Uri": f"s3://{bucket}/driver/",
                    "LocalPath": f"{folder}/input/driver",
                    "S3DataType": "S3Prefix",
                    "S3InputMode": "File",
                },
            }
        ],
        "ProcessingOutputConfig": {
            "Outputs": [
                {
                    "OutputName": "result",
                    "S3Output": {
                        "S3Uri": f"s3://{bucket}/result/",
                        "LocalPath": f"{folder}/output",
                        "S3UploadMode": "EndOfJob",
                    },
                }
            ]
        },
        "ProcessingResources": {
            "ClusterConfig": {
                "InstanceCount": 1,
                "InstanceType": "ml.t3.medium",
                "VolumeSizeInGB": 10,
            }
        },
    }


WRITES = """
import os, pathlib, sys
folder = pathlib.Path(sys.argv[1]); folder.mkdir(parents=True)
(folder / "said").write_text(os.environ["SAID"])
print("carried out")
"""
FAILS = """
import os, pathlib, sys
pathlib.Path(os.environ["NIGHTSCRIBE_ML_PREFIX"], "output/message").write_text("it rained")
sys.exit(3)
"""


def described(name: str) -> dict[str, Any]:
    answer: dict[str, Any] = boto3.client("sagemaker").describe_processing_job(
        ProcessingJobName=name
    )
    return answer


def test_a_processing_job_of_another_process_is_carried_out(
    s3_bucket: str, runner: JobRunner
) -> None:
    job = processing("of-another", s3_bucket, WRITES)
    subprocess.run([sys.executable, "-c", CREATE.format(json.dumps(job))], check=True)
    runner.join()
    assert described("of-another")["ProcessingJobStatus"] == "Completed"
    assert open_store(f"s3://{s3_bucket}/result/").read("said") == b"hello"
    events = boto3.client("logs").get_log_events(
        logGroupName="/aws/sagemaker/ProcessingJobs", logStreamName="of-another/algo-1-1"
    )["events"]
    assert [event["message"] for event in events] == ["carried out"]


def test_a_processing_job_that_fails_says_its_status_and_message(
    s3_bucket: str, runner: JobRunner
) -> None:
    boto3.client("sagemaker").create_processing_job(**processing("fails", s3_bucket, FAILS))
    runner.join()
    answer = described("fails")
    assert answer["ProcessingJobStatus"] == "Failed"
    assert answer["FailureReason"] == "AlgorithmError: , exit code: 3"
    assert answer["ExitMessage"] == "it rained"


def test_a_job_that_is_stopped_ends_and_cannot_be_stopped_again(
    s3_bucket: str, runner: JobRunner
) -> None:
    sagemaker = boto3.client("sagemaker")
    script = "import signal; print('begun', flush=True); signal.pause()"
    sagemaker.create_processing_job(**processing("sleeps", s3_bucket, script))
    assert described("sleeps")["ProcessingJobStatus"] == "InProgress"
    sagemaker.stop_processing_job(ProcessingJobName="sleeps")
    assert described("sleeps")["ProcessingJobStatus"] in ("Stopping", "Stopped")
    runner.join()
    assert described("sleeps")["ProcessingJobStatus"] == "Stopped"
    with pytest.raises(ClientError, match="is in status Stopped"):
        sagemaker.stop_processing_job(ProcessingJobName="sleeps")


def test_a_name_is_taken_once_and_a_model_must_exist(s3_bucket: str, runner: JobRunner) -> None:
    sagemaker = boto3.client("sagemaker")
    job = processing("twice", s3_bucket, WRITES)
    sagemaker.create_processing_job(**job)
    with pytest.raises(ClientError, match="ResourceInUse"):
        sagemaker.create_processing_job(**job)
    transform = {
        "TransformJobName": "no-model",
        "ModelName": "nobody",
        "TransformInput": {
            "DataSource": {"S3DataSource": {"S3DataType": "ManifestFile", "S3Uri": "s3://b/m"}}
        },
        "TransformOutput": {"S3OutputPath": "s3://b/o"},
        "TransformResources": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1},
    }
    with pytest.raises(ClientError, match="Could not find model"):
        sagemaker.create_transform_job(**transform)


def test_a_schedule_that_is_due_creates_its_job(s3_bucket: str, runner: JobRunner) -> None:
    job = processing("night-<aws.scheduler.execution-id>", s3_bucket, WRITES)
    job["Environment"]["SAID"] = "<aws.scheduler.scheduled-time>"
    boto3.client("scheduler").create_schedule(
        Name=f"nightly-{s3_bucket}",
        ScheduleExpression="cron(0 22 * * ? *)",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={
            "Arn": "arn:aws:scheduler:::aws-sdk:sagemaker:createProcessingJob",
            "RoleArn": ROLE,
            "Input": json.dumps(job),
        },
    )
    fire(f"nightly-{s3_bucket}", at="2026-11-23T21:00:00Z", execution="d32c")
    runner.join()
    assert described("night-d32c")["ProcessingJobStatus"] == "Completed"
    assert open_store(f"s3://{s3_bucket}/result/").read("said") == b"2026-11-23T21:00:00Z"


PAUSES = """
import os, signal, socket
def model_fn(model_dir): return int(os.environ["PORT"])
def input_fn(data, kind): return data
def output_fn(said, accept): return said
def predict_fn(data, port):
    if "wait" not in str(data):
        return "heard\\n"
    with socket.create_connection(("127.0.0.1", port)) as told:
        told.sendall(str(os.getpid()).encode())
    signal.pause()
"""


def test_a_transform_that_is_stopped_has_really_stopped_and_keeps_what_it_did(
    tmp_path: Path, s3_bucket: str, runner: JobRunner
) -> None:
    pack(tmp_path / "model.tar.gz", {"code/inference.py": PAUSES.encode()})
    store, place = open_store(f"s3://{s3_bucket}/"), f"s3://{s3_bucket}"
    store.put("model.tar.gz", tmp_path / "model.tar.gz")
    for name in ("quick", "wait"):
        store.put(f"shards/{name}", name.encode())
    store.put("manifest.json", write_manifest(f"{place}/shards/", ["quick", "wait"]))
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(60)
    container = {
        "Image": "nobody/none",
        "ModelDataUrl": f"{place}/model.tar.gz",
        "Environment": {"PORT": str(listener.getsockname()[1])},
    }
    model = {"ModelName": s3_bucket, "ExecutionRoleArn": ROLE, "PrimaryContainer": container}
    source = {"S3DataType": "ManifestFile", "S3Uri": f"{place}/manifest.json"}
    runner.when["transform"] = "in background"
    sagemaker = boto3.client("sagemaker")
    sagemaker.create_model(**model)
    sagemaker.create_transform_job(
        TransformJobName=s3_bucket,
        ModelName=s3_bucket,
        TransformInput={"DataSource": {"S3DataSource": source}, "ContentType": "text/csv"},
        TransformOutput={"S3OutputPath": f"{place}/out/"},
        TransformResources={"InstanceType": "ml.m5.xlarge", "InstanceCount": 1},
    )
    with listener, listener.accept()[0] as told:
        worker = int(told.recv(20))
    sagemaker.stop_transform_job(TransformJobName=s3_bucket)
    runner.join()
    described = sagemaker.describe_transform_job(TransformJobName=s3_bucket)
    assert described["TransformJobStatus"] == "Stopped"
    assert [entry.key for entry in store.list("out/")] == ["out/quick.out"]
    with pytest.raises(ProcessLookupError):
        os.kill(worker, 0)
