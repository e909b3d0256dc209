"""Requests that bring the sound give the rows that requests with pointers give."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pandas as pd
import pytest

from batch.bodies import cutting
from batch.bodies.delivery import WholeShards
from batch.cli.listeners import LogListener
from batch.config import SageMakerSection, TransformSection, load_config
from batch.layout import RunKeys
from batch.plan import Plan
from batch.platforms.base import DeadlineError, Document, JobOutcome
from batch.platforms.local import LocalPlatform
from batch.progress import ShardDone
from batch.reading import standing
from batch.run import Finished, Runner
from batch.transform_machines import machines_on, transform_machines
from manifests.errors import InputError, JobFailedError
from manifests.manifest_file import read_manifest
from tests.conftest import speechlike, write_sound

pytestmark = pytest.mark.usefixtures("warm_python")

ISOLATED = "sagemaker.network_isolation=true"
OVER = datetime(2020, 1, 1, tzinfo=UTC)
VARYING = ["uri", "etag", "version", "run_id", "transcribed_at"]


CONFIG = """
[archive]
uri = "archive"
language = "de"
[model]
uri = "{model}"
[output]
uri = "out"
[transform]
workers = 1
"""


def furnished(folder: Path, model: Path) -> Path:
    """Two good recordings, one of them of 16 bits, and a bad one."""
    write_sound(folder / "archive/pcm.wav", speechlike(25, seed=1))
    write_sound(folder / "archive/telephone.wav", speechlike(4, seed=2, rate=8_000), rate=8_000)
    (folder / "archive/text.wav").write_text("minutes of the meeting " * 50)
    (folder / "nightscribe.toml").write_text(CONFIG.format(model=model), "utf-8")
    return folder


@pytest.fixture
def home(tmp_path: Path, tiny_model: Path) -> Path:
    return furnished(tmp_path, tiny_model)


@pytest.fixture(scope="module")
def by_pointers(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output of a run with pointers over what is in ``home``."""
    folder = furnished(tmp_path_factory.mktemp("pointers"), tiny_model)
    carried_out(folder)
    return folder / "out"


