"""What the tests of faults share: a small archive at moto, a run of it, and no waiting."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from batch.cli.listeners import LogListener
from batch.config import Config, load_config
from batch.datasets import read_rows
from batch.layout import PROBE, TRANSCRIPTS
from batch.platforms.sagemaker import SageMakerPlatform
from batch.run import Finished, Runner
from batch.transform_machines import transform_platform
from manifests.storage import Store, open_store
from tests.batch.carried_out import stand_in
from tests.batch.job_runner import ROLE, JobRunner, job_runner
from tests.batch.misbehaving import Misbehaving, misbehaving

RECORDINGS = 6
# Named with its digest, so that nothing has to be looked up.
IMAGE = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/nightscribe@sha256:" + 64 * "0"


@dataclass(kw_only=True)
class Night:
    """A configuration, the AWS that it meets, and what a person was told."""

    config_path: Path
    bucket: str
    jobs: JobRunner
    server: Misbehaving
    said: list[str] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    on_wait: Callable[[int], None] = lambda _: None
    clock: Callable[[], float] = time.monotonic

    @property
    def output(self) -> Store:
        return open_store(f"s3://{self.bucket}/out/")

    def config(self, *more: str) -> Config:
        return load_config(self.config_path, more)

    def run(self, *more: str) -> list[Finished]:
        """One ``nightscribe run``."""
        config = self.config(*more)
        platform = transform_platform(config, self.said.append)
        assert isinstance(platform, SageMakerPlatform)
        platform.wait, platform.clock = self._wait, self.clock
        listener = _Listener()
        listener.said = self.said
        today = date(2026, 11, 23)
        runner = Runner(config=config, platform=platform, listener=listener, today=lambda: today)
        with runner.claimed():
            return runner.run()

    def statuses(self) -> list[str]:
        """The status of every row, by path."""
        table = read_rows(self.output, TRANSCRIPTS, columns=["path", "status", "error_kind"])
        found = sorted(table.to_pylist(), key=lambda row: str(row["path"]))
        return [str(row["error_kind"] or row["status"]) for row in found]

    def attempts(self) -> list[str]:
        """The jobs that were created, as ``r1-a1``."""
        return [str(job["TransformJobName"])[-5:] for job in self.jobs.transforms]

    def complete(self) -> bool:
        """Whether a rerun leaves one good row for every recording, and no run unfinished."""
        self.server.mend()
        self.run()
        return self.statuses() == ["ok"] * RECORDINGS and self.run() == []

    def outputs(self) -> list[str]:
        """The keys of all outputs of shards."""
        listed = (one.key for one in self.output.list("runs/"))
        return [key for key in listed if key.endswith(".out") and PROBE not in key]

    def _wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        assert len(self.waits) < 500, "waits for ever"
        self.on_wait(len(self.waits))


class _Listener(LogListener):
    said: list[str]

    def warn(self, sentence: str) -> None:
        self.said.append(sentence)


@contextmanager
def faulty_night(folder: Path, model: Path, bucket: str) -> Iterator[Night]:
    """Six recordings in shards of one or two, on SageMaker."""
    archive = open_store(f"s3://{bucket}/archive/")
    for number in range(RECORDINGS):
        archive.put(f"{number}.wav", bytes(64_000))
    path = folder / "nightscribe.toml"
    path.write_text(
        f"""
[archive]
uri = "s3://{bucket}/archive/"
[model]
uri = "{model}"
[output]
uri = "s3://{bucket}/out/"
[platform]
name = "sagemaker"
[transform]
workers = 1
shard_minutes = 0.05
[sagemaker]
role = "{ROLE}"
region = "eu-central-1"
inference_image = "{IMAGE}"
""",
        "utf-8",
    )
    with job_runner() as jobs, misbehaving() as server, quick_retries():
        jobs.container = stand_in
        yield Night(config_path=path, bucket=bucket, jobs=jobs, server=server)


@contextmanager
def quick_retries() -> Iterator[list[float]]:
    """botocore tries again at once, and as often as ever; yields what it would have waited."""
    waited: list[float] = []
    quick: Any = SimpleNamespace(sleep=waited.append)
    limiter = "botocore.retries.adaptive.ClientRateLimiter.on_sending_request"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("botocore.endpoint.time", quick)
        patch.setattr(limiter, lambda *_, **__: None)
        patch.setattr("batch.shards.MIN_SHARD_SECONDS", 3.0)
        yield waited
