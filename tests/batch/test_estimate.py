"""How long the next run takes and what it costs: from measured speed, on either platform."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from batch.capacity.canary import STRETCH_SECONDS, WAVES, sample
from batch.capacity.estimate import Opening, Work, option
from batch.capacity.prices import Price
from batch.capacity.speeds import Machine, Speed, canary_key
from batch.cli.estimate_command import estimate
from batch.config import Config
from batch.durations import DurationModel
from batch.survey import Survey
from manifests.recordings import Recording, recording_id
from manifests.storage import open_store
from tests.batch.carried_out import stand_in
from tests.batch.job_runner import ROLE, JobRunner, job_runner
from tests.conftest import speechlike, write_sound

pytestmark = pytest.mark.usefixtures("warm_python")

NOW = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
WORK = Work(
    recordings=100,
    listed=100,
    audio_seconds=360_000.0,
    longest_seconds=3600.0,
    rule="",
)
SPEED = Speed(rtfx=50.0, measured="", workers=4, cold_start_seconds=600.0, waiting_seconds=240.0)
PRICE = Price(per_hour=1.0, source="")


def opening(
    window: str, zone: str = "UTC", now: datetime = NOW, *, days: str = "mon-sun"
) -> Opening:
    places = {name: {"uri": "/x"} for name in ("archive", "model", "output")}
    schedule = {"window": window, "timezone": zone, "days": days}
    return Opening.after(Config.model_validate({**places, "schedule": schedule}), now)


def test_a_run_is_a_cold_start_and_sound_by_speed_and_the_wait_is_not_billed() -> None:
    one = option(WORK, SPEED, PRICE, 1, now=NOW, opening=None)
    assert one.seconds == 600 + 7200
    assert one.instance_hours == pytest.approx((7800 - 240) / 3600, abs=1e-3)
    assert one.dollars == pytest.approx(one.instance_hours)
    assert one.done_at == NOW + timedelta(seconds=7800)
    assert one.in_window is None


def test_more_instances_end_sooner_until_the_longest_stretch_decides() -> None:
    two, many = (option(WORK, SPEED, PRICE, n, now=NOW, opening=None) for n in (2, 64))
    assert two.seconds == 600 + 3600
    assert many.seconds == 600 + 3600 * 4 / 50
    assert many.instance_hours > two.instance_hours


def test_what_was_not_measured_is_not_made_up() -> None:
    blurred = replace(SPEED, cold_start_seconds=None)
    unpriced = Price(per_hour=None, source="no price")
    one = option(WORK, blurred, unpriced, 1, now=NOW, opening=None)
    assert (one.seconds, one.instance_hours, one.dollars) == (7200, 2.0, None)


def test_the_window_counts_from_its_opening_or_from_now_where_it_is_open() -> None:
    closed = opening("22:00-06:00", "Europe/Berlin")
    assert closed.starts.isoformat() == "2026-11-23T22:00:00+01:00"
    assert closed.ends.isoformat() == "2026-11-24T06:00:00+01:00"
    night = NOW.replace(hour=23, minute=30)
    still_open = opening("22:00-06:00", now=night)
    assert (still_open.starts, still_open.ends.hour) == (night, 6)
    # 2026-11-23 is a Monday: nothing fires before Tuesday's night.
    assert opening("22:00-06:00", now=night, days="tue").starts == night.replace(
        day=24, hour=22, minute=0
    )


@pytest.mark.parametrize(("day", "hours"), [("2026-03-28", 7), ("2026-10-24", 9)])
def test_a_window_is_as_long_as_the_clock_makes_it(day: str, hours: int) -> None:
    before = datetime.fromisoformat(f"{day}T12:00:00+00:00")
    window = opening("22:00-06:00", "Europe/Berlin", before)
    for extra, enough in ((-60, True), (60, False)):
        work = replace(WORK, audio_seconds=hours * 3600.0 + extra, longest_seconds=1.0)
        speed = Speed(rtfx=1.0, measured="")
        assert option(work, speed, PRICE, 1, now=NOW, opening=window).in_window is enough


@pytest.mark.parametrize(("window", "enough"), [("22:00-06:00", True), ("22:00-00:00", False)])
def test_an_option_says_whether_the_window_is_long_enough(window: str, enough: bool) -> None:
    assert option(WORK, SPEED, PRICE, 1, now=NOW, opening=opening(window)).in_window is enough


def survey(*sizes: int) -> Survey:
    recordings = [
        Recording(
            id=recording_id(f"{n}.wav"), path=f"{n}.wav", uri=f"file:///{n}.wav", size=s, etag=""
        )
        for n, s in enumerate(sizes)
    ]
    any_value: Any = None
    return Survey(
        recordings=recordings,
        bundle=any_value,
        meta={},
        durations=DurationModel(learned={"wav": 1.0}),
        ledger=any_value,
        found=(),
        settings=any_value,
        settled_by=None,
        forgotten=frozenset(),
        on_model_change="new-only",
    )


def test_a_sample_is_the_same_each_time_and_goes_across_sizes() -> None:
    surveyed = survey(*range(100, 7300, 100))
    shards = sample(surveyed, workers=2, channels="mix")
    assert shards == sample(surveyed, workers=2, channels="mix")
    assert len(shards) == 2 * WAVES
    sizes = {one.pointer.size or 0 for shard in shards for one in shard}
    assert min(sizes) < 1000
    assert max(sizes) > 6000
    assert all(one.seconds <= STRETCH_SECONDS for shard in shards for one in shard)
    total = sum(one.seconds for shard in shards for one in shard)
    assert total == pytest.approx(2 * WAVES * STRETCH_SECONDS, rel=0.2)


def test_one_long_recording_is_a_sample_in_stretches_that_do_not_overlap() -> None:
    shards = sample(survey(10_000), workers=1, channels="split")
    stretches = [(one.pointer.offset, one.pointer.duration) for s in shards for one in s]
    assert stretches == [(n * STRETCH_SECONDS, STRETCH_SECONDS) for n in range(WAVES)]
    assert {one.pointer.channels for shard in shards for one in shard} == {"split"}


def test_a_tiny_archive_is_sampled_whole() -> None:
    shards = sample(survey(5, 0, 7), workers=2, channels="mix")
    assert sorted(one.pointer.size or 0 for shard in shards for one in shard) == [5, 7]


# -- the command ------------------------------------------------------------------------------


def said(config: Path, *words: str) -> str:
    answer = CliRunner().invoke(estimate, [str(config), *words], catch_exceptions=False)
    assert answer.exit_code == 0, answer.output
    return answer.stdout


def write_config(folder: Path, archive: str, model: Path, output: str, more: str = "") -> Path:
    path = folder / "nightscribe.toml"
    text = f'[archive]\nuri = "{archive}"\n[model]\nuri = "{model}"\n[output]\nuri = "{output}"\n'
    path.write_text(text + more)
    return path


@pytest.fixture
def sounds(tmp_path: Path) -> Path:
    for number in range(8):
        write_sound(tmp_path / f"archive/{number}.wav", speechlike(2.0, seed=number))
    return tmp_path / "archive"


def test_on_this_machine_a_canary_measures_and_leaves_nothing_else(
    tmp_path: Path, tiny_model: Path, sounds: Path
) -> None:
    more = "[transform]\nworkers = 1\nprice_per_hour = 3600.0\nprice_date = 2026-11-01\n"
    config = write_config(tmp_path, str(sounds), tiny_model, "out", more)
    before = said(config)
    assert "8 of 8 recordings" in before
    assert "not known: no earlier run of" in before
    assert "--canary" in before
    assert not (tmp_path / "out").exists()

    after = said(config, "--canary")
    assert "1 canary on this machine" in after
    assert "[transform] price_per_hour of 2026-11-01" in after
    (tmp_path / "out/pending").mkdir()
    (tmp_path / "out/pending/2026-11-22-001").touch()
    assert "run 2026-11-22-001 goes first" in said(config)
    (tmp_path / "out/pending/2026-11-22-001").unlink()
    (tmp_path / "out/pending").rmdir()
    left = {path.relative_to(tmp_path / "out").parts[0] for path in (tmp_path / "out").rglob("*")}
    assert left == {"canaries", "models"}
    found = json.loads(said(config, "--json"))
    (one,) = found["options"]
    assert one["dollars"] == pytest.approx(one["instance_hours"] * 3600, abs=0.5)
    assert found["window"] is None


@pytest.fixture
def runner(aws: str) -> Iterator[JobRunner]:
    with job_runner() as runner:
        runner.container = stand_in
        yield runner


def test_on_sagemaker_a_canary_is_a_job_of_one_instance(
    tmp_path: Path, tiny_model: Path, sounds: Path, s3_bucket: str, runner: JobRunner
) -> None:
    archive = open_store(f"s3://{s3_bucket}/archive/")
    for path in sounds.iterdir():
        archive.put(path.name, path)
    more = f"""