@pytest.fixture
def many_kinds(home: Path) -> Path:
    """Sound of every depth, and whatever else an archive holds."""
    archive = home / "archive"
    write_sound(archive / "day/lossy.ogg", speechlike(6, seed=3, rate=44_100), rate=44_100)
    write_sound(archive / "deep.flac", speechlike(4, seed=4) * 0.01, subtype="PCM_24")
    write_sound(archive / "loud.wav", speechlike(4, seed=5) * 30_000, subtype="FLOAT")
    two = np.stack([speechlike(7, seed=6), speechlike(7, seed=7)], 1)
    write_sound(archive / "stereo.wav", two)
    write_sound(archive / "silence.wav", np.zeros(40_000, np.float32))
    write_sound(archive / "blink.wav", np.zeros(1, np.float32))
    (archive / "empty.wav").touch()
    whole = write_sound(archive / "damaged.flac", speechlike(9, seed=8)).read_bytes()
    (archive / "damaged.flac").write_bytes(whole[: len(whole) // 2])
    return home


class Spoiled(LocalPlatform):
    """A platform some of whose jobs go wrong."""

    def __init__(self, spoil: Callable[[Document, JobOutcome], JobOutcome]) -> None:
        super().__init__()
        self.jobs: list[Document] = []
        self.spoil = spoil

    def transform(self, model: Document, job: Document, **told: Any) -> JobOutcome:
        self.jobs.append(job)
        return self.spoil(job, super().transform(model, job, **told))


def runner(home: Path, *overrides: str, platform: LocalPlatform | None = None) -> Runner:
    return Runner(
        config=load_config(home / "nightscribe.toml", overrides),
        platform=platform or LocalPlatform(),
        listener=LogListener(),
        today=lambda: date(2026, 11, 23),
    )


def carried_out(home: Path, *overrides: str, **more: Any) -> list[Finished]:
    made = runner(home, *overrides, **more)
    with made.claimed():
        return made.run()


def rows(output: Path, dataset: str) -> list[dict[str, Any]]:
    table = pd.read_parquet(output / dataset)
    by = ["id", "channel"] if dataset == "transcripts" else ["id", "channel", "start"]
    table = table.sort_values(by).drop(columns=VARYING, errors="ignore")
    found: list[dict[str, Any]] = json.loads(table.to_json(orient="records"))
    return found


def same_rows(one: Path, other: Path) -> None:
    for dataset in ("transcripts", "segments"):
        assert rows(one, dataset) == rows(other, dataset)


def bodies(home: Path, output: str = "out") -> list[Path]:
    return sorted((home / output).glob("runs/*/bodies/*"))


@pytest.mark.parametrize("channels", ["mix", "split"])
def test_the_rows_are_those_of_pointers(many_kinds: Path, channels: str) -> None:
    home = many_kinds
    mode = f"archive.channels={channels}"
    (pointers,) = carried_out(home, mode, "output.uri=there")
    (finished,) = carried_out(home, mode, ISOLATED)
    same_rows(home / "there", home / "out")
    assert finished.collected.kinds == {"empty_file": 1, "unsupported_format": 1, "corrupt": 1}
    assert finished.collected.recordings == 11
    assert replace(finished.collected, superseded=0) == pointers.collected
    assert carried_out(home, mode, ISOLATED) == []


def test_the_documents_ask_for_isolation_and_send_flac(home: Path) -> None:
    plan = runner(home, ISOLATED).plan()
    assert plan is not None
    assert plan.model_request["EnableNetworkIsolation"] is True
    job = plan.transform_request
    assert job["TransformInput"]["ContentType"] == "audio/flac"
    assert job["MaxConcurrentTransforms"] * job["MaxPayloadInMB"] <= 100
    assert "NIGHTSCRIBE_ALLOWED_PREFIXES" not in job["Environment"]


@pytest.mark.parametrize("part_seconds", [3600.0, 90.0])
def test_long_recordings_are_cut_and_joined_without_a_trace(
    home: Path, monkeypatch: pytest.MonkeyPatch, part_seconds: float
) -> None:
    write_sound(home / "archive/pcm.wav", speechlike(110.4, seed=1))
    write_sound(home / "archive/telephone.wav", speechlike(52.2, seed=3, rate=8_000), rate=8_000)
    monkeypatch.setattr("batch.shards.PART_SECONDS", part_seconds)
    monkeypatch.setattr(cutting, "LONGEST_SECONDS", 120)
    carried_out(home, "output.uri=there")
    made = runner(home, ISOLATED)
    plan = made.plan()
    assert plan is not None
    made.transform(plan)
    names = [path.name for path in bodies(home)]
    assert len(names) >= 4
    made.finish(plan)
    same_rows(home / "there", home / "out")


@pytest.mark.parametrize("part_seconds", [3600.0, 36.0])
def test_a_split_has_the_windows_and_the_crosstalk_of_all_channels(
    home: Path, monkeypatch: pytest.MonkeyPatch, part_seconds: float
) -> None:
    near, far = speechlike(70, seed=1), speechlike(70, seed=2)
    turns = (np.arange(len(near)) // 80_000) % 2 == 0
    own = np.where(turns, near, 0), np.where(turns, 0, far)
    both = np.stack([own[0] + 0.2 * own[1], own[1] + 0.2 * own[0]], 1).astype(np.float32)
    write_sound(home / "archive/headsets.wav", both)
    monkeypatch.setattr("batch.shards.PART_SECONDS", part_seconds)
    monkeypatch.setattr(cutting, "LONGEST_SECONDS", 40)
    carried_out(home, "archive.channels=split", "output.uri=there")
    carried_out(home, "archive.channels=split", ISOLATED)
    same_rows(home / "there", home / "out")
    found = [row for row in rows(home / "out", "transcripts") if row["path"] == "headsets.wav"]
    assert [20 < row["speech_seconds"] < 50 for row in found] == [True, True]


def test_a_body_never_passes_the_payload(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    noise = np.random.default_rng(0).uniform(-1, 1, 16_000 * 150).astype(np.float32)
    write_sound(home / "archive/noise.wav", noise, subtype="FLOAT")
    monkeypatch.setattr("batch.bodies.delivery.MEGABYTE", 140_000)
    made = runner(home, ISOLATED)
    plan = made.plan()
    assert plan is not None
    monkeypatch.setattr(made.platform, "transform", lambda *_, **__: JobOutcome(status="Failed"))
    made.transform(plan)
    of_noise = [path.stat().st_size for path in bodies(home) if path.stat().st_size > 2_000_000]
    assert len(of_noise) > 3
    assert max(of_noise) <= plan.transform_request["MaxPayloadInMB"] * 140_000


def test_bodies_are_removed_with_the_last_row_and_what_was_staged_stays_known(home: Path) -> None:
    made = runner(home, ISOLATED)
    plan = made.plan()
    assert plan is not None
    made.transform(plan)
    assert bodies(home)
    assert made.collect(plan).recordings == 3
    assert bodies(home) == []
    assert made.collect(plan).recordings == 3
    made.report(plan)
    assert standing(made.output, plan.run_id).state == "finished"
    assert standing(made.output, plan.run_id).outputs == len(plan.shards)


def test_a_staging_that_was_interrupted_goes_on_where_it_was(
    home: Path, by_pointers: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("batch.shards.MIN_SHARD_SECONDS", 4.0)
    made = runner(home, ISOLATED)
    plan = made.plan()
    assert plan is not None
    interrupted = made.listener.step

    def interrupt(name: str, what: str) -> None:
        if name == "stage":
            raise KeyboardInterrupt
        interrupted(name, what)

    monkeypatch.setattr(made.listener, "step", interrupt)
    with pytest.raises(KeyboardInterrupt):
        made.transform(plan)
    manifest = home / "out" / plan.keys.body_manifest(1)
    assert not manifest.exists()
    kept = {path: path.stat().st_mtime_ns for path in (home / "out").glob("runs/*/staged/*")}
    assert kept
    carried_out(home, ISOLATED)
    assert manifest.exists()
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    same_rows(by_pointers, home / "out")


def test_a_body_that_is_gone_before_it_was_answered_is_staged_again(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = runner(home, ISOLATED, "transform.rounds=1")
    plan = made.plan()
    assert plan is not None
    with monkeypatch.context() as patch:
        patch.setattr(made.platform, "transform", lambda *_, **__: JobOutcome(status="Failed"))
        made.transform(plan)
    before = {path: path.read_bytes() for path in bodies(home) if path.name.startswith("r1-")}
    for path in before:
        path.unlink()
    made.transform(plan)
    assert {path: path.read_bytes() for path in before} == before


def test_what_a_job_left_over_goes_again_in_shorter_bodies(
    home: Path, by_pointers: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cutting, "LONGEST_SECONDS", 200)

    def lose(job: Document, outcome: JobOutcome) -> JobOutcome:
        for path in (home / "out").glob("runs/*/out/r1-*.out"):
            path.unlink()
        return JobOutcome(status="Failed", failure_reason="ClientError: objects failed")

    platform = Spoiled(lose)
    (finished,) = carried_out(home, ISOLATED, platform=platform)
    assert [job["TransformJobName"][-2:] for job in platform.jobs] == ["r1", "r2"]
    manifests = [job["TransformInput"]["DataSource"]["S3DataSource"] for job in platform.jobs]
    assert manifests[1]["S3Uri"].endswith("manifest-bodies-2.json")
    counts = [
        len(
            read_manifest(
                (home / "out" / finished.plan.keys.body_manifest(n)).read_bytes(), name=""
            )[1]
        )
        for n in (1, 2)
    ]
    assert counts == [1 + 2, 1 + 3]  # the probe, and bodies
    same_rows(by_pointers, home / "out")


def test_a_round_that_was_stopped_makes_the_next_ones_bodies_no_shorter(
    home: Path, by_pointers: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cutting, "LONGEST_SECONDS", 200)

    def stop(job: Document, outcome: JobOutcome) -> JobOutcome:
        if not job["TransformJobName"].endswith("r1"):
            return outcome
        for path in (home / "out").glob("runs/*/out/r1-0000*.out"):
            path.unlink()
        return JobOutcome(status="Stopped")

    (finished,) = carried_out(home, ISOLATED, platform=Spoiled(stop))
    first, second = (
        len(read_manifest((home / "out" / key).read_bytes(), name=key)[1])
        for key in map(finished.plan.keys.body_manifest, (1, 2))
    )
    assert first == second
    same_rows(by_pointers, home / "out")


def test_nothing_is_staged_when_the_night_is_over(
    home: Path, by_pointers: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = runner(home, ISOLATED)
    made.until = OVER
    with pytest.raises(DeadlineError, match="the night's end has passed"):
        made.run()
    assert bodies(home) == []
    # What is staged already goes on: there may be a job to stop, and rows to write.
    made.until = None
    plan = made.plan()
    assert plan is not None

    def die(*_: Any, **__: Any) -> NoReturn:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(made.platform, "transform", die)
        with pytest.raises(KeyboardInterrupt):
            made.transform(plan)
    made.until = OVER
    made.run()
    same_rows(by_pointers, home / "out")


def test_a_job_whose_driver_died_after_its_end_is_asked_for_what_it_used(home: Path) -> None:
    made = runner(home, ISOLATED)
    plan = made.plan()
    assert plan is not None

    def die(*_: Any) -> NoReturn:
        raise KeyboardInterrupt

    made.platform = Spoiled(die)
    with pytest.raises(KeyboardInterrupt):
        made.run()
    asked = Spoiled(lambda _, outcome: outcome)
    carried_out(home, ISOLATED, platform=asked)
    assert [job["TransformJobName"] for job in asked.jobs] == [
        plan.transform_request["TransformJobName"]
    ]


def test_what_ran_out_of_time_goes_again(home: Path, by_pointers: Path) -> None:

    def late(job: Document, outcome: JobOutcome) -> JobOutcome:
        if "-r1" in job["TransformJobName"]:
            for path in (home / "out").glob("runs/*/out/*.out"):
                record = json.loads(path.read_text("utf-8"))
                late = {"kind": "time_limit", "message": "the invocation's time was up"}
                path.write_text(
                    json.dumps(
                        {
                            **record,
                            "status": "error",
                            "error": late,
                            "segments": [],
                            "duration": 9.0,
                        }
                    )
                    + "\n",
                    "utf-8",
                )
        return outcome

    platform = Spoiled(late)
    (finished,) = carried_out(home, ISOLATED, platform=platform)
    assert len(platform.jobs) == 2
    assert finished.collected.kinds == {"unsupported_format": 1}
    same_rows(by_pointers, home / "out")


def test_an_archive_of_bad_sound_needs_no_job(home: Path) -> None:
    (home / "archive/pcm.wav").unlink()
    (home / "archive/telephone.wav").unlink()
    platform = Spoiled(lambda _, outcome: outcome)
    (finished,) = carried_out(home, ISOLATED, platform=platform)
    assert platform.jobs == []
    assert finished.collected.statuses == {"error": 1}


def test_a_run_that_was_planned_for_pointers_is_planned_anew(home: Path) -> None:
    assert runner(home).plan() is not None
    (finished,) = carried_out(home, ISOLATED)
    assert finished.plan.sends_sound
    assert finished.collected.recordings == 3


def test_a_run_that_is_given_up_leaves_no_body_behind(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = runner(home, ISOLATED)
    plan = made.plan()
    assert plan is not None
    monkeypatch.setattr(made.platform, "transform", lambda *_, **__: JobOutcome(status="Failed"))
    made.transform(plan)
    assert bodies(home)
    assert runner(home).plan() is not None
    assert bodies(home) == []


def test_when_the_store_fails_the_staging_ends_and_no_recording_is_blamed(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = runner(home, ISOLATED)
    plan = made.plan()
    assert plan is not None
    put, threads = made.output.put, threading.active_count()

    def full(key: str, data: bytes | Path) -> None:
        if "/bodies/" in key:
            raise JobFailedError("no space left")
        put(key, data)

    with monkeypatch.context() as patch:
        patch.setattr(made.output, "put", full)
        with pytest.raises(JobFailedError, match="no space"):
            made.transform(plan)
    assert threading.active_count() == threads
    (finished,) = carried_out(home, ISOLATED)
    assert finished.collected.kinds == {"unsupported_format": 1}


def test_a_shard_is_heard_of_when_its_last_body_was_answered() -> None:
    keys = RunKeys(run_id="2026-11-23-001")
    whole = WholeShards(keys=keys)
    names = [keys.body("r1-00001.jsonl", 0, piece, 0) for piece in range(3)]
    whole.expect(names)
    told = [
        whole.done(ShardDone(name=name, records=1, errors=number == 1, audio_seconds=9.0))
        for number, name in enumerate(names)
    ]
    assert told == [
        None,
        None,
        ShardDone(name="r1-00001.jsonl", records=3, errors=1, audio_seconds=27.0),
    ]
    shard = ShardDone(name="r1-00002.jsonl", records=5, errors=0, audio_seconds=1.0)
    assert whole.done(shard) == shard


def test_the_manifest_lists_the_bodies_by_safe_unique_names(home: Path) -> None:
    made = runner(home, ISOLATED, "archive.channels=split")
    plan = made.plan()
    assert isinstance(plan, Plan)
    made.transform(plan)
    key = plan.keys.body_manifest(1)
    prefix, names = read_manifest(made.output.read(key), name=key)
    assert prefix == made.output.uri_of(plan.keys.bodies)
    assert sorted(names) == sorted(path.name for path in bodies(home))
    assert len(set(names)) == len(names)
    assert all(name.replace("-", "").replace(".", "").isalnum() for name in names)


def test_isolation_needs_packages_that_come_with_the_job(home: Path) -> None:
    more = [ISOLATED, "platform.name=sagemaker", "archive.uri=s3://b/in/", "output.uri=s3://b/out/"]
    role = "sagemaker.role=arn:aws:iam::123456789012:role/x"
    config = load_config(home / "nightscribe.toml", [*more, role, "sagemaker.region=eu-central-1"])
    with pytest.raises(InputError, match="wheels"):
        transform_machines(config)


@pytest.mark.parametrize(
    ("instance_type", "workers", "threads"),
    [("ml.m5.xlarge", 2, 1), ("ml.c5.9xlarge", 4, 4), ("ml.g5.12xlarge", 4, 1)],
)
def test_workers_of_an_isolated_job_share_100_mb_and_use_the_cores(
    instance_type: str, workers: int, threads: int
) -> None:
    role = "arn:aws:iam::123456789012:role/x"
    account = SageMakerSection(
        role=role, region="eu-central-1", network_isolation=True, wheels="/wheels"
    )
    machines = machines_on(instance_type, TransformSection(), account)
    assert (machines.isolated, machines.workers, machines.threads) == (True, workers, threads)
    # A schedule writes the workers down; its machines are the same.
    written = TransformSection(workers=machines.workers)
    assert machines_on(instance_type, written, account) == machines
