"""Fine-tuning from labels to a bundle: on this machine, and through SageMaker's API to S3."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import numpy as np
import pytest
from click.testing import CliRunner, Result

from batch.bundles import slug
from batch.cli import training_commands
from batch.cli.listeners import LogListener
from batch.cli.main import cli
from batch.config import Config, load_config
from batch.datasets import read_rows
from batch.fine_tuning.data import labelled_sets
from batch.fine_tuning.estimate import canary
from batch.fine_tuning.fine_tuning import (
    JOBS,
    Trained,
    TrainingPlan,
    Watching,
    check_training_data,
    fine_tune,
    plan_training,
    record_job,
)
from batch.fine_tuning.machines import training_machines, training_platform
from batch.fine_tuning.request import training_request
from batch.fine_tuning.standing import training_standings
from batch.layout import TRANSCRIPTS
from batch.platforms.base import Document, JobOutcome
from batch.platforms.local import LocalPlatform
from batch.platforms.sagemaker_jobs import Attempt
from batch.platforms.sagemaker_training import SageMakerTraining
from batch.run import Runner
from batch.wheels import requirements
from manifests.errors import AccessDeniedError, InputError, JobFailedError, ObjectNotFoundError
from manifests.local_store import uri_of_path
from manifests.storage import open_store
from manifests.tarball import pack, unpack_object
from tests.batch.job_runner import JobRunner, job_runner
from tests.batch.wheel_files import wheel_files
from tests.conftest import speechlike, write_sound
from training.scoring import SCLITE

pytestmark = pytest.mark.usefixtures("warm_python")

TEXTS = ("so we open the meeting", "there is nothing new", "let us go on", "who writes it down")
SETTINGS = {
    "steps": 4,
    "warmup_steps": 1,
    "batch_seconds": 6.0,
    "evaluation_steps": 2,
    "logging_steps": 1,
}


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    folder = tmp_path / "labels"
    for name, count in (("train", 6), ("validation", 2)):
        rows = []
        for number in range(count):
            seed = number + (100 if name == "train" else 200)
            write_sound(folder / f"sound/{name}-{number}.wav", speechlike(2.0, seed=seed))
            rows.append(
                {
                    "audio_filepath": f"sound/{name}-{number}.wav",
                    "text": f"{TEXTS[number % len(TEXTS)]} {'ab'[number % 2] * (number + 1)}",
                    "speaker": f"{name} {number}",
                }
            )
        text = "".join(json.dumps(row) + "\n" for row in rows)
        (folder / f"{name}.jsonl").write_text(text, "utf-8")
    return folder


def configured(tmp_path: Path, labels: Path, model: Path, output: str, *more: str) -> Config:
    path = tmp_path / "nightscribe.toml"
    settings = ", ".join(f"{name} = {json.dumps(value)}" for name, value in SETTINGS.items())
    path.write_text(
        f"""