[platform]
name = "sagemaker"
[transform]
instance_count = 3
deadline_hours = 2
[sagemaker]
role = "{ROLE}"
region = "eu-central-1"
"""
    place = f"s3://{s3_bucket}/out/"
    config = write_config(tmp_path, archive.uri, tiny_model, place, more)
    found = json.loads(said(config, "--canary", "--json"))
    (job,) = runner.transforms
    assert job["TransformResources"] == {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1}
    assert job["TransformJobName"].startswith("nightscribe-canary-")
    output = open_store(place)
    (key,) = [entry.key for entry in output.list() if not entry.key.startswith("models/")]
    digest = json.loads(output.read(key))["model_digest"]
    assert key == canary_key(Machine(instance_type="ml.m5.xlarge", workers=2), digest)

    assert [one["instances"] for one in found["options"]] == [1, 2, 3, 4, 8]
    assert found["speed"]["rtfx"] > 0
    assert found["within_deadline"] is True
    assert found["price"]["per_hour"] is None
    assert found["price"]["source"].startswith("the Price List API")
    assert found["window"]["window"] == "22:00-06:00 UTC"
    lines = said(config).splitlines()
    assert any("3 x ml.m5.xlarge, 2 workers each" in line for line in lines)
    assert any("within [transform] deadline_hours 2" in line for line in lines)
    assert sum(line.lstrip().startswith(("1 ", "2 ", "3 ", "4 ", "8 ")) for line in lines) == 5
