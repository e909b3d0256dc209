"""S3 that refuses, hangs up, cuts short, repeats: the same rows, or a sentence and go on later."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import pytest

from manifests.storage import open_store
from tests.torture.drivers import LONG, Drivers, Ended, drivers
from tests.torture.figures import count
from tests.torture.nights import configure, first_archive, settled
from tests.torture.unreliable_s3 import KINDS, REFUSALS, UnreliableS3, unreliable_s3


@dataclass(kw_only=True)
class Cloud:
    """An archive in S3, and what an undisturbed night makes of it."""

    bucket: str
    s3: UnreliableS3
    drivers: Drivers
    end: dict[str, Any]
    requests: int = 0

    def night(self, name: str) -> str:
        """A configuration with an output of its own."""
        output = f"s3://{self.bucket}/{name}/"
        configure(self.drivers.home, archive=f"s3://{self.bucket}/archive/", output=output)
        return output

    def run(self, share: float, *, seed: int, **environment: str) -> Ended:
        """One ``nightscribe run`` while a share of the requests meets a fault."""
        self.s3.share, self.s3.seed = share, random.Random(seed)
        self.drivers.environment.update({"AWS_MAX_ATTEMPTS": "8", **environment})
        return self.drivers.run()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, aws: str) -> Iterator[Cloud]:
    home, bucket = tmp_path_factory.mktemp("cloud"), f"torture-{os.getpid()}"
    where = {"LocationConstraint": "eu-central-1"}
    boto3.client("s3").create_bucket(Bucket=bucket, CreateBucketConfiguration=where)
    first_archive(home)
    archive = open_store(f"s3://{bucket}/archive/")
    for path in sorted((home / "archive").rglob("*.wav")):
        archive.put(path.relative_to(home / "archive").as_posix(), path)
    with unreliable_s3(aws) as s3, drivers(home, AWS_ENDPOINT_URL=s3.url) as started:
        made = Cloud(bucket=bucket, s3=s3, drivers=started, end={})
        output = made.night("undisturbed")
        ended = made.run(0.0, seed=0)
        assert ended.status == 0, ended.log
        made.end, made.requests = settled(output), s3.requests
        yield made
        for kind, times in s3.faults.items():
            count(f"store fault: {kind}", times)


@pytest.fixture
def cloud(undisturbed: Cloud) -> Cloud:
    undisturbed.s3.kinds, undisturbed.s3.on_request = KINDS, lambda _: None
    return undisturbed


@pytest.mark.parametrize("seed", range(1, 11 if LONG else 2))
def test_faults_at_a_tenth_of_the_requests_change_nothing(cloud: Cloud, seed: int) -> None:
    output, before = cloud.night(f"tenth-{seed}"), cloud.s3.faults.total()
    ended = cloud.run(0.1, seed=seed)
    assert ended.status == 0, ended.log
    assert settled(output) == cloud.end
    assert cloud.s3.faults.total() - before > 10
    assert cloud.drivers.left_behind() == []


@pytest.mark.parametrize("seed", range(1, 21 if LONG else 2))
@pytest.mark.parametrize(
    ("kinds", "said"), [(REFUSALS, "S3 does not answer"), (("expired credentials",), "expired")]
)
def test_a_store_that_goes_away_stops_the_run_with_one_sentence(
    cloud: Cloud, seed: int, kinds: tuple[str, ...], said: str
) -> None:
    output = cloud.night(f"gone-{said.partition(' ')[0]}-{seed}")
    cloud.s3.kinds = kinds
    last = cloud.s3.requests + random.Random(seed).randrange(1, cloud.requests)

    def goes_away(number: int) -> None:
        if number >= last:
            cloud.s3.share = 1.0

    cloud.s3.on_request = goes_away
    ended = cloud.run(0.0, seed=seed, AWS_MAX_ATTEMPTS="2")
    assert "Traceback" not in ended.log
    if ended.status == 0:
        # Only what comes after the report was left, and waits for the next run.
        assert any("tidying up: " in line and said in line for line in ended.said), ended.log
    else:
        # Progress counts error rows too.
        (error,) = [line for line in ended.said if line.startswith("error: ")]
        assert (error, ended.status) == (ended.said[-1], 1)
        assert said in error
    cloud.s3.on_request = lambda _: None
    ended = cloud.run(0.0, seed=seed)
    assert ended.status == 0, ended.log
    assert settled(output) == cloud.end
    assert cloud.drivers.left_behind() == []