[archive]
uri = "archive"
[model]
uri = "{model}"
[output]
uri = "{output}"
[training]
train = "{labels}/train.jsonl"
validation = "{labels}/validation.jsonl"
name = "Fine Tuned"
settings = {{ {settings} }}
""",
        "utf-8",
    )
    return load_config(path, more)


def planned(config: Config, *, dry: bool = False) -> TrainingPlan:
    watching = Watching(on_line=lambda _: None)
    machines = training_machines(config)
    data = check_training_data(config, watching=watching)
    return plan_training(config, machines, data, watching=watching, dry=dry)


def trained(config: Config, lines: list[str] | None = None) -> Trained:
    said = [] if lines is None else lines
    watching = Watching(on_line=said.append)
    return fine_tune(config, training_platform(config), planned(config), watching=watching)


def test_labels_become_a_bundle_with_its_card_and_figures(
    tmp_path: Path, labels: Path, tiny_model: Path
) -> None:
    config = configured(tmp_path, labels, tiny_model, str(tmp_path / "out"))
    lines: list[str] = []
    result = trained(config, lines)
    folder = tmp_path / "unpacked"
    unpack_object(result.bundle.uri, folder)
    assert (folder / "model.safetensors").is_file()
    assert (folder / "text_rules.json").is_file()
    assert (folder / "code/inference.py").is_file()
    assert not list(folder.rglob("optimizer*"))
    beside = Path(open_store(config.output.uri).root, "models").rglob("*")  # type: ignore[attr-defined]
    assert {path.name for path in beside if path.is_file()} == {
        "model.tar.gz",
        "README.md",
        "metrics.json",
        "training_curves.png",
        "training_curves.parquet",
    }
    for when in ("before", "after"):
        assert result.metrics[when]["reference_words"] > 0
    assert [line for line in lines if line.startswith("step=4 ")]
    again: list[str] = []
    assert trained(config, again) == result
    assert again == []
    (standing,) = training_standings(config)
    assert (standing.state, standing.model) == ("finished", result.bundle.uri)


def test_a_dry_plan_is_the_plan_and_stages_nothing(
    tmp_path: Path, labels: Path, tiny_model: Path
) -> None:
    config = configured(tmp_path, labels, tiny_model, str(tmp_path / "out"))
    dry = planned(config, dry=True)
    output = open_store(config.output.uri)
    assert {entry.key.split("/")[1] for entry in output.list()} == {"checks"}
    assert planned(config).request == dry.request


def test_rules_of_scoring_reach_the_card_and_are_no_reason_to_train_anew(
    tmp_path: Path, labels: Path, tiny_model: Path
) -> None:
    out = str(tmp_path / "out")
    before = planned(configured(tmp_path, labels, tiny_model, out))
    more = ("scoring.aligner='sclite'", "scoring.fillers=['you know']")
    config = configured(tmp_path, labels, tiny_model, out, *more)
    assert planned(config).name == before.name
    after = trained(config).metrics["after"]
    assert after["aligner"] == SCLITE.name
    assert after["custom"] == {"equivalences": [], "fillers": ["you know"]}


def test_a_rule_that_cannot_hold_for_the_labels_is_told_before_training(
    tmp_path: Path, labels: Path, tiny_model: Path
) -> None:
    rows = [json.loads(row) for row in (labels / "validation.jsonl").open()]
    text = "".join(json.dumps({**row, "lang": "en"}) + "\n" for row in rows)
    (labels / "validation.jsonl").write_text(text)
    more = ("archive.language='de'", "scoring.fillers=['hm']")
    config = configured(tmp_path, labels, tiny_model, str(tmp_path / "out"), *more)
    with pytest.raises(InputError, match=r"for texts of language en: filler 'hm'"):
        planned(config)


def test_what_would_be_trained_on_wrongly_is_refused_with_the_list(
    tmp_path: Path, labels: Path, tiny_model: Path
) -> None:
    write_sound(labels / "sound/train-0.wav", np.zeros(32_000, np.float32))
    config = configured(tmp_path, labels, tiny_model, str(tmp_path / "out"))
    with pytest.raises(InputError) as raised:
        planned(config)
    assert "training/checks/fine-tuned/quarantine.jsonl" in str(raised.value)
    list_of = open_store(config.output.uri).read("training/checks/fine-tuned/quarantine.jsonl")
    assert b"train-0.wav" in list_of
    config = configured(
        tmp_path, labels, tiny_model, str(tmp_path / "out"), "training.max_quarantined=0.5"
    )
    assert len(planned(config).data.sets["train"]) == 5


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["training.platform=sagemaker"], "needs a section [sagemaker]"),
        (
            ["training.platform=sagemaker", "sagemaker.role=arn:aws:iam::123456789012:role/x"],
            "reads and writes S3 only",
        ),
        (["training.settings.stepps=3"], "did you mean steps?"),
        (["training.settings.architecture=x.json"], "settings.architecture: nightscribe train"),
        (
            [
                "output.uri=s3://bucket/",
                "training.platform=sagemaker",
                "sagemaker.role=arn:aws:iam::123456789012:role/x",
                "sagemaker.training_image=image",
                'training.instances=["g5"]',
            ],
            "found 'g5'; expected a type as ml.g5.xlarge",
        ),
        (
            [
                "sagemaker.role=arn:aws:iam::123456789012:role/x",
                "sagemaker.model_package_group=meetings",
            ],
            "takes models in S3 only",
        ),
        (["training.validation=nowhere.jsonl"], "nowhere.jsonl"),
    ],
)
def test_what_the_user_must_mend_is_said_before_anything_is_staged(
    tmp_path: Path, labels: Path, tiny_model: Path, more: list[str], message: str
) -> None:
    config = configured(tmp_path, labels, tiny_model, str(tmp_path / "out"), *more)
    with pytest.raises(InputError) as raised:
        planned(config)
    assert message in str(raised.value)


@pytest.mark.parametrize(
    ("file", "content"),
    [("vocab.json", "{"), ("config.json", "{"), ("config.json", '{"model_type": "whisper"}')],
)
def test_a_base_that_is_not_whole_is_told_in_a_sentence(
    tmp_path: Path, labels: Path, tiny_model: Path, file: str, content: str
) -> None:
    base = shutil.copytree(tiny_model, tmp_path / "base")
    (base / file).write_text(content, "utf-8")
    config = configured(tmp_path, labels, base, str(tmp_path / "out"))
    with pytest.raises(InputError, match=r"not? (a|tokenizer of a) CTC model"):
        planned(config)


ISOLATED = (
    "sagemaker.role=arn:aws:iam::123456789012:role/x",
    "sagemaker.network_isolation=true",
)


def test_a_training_container_without_internet_gets_the_wheels_that_its_image_lacks(
    tmp_path: Path, labels: Path, tiny_model: Path
) -> None:
    out = str(tmp_path / "out")
    with pytest.raises(InputError, match="nightscribe wheels FOLDER --for training"):
        planned(configured(tmp_path, labels, tiny_model, out, *ISOLATED))
    names = wheel_files(tmp_path / "wheels", requirements("training"))
    (tmp_path / "wheels/torch-2-cp312-cp312-any.whl").write_bytes(b"x")
    config = configured(
        tmp_path, labels, tiny_model, out, *ISOLATED, f"sagemaker.wheels={tmp_path / 'wheels'}"
    )
    source = planned(config).request["InputDataConfig"][-1]["DataSource"]["S3DataSource"]["S3Uri"]
    unpack_object(f"{source}source.tar.gz", tmp_path / "code")
    assert {path.name for path in (tmp_path / "code/wheels").iterdir()} == names


class Finished:
    """A platform whose job has written a model: the base once more."""

    def __init__(self, folder: Path, model: Path) -> None:
        self.jobs = 0
        metrics = json.dumps({"after": {"wer": 0.5}, "evaluations": {}}).encode()
        files: dict[str, Path | bytes] = {one.name: one for one in model.iterdir()}
        self.tarball = folder / "artefact.tar.gz"
        pack(self.tarball, {**files, "metrics.json": metrics})

    def train(self, job: Document, *, on_line: Callable[[str], None]) -> JobOutcome:
        self.jobs += 1
        uri = uri_of_path(self.tarball)
        return JobOutcome(status="Completed", artifact_uri=uri, instance_type="ml.g6.xlarge")


QUIET = Watching(on_line=lambda _: None)


@pytest.mark.parametrize("name", ["../up", "/etc/up", "a/b", "v1.tar.gz", "%", "Größe 1"])
def test_a_models_name_is_no_path(
    tmp_path: Path, labels: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    (tmp_path / "scratch").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "scratch"))
    more = f"training.name={json.dumps(name)}"
    config = configured(tmp_path, labels, tiny_model, str(tmp_path / "out"), more)
    platform = Finished(tmp_path, tiny_model)
    result = fine_tune(config, platform, planned(config), watching=QUIET)
    assert result.bundle.name == slug(name)
    assert not list((tmp_path / "scratch").iterdir())


def test_a_model_that_was_deleted_is_made_again(
    tmp_path: Path, labels: Path, tiny_model: Path
) -> None:
    config = configured(tmp_path, labels, tiny_model, str(tmp_path / "out"))
    platform, plan = Finished(tmp_path, tiny_model), planned(config)
    first = fine_tune(config, platform, plan, watching=QUIET)
    assert fine_tune(config, platform, plan, watching=QUIET) == first
    assert platform.jobs == 1
    shutil.rmtree(tmp_path / "out/models")
    assert fine_tune(config, platform, plan, watching=QUIET) == first
    assert platform.jobs == 2


def test_a_speed_is_kept_for_the_machine_that_it_was_measured_on(
    tmp_path: Path, labels: Path, tiny_model: Path
) -> None:
    config = configured(tmp_path, labels, tiny_model, str(tmp_path / "out"))
    plan = planned(config)
    fine_tune(config, Finished(tmp_path, tiny_model), plan, watching=QUIET)
    kept = json.loads(open_store(config.output.uri).read(f"{JOBS}{plan.name}/trained.json"))
    assert kept["instance_type"] == "ml.g6.xlarge"


@pytest.fixture
def submitted(
    tmp_path: Path, labels: Path, tiny_model: Path, s3_bucket: str
) -> tuple[Config, TrainingPlan]:
    """A configuration for SageMaker, and a plan whose document alone is real."""
    config = configured(
        tmp_path,
        labels,
        tiny_model,
        f"s3://{s3_bucket}/",
        "training.platform=sagemaker",
        "sagemaker.role=arn:aws:iam::123456789012:role/trainer",
    )
    machines = training_machines(config)
    request = training_request(
        name="nightscribe-x-1",
        channels=[],
        output_uri=f"s3://{s3_bucket}/training/jobs",
        checkpoint_uri=f"s3://{s3_bucket}/training/checkpoints/",
        hyperparameters={},
        machines=machines,
    )
    return config, TrainingPlan(section=config.training, data=None, request=request)  # type: ignore[arg-type]


def test_who_stops_waiting_hears_that_the_job_goes_on(
    submitted: tuple[Config, TrainingPlan], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    config, plan = submitted
    monkeypatch.setattr("batch.fine_tuning.fine_tuning.fine_tune", interrupted)
    lines: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        training_commands._trained(config, plan, Watching(on_line=lines.append))
    assert "goes on at SageMaker" in lines[-1]


def test_what_runs_under_another_name_is_told_to_who_would_stop_it(
    submitted: tuple[Config, TrainingPlan],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def attempts(_: object, name: str) -> Iterator[Attempt]:
        if name == "nightscribe-x-1":
            yield Attempt(name=f"{name}-a1", status="InProgress", phase="Training")

    config, plan = submitted
    record_job(config, plan)
    monkeypatch.setattr(SageMakerTraining, "attempts", attempts)
    edited = replace(plan, request={**plan.request, "TrainingJobName": "nightscribe-x-2"})
    training_commands._stop(config, edited)
    said = capsys.readouterr().out
    assert "nightscribe-x-2 is not running" in said
    assert "nightscribe-x-1  running, Training (nightscribe-x-1-a1)" in said


def test_a_missing_bucket_is_told_before_anything_is_read(
    tmp_path: Path, labels: Path, tiny_model: Path, aws: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(*_: Any, **__: Any) -> None:
        raise AssertionError

    monkeypatch.setattr("batch.fine_tuning.fine_tuning.load_training_data", read)
    config = configured(tmp_path, labels, tiny_model, "s3://no-such-bucket/out/")
    with pytest.raises(ObjectNotFoundError, match="there is no bucket 'no-such-bucket'"):
        check_training_data(config, watching=QUIET)


def test_a_job_that_cannot_be_asked_about_does_not_hide_the_others(
    submitted: tuple[Config, TrainingPlan], monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(*_: Any) -> None:
        raise AccessDeniedError("no AWS credentials found")

    config, plan = submitted
    record_job(config, plan)
    monkeypatch.setattr("batch.platforms.sagemaker_jobs.client", denied)
    (standing,) = training_standings(config)
    assert (standing.state, standing.detail) == ("not known", "no AWS credentials found")


@pytest.fixture
def runner(aws: str) -> Iterator[JobRunner]:
    with job_runner() as runner:
        yield runner


def test_the_same_training_through_sagemakers_api_gives_the_same_model(
    tmp_path: Path, labels: Path, tiny_model: Path, s3_bucket: str, runner: JobRunner
) -> None:
    here = trained(configured(tmp_path, labels, tiny_model, str(tmp_path / "out")))
    config = configured(
        tmp_path,
        labels,
        tiny_model,
        f"s3://{s3_bucket}/night/",
        "training.platform=sagemaker",
        "training.spot=true",
        'training.instances=["ml.g5.xlarge"]',
        "sagemaker.role=arn:aws:iam::123456789012:role/trainer",
        'sagemaker.tags={team="speech"}',
        "sagemaker.model_package_group=meetings",
    )
    lines: list[str] = []
    result = trained(config, lines)
    (sent,) = runner.trainings
    assert sent["TrainingJobName"].startswith("nightscribe-fine-tuned-")
    assert "transformers5.3.0-gpu" in sent["AlgorithmSpecification"]["TrainingImage"]
    assert sent["EnableManagedSpotTraining"]
    assert [line for line in lines if line.startswith("step=4 ")]  # by way of CloudWatch
    assert result.bundle.model_digest == here.bundle.model_digest
    assert result.metrics["after"]["wer"] == here.metrics["after"]["wer"]
    packages = boto3.client("sagemaker").list_model_packages(ModelPackageGroupName="meetings")
    assert len(packages["ModelPackageSummaryList"]) == 1
    assert trained(config) == result
    assert len(runner.trainings) == 1
    (standing,) = training_standings(config)
    assert standing.model == result.bundle.uri

    (tmp_path / "archive").mkdir()
    write_sound(tmp_path / "archive/meeting.wav", speechlike(3.0, seed=5))
    night = load_config(
        tmp_path / "nightscribe.toml",
        [f"output.uri=s3://{s3_bucket}/night/", f"model.uri={result.bundle.uri}"],
    )
    transcriber = Runner(config=night, platform=LocalPlatform(), listener=LogListener())
    with transcriber.claimed():
        transcriber.run()
    (row,) = read_rows(
        transcriber.output, TRANSCRIPTS, columns=["status", "model_digest"]
    ).to_pylist()
    assert row == {"status": "ok", "model_digest": result.bundle.model_digest}


def test_labels_in_letters_that_the_base_lacks_give_the_model_new_ones(
    tmp_path: Path, labels: Path, tiny_model: Path
) -> None:
    for name in ("train", "validation"):
        path = labels / f"{name}.jsonl"
        rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
        rows = [{**row, "text": row["text"].replace("e", "é")} for row in rows]
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    config = configured(tmp_path, labels, tiny_model, str(tmp_path / "out"))
    result = trained(config)
    folder = tmp_path / "unpacked"
    unpack_object(result.bundle.uri, folder)
    symbols = json.loads((folder / "vocab.json").read_text("utf-8"))
    assert "é" in symbols
    assert "e" not in symbols
    assert result.metrics["after"]["reference_words"] > 0


def test_the_command_line_checks_trains_and_tells(
    tmp_path: Path, labels: Path, tiny_model: Path
) -> None:
    configured(tmp_path, labels, tiny_model, str(tmp_path / "out"))
    command = CliRunner()

    def nightscribe(*words: str) -> Result:
        config = str(tmp_path / "nightscribe.toml")
        return command.invoke(cli, [*words, config], catch_exceptions=False)

    dry = nightscribe("train", "--dry-run")
    assert "on this machine" in dry.output
    assert "s of sound a second (4 steps here)" in dry.output
    assert "nothing was sent" in dry.output
    assert "validation, change" in nightscribe("train").output
    standing = command.invoke(cli, ["status", "-c", str(tmp_path / "nightscribe.toml")])
    assert "finished" in standing.output


def test_runs_that_differ_in_the_seed_are_compared_on_the_same_sets(
    tmp_path: Path, labels: Path, tiny_model: Path
) -> None:
    place = str(tmp_path / "out")
    sets = []
    for seed in (1, 2):
        config = configured(tmp_path, labels, tiny_model, place, f"training.settings.seed={seed}")
        assert config.training is not None
        cut = config.training.model_copy(update={"validation": None})
        sets.append(labelled_sets(cut))
    assert sets[0] == sets[1]
    assert set(sets[0]) == {"train", "validation", "test"}


def test_a_dry_run_of_a_job_that_cannot_run_says_so(
    tmp_path: Path, labels: Path, tiny_model: Path
) -> None:
    config = configured(
        tmp_path,
        labels,
        tiny_model,
        str(tmp_path / "out"),
        "training.settings.mixed_precision=fp16",
    )
    with pytest.raises(JobFailedError, match=r"tried here, and failed: .*fp16"):
        canary(config, planned(config, dry=True))


def test_a_failed_job_is_told_by_status(tmp_path: Path, labels: Path, tiny_model: Path) -> None:
    config = configured(
        tmp_path,
        labels,
        tiny_model,
        str(tmp_path / "out"),
        "training.settings.mixed_precision=fp16",
    )
    with pytest.raises(JobFailedError):
        trained(config)
    (standing,) = training_standings(config)
    assert standing.state == "failed"
    assert "fp16" in standing.detail


def test_a_dry_check_writes_nothing_to_a_bucket(
    tmp_path: Path, labels: Path, tiny_model: Path, s3_bucket: str
) -> None:
    config = configured(tmp_path, labels, tiny_model, f"s3://{s3_bucket}/night/")
    check_training_data(config, watching=QUIET, dry=True)
    assert not list(open_store(config.output.uri).list())
