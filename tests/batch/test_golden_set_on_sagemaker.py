"""The golden set on SageMaker's API: jobs of its own, and a verdict between models."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from batch.cli.listeners import LogListener
from batch.config import load_config
from batch.golden import MARK
from batch.run import Finished, Runner
from batch.transform_machines import transform_platform
from manifests.storage import Store, open_store
from tests.batch.carried_out import stand_in
from tests.batch.job_runner import ROLE, JobRunner, job_runner
from tests.batch.test_run_on_sagemaker import rows_below
from tests.conftest import make_tiny_model, speechlike, write_sound

pytestmark = pytest.mark.usefixtures("warm_python")


class Ears(LogListener):
    """Keeps what is warned of."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warn(self, sentence: str) -> None:
        self.warnings.append(sentence)


@pytest.fixture
def runner(aws: str) -> Iterator[JobRunner]:
    with job_runner() as runner:
        yield runner


@pytest.fixture
def home(s3_bucket: str, tmp_path: Path, tiny_model: Path) -> Path:
    archive = open_store(f"s3://{s3_bucket}/archive/")
    archive.put("meeting.wav", write_sound(tmp_path / "meeting.wav", speechlike(2, seed=0)))
    golden = open_store(f"s3://{s3_bucket}/golden-set/")
    for number in range(2):
        sound = speechlike(2.0 + number, seed=number + 1)
        golden.put(f"{number}.wav", write_sound(tmp_path / f"{number}.wav", sound))
    golden.put("references.tsv", b"0\thello there\n1\tgood day to you all\n")
    (tmp_path / "nightscribe.toml").write_text(
        f"""
[archive]
uri = "s3://{s3_bucket}/archive/"
[model]
uri = "{tiny_model}"
[output]
uri = "s3://{s3_bucket}/there/"
[platform]
name = "sagemaker"
[run]
on_model_change = "all"
[transform]
workers = 1
[report]
golden = "s3://{s3_bucket}/golden-set/"
[sagemaker]
role = "{ROLE}"
region = "eu-central-1"
""",
        "utf-8",
    )
    return tmp_path


def night(home: Path, *overrides: str) -> tuple[list[Finished], Store]:
    """A night that warns of nothing, and its output."""
    config = load_config(home / "nightscribe.toml", overrides)
    ears = Ears()
    runner = Runner(
        config=config,
        platform=transform_platform(config, ears.warn),
        listener=ears,
        today=lambda: date(2026, 11, 23),
    )
    with runner.claimed():
        finished = runner.run()
    assert [one for one in ears.warnings if "golden" in one] == []
    return finished, runner.output


def golden_outputs(output: Store) -> list[Store]:
    keys = [one.key for one in output.list("golden/") if one.key.endswith(MARK)]
    return [open_store(output.uri_of(key.removesuffix(MARK))) for key in keys]


def test_the_set_is_transcribed_by_jobs_of_its_own_and_once(
    home: Path, s3_bucket: str, runner: JobRunner
) -> None:
    (finished,), output = night(home)
    (golden,) = golden_outputs(output)
    found = [(row["path"], row["status"]) for row in rows_below(golden)]
    assert found == [("0.wav", "ok"), ("1.wav", "ok")]
    assert [row["path"] for row in rows_below(output)] == ["meeting.wav"]
    names = [job["TransformJobName"] for job in runner.transforms]
    assert len(set(names)) == len(names) == 2
    allowed = [job["Environment"]["NIGHTSCRIBE_ALLOWED_PREFIXES"] for job in runner.transforms]
    assert allowed == [f"s3://{s3_bucket}/{name}/" for name in ("golden-set", "archive")]
    assert finished.figures["golden"] is None
    assert night(home)[0] == []
    assert len(runner.transforms) == 2


def test_a_new_model_is_judged_on_the_set(home: Path, runner: JobRunner) -> None:
    runner.container = stand_in
    night(home)
    other = make_tiny_model(home / "models/other", seed=1)
    (finished,), output = night(home, f"model.uri='{other}'")
    golden = finished.figures["golden"]
    assert (golden["recordings"], golden["words"]) == (2, 7)
    assert golden["b"]["model"]["digest"] == finished.plan.model_digest
    assert len(golden_outputs(output)) == 2
    assert len(runner.transforms) == 4


def test_the_set_goes_as_sound_where_the_container_has_no_network(
    home: Path, runner: JobRunner
) -> None:
    image = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/baked@sha256:" + "0" * 64
    more = ("sagemaker.network_isolation=true", f"sagemaker.inference_image='{image}'")
    _, there = night(home, *more)
    (found,) = golden_outputs(there)
    assert [row["status"] for row in rows_below(found)] == ["ok", "ok"]
    assert {job["TransformInput"]["ContentType"] for job in runner.transforms} == {"audio/flac"}
