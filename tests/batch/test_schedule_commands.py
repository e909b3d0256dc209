"""``nightscribe schedule``: one name for several parts; put again, shown, paused, removed whole."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from batch.config import Config, load_config
from batch.schedule.requests import schedule_prefix
from batch.schedule.schedules import put_schedule, remove_schedule
from manifests.errors import InputError
from manifests.storage import Store, open_store
from tests.batch.job_runner import JobRunner, job_runner
from tests.batch.scheduled import GROUP, Account, nightscribe

BERLIN = ("--window", "22:00-06:00", "--timezone", "Europe/Berlin")


@pytest.fixture
def path(s3_bucket: str, tiny_model: Path, tmp_path: Path) -> Path:
    path = tmp_path / "nightscribe.toml"
    (tmp_path / "meetings.csv").write_text("recording,room\na.wav,7\n", "utf-8")
    path.write_text(
        f"""
[archive]
uri = "s3://{s3_bucket}/archive/"
metadata = "meetings.csv"
[model]
uri = "{tiny_model}"
[output]
uri = "s3://{s3_bucket}/out/"
[transform]
workers = 2
[training]
train = "labels.jsonl"
"""
        + Account.at_moto(s3_bucket).section()
        + 'inference_image = "1.dkr.ecr/inference:1"\ndriver_image = "1.dkr.ecr/driver:1"\n',
        "utf-8",
    )
    return path


@pytest.fixture
def output(s3_bucket: str) -> Store:
    return open_store(f"s3://{s3_bucket}/out/")


def parts(output: Store, name: str = "nightly") -> dict[str, dict[str, Any]]:
    scheduler, prefix = boto3.client("scheduler"), schedule_prefix(name, output.uri)
    found = scheduler.list_schedules(GroupName=GROUP, NamePrefix=prefix)["Schedules"]
    return {
        one["Name"].removeprefix(prefix): scheduler.get_schedule(Name=one["Name"], GroupName=GROUP)
        for one in found
    }


def resolved(output: Store, tmp_path: Path) -> Config:
    written = tmp_path / "written/config.toml"
    written.parent.mkdir()
    written.write_bytes(output.read("schedules/nightly/config.toml"))
    return load_config(written)


def test_put_makes_every_part_and_puts_whatever_they_need_into_storage(
    path: Path, output: Store, tmp_path: Path
) -> None:
    said = nightscribe("schedule", "put", path, *BERLIN, "--days", "mon-fri")
    assert "schedule nightly is set: 22:00-06:00 Europe/Berlin, mon-fri\nfirst firing" in said
    found = parts(output)
    assert found.keys() == {"first-day", "next-day", "closing"}
    assert {one["State"] for one in found.values()} == {"ENABLED"}
    job = json.loads(found["closing"]["Target"]["Input"])
    for source in job["ProcessingInputs"]:
        assert list(open_store(source["S3Input"]["S3Uri"]).list())
    driver = open_store(job["ProcessingInputs"][0]["S3Input"]["S3Uri"])
    assert [one.key for one in driver.list()] == ["driver.tar.gz", "start.py"]
    config = resolved(output, tmp_path)
    assert config.platform.name == "sagemaker"
    assert config.model.uri.startswith(output.uri)
    assert config.archive.metadata == output.uri_of("schedules/nightly/metadata.csv")
    assert config.training is None
    assert config.transform.workers == 2


def test_what_is_put_needs_nobody_to_look_anything_up(
    path: Path, output: Store, tmp_path: Path
) -> None:
    nightscribe("schedule", "put", path, *BERLIN)
    account = resolved(output, tmp_path).sagemaker
    assert account is not None
    assert (account.stack, account.region) == (None, "eu-central-1")
    assert account.inference_image == "1.dkr.ecr/inference:1"


def test_put_again_changes_what_is_there_and_removes_parts_no_longer_needed(
    path: Path, output: Store
) -> None:
    nightscribe("schedule", "put", path, *BERLIN)
    same = {name: one["ScheduleExpression"] for name, one in parts(output).items()}
    assert "is up to date" in nightscribe("schedule", "put", path, *BERLIN)
    assert {name: one["ScheduleExpression"] for name, one in parts(output).items()} == same
    nightscribe("schedule", "put", path, "--window", "09:00-12:00", "--timezone", "UTC")
    assert {name: one["ScheduleExpression"] for name, one in parts(output).items()} == {
        "first-day": "cron(0 9,10,11 ? * * *)",
        "closing": "cron(0 12 ? * * *)",
    }


def test_a_paused_schedule_stays_paused_when_it_is_put_again(path: Path, output: Store) -> None:
    nightscribe("schedule", "put", path, *BERLIN)
    before = parts(output)
    assert "is paused" in nightscribe("schedule", "pause", "nightly", "-c", path)
    assert {one["State"] for one in parts(output).values()} == {"DISABLED"}
    assert "nightly, paused" in nightscribe("schedule", "show", "nightly", "-c", path)
    assert "it is paused" in nightscribe("schedule", "put", path, *BERLIN)
    assert "fires again, next" in nightscribe("schedule", "resume", "nightly", "-c", path)
    after = parts(output)
    for name, one in before.items():
        for key in ("State", "Target", "ScheduleExpression", "ScheduleExpressionTimezone"):
            assert after[name][key] == one[key]


def test_list_and_show_tell_when_it_fires_next_in_local_time(path: Path) -> None:
    assert "no schedules below" in nightscribe("schedule", "list", "-c", path)
    nightscribe("schedule", "put", path, *BERLIN)
    nightscribe("schedule", "put", path, "--name", "noon", "--window", "12:00-13:00")
    listed = nightscribe("schedule", "list", "-c", path)
    assert "nightly         enabled    22:00-06:00 Europe/Berlin, every day, next " in listed
    assert "noon            enabled    12:00-13:00 UTC, every day, next " in listed
    shown = nightscribe("schedule", "show", "noon", "-c", path)
    assert shown.count("fires           ") == 5
    assert "12:00 UTC" in shown
    assert "no night has been told of yet" in shown
    (as_json,) = [
        one
        for one in json.loads(nightscribe("schedule", "list", "--json", "-c", path))
        if one["name"] == "noon"
    ]
    assert as_json["next_firings"][0].endswith("+00:00")


def test_run_now_starts_the_same_job_under_a_name_of_its_own(
    path: Path, output: Store, runner: JobRunner
) -> None:
    nightscribe("schedule", "put", path, *BERLIN)
    said = nightscribe("schedule", "run-now", "nightly", "-c", path)
    (job,) = runner.processings
    assert f"started processing job {job['ProcessingJobName']}\nhttps://eu-central-1." in said
    assert job["ProcessingJobName"].startswith("nightscribe-nightly-now-2")
    arguments = job["AppSpecification"]["ContainerArguments"]
    assert job["ProcessingJobName"] == arguments[arguments.index("--job") + 1]
    assert "<aws" not in json.dumps(job)
    scheduled = json.loads(parts(output)["first-day"]["Target"]["Input"])
    assert job["AppSpecification"]["ImageUri"] == scheduled["AppSpecification"]["ImageUri"]


@pytest.fixture
def runner(aws: str) -> Iterator[JobRunner]:
    with job_runner() as runner:
        runner.when["processing"] = "when told"
        yield runner


def test_remove_leaves_transcripts_and_other_schedules_alone(path: Path, output: Store) -> None:
    output.put("transcripts/dt=2026-11-24/x.parquet", b"rows")
    for name in ("nightly", "noon"):
        nightscribe("schedule", "put", path, *BERLIN, "--name", name)
    output.put("nights/nightly/2026-11-24/summary.json", b"{}")
    said = nightscribe("schedule", "remove", "nightly", "-c", path)
    assert "transcripts and reports stay below" in said
    assert parts(output) == {}
    assert len(parts(output, "noon")) == 3
    keys = [entry.key for entry in output.list()]
    assert not [key for key in keys if "nightly" in key]
    assert [key for key in keys if key.startswith("drivers/")]
    remove_schedule(output, "noon")
    left = {key.split("/")[0] for key in (entry.key for entry in output.list())}
    assert left == {"transcripts", "models"}
    with pytest.raises(InputError, match=r"no schedule 'noon' below .*; there is: none"):
        remove_schedule(output, "noon")


def test_an_archive_with_nothing_in_it_is_noted(path: Path, s3_bucket: str) -> None:
    note = f"[archive] uri 's3://{s3_bucket}/archive/': there is nothing there yet"
    put = ("schedule", "put", path, *BERLIN, "--json")
    assert any(one.startswith(note) for one in json.loads(nightscribe(*put))["warnings"])
    open_store(f"s3://{s3_bucket}/archive/").put("a.wav", b"RIFF")
    assert not any(note in one for one in json.loads(nightscribe(*put))["warnings"])


def test_two_outputs_may_have_schedules_of_one_name(path: Path, output: Store) -> None:
    nightscribe("schedule", "put", path, *BERLIN)
    other = output.uri.replace("/out/", "/other/")
    nightscribe("schedule", "put", path, *BERLIN, "--output", other)
    remove_schedule(open_store(other), "nightly")
    assert len(parts(output)) == 3


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("schedule.window=22:00", "window"),
        ("schedule.timezone=Europe/Berln", "did you mean 'Europe/Berlin'"),
        ("schedule.days=weekdays", "expected days as mon-fri"),
        ("sagemaker.schedule_group=elsewhere", "there is no such group; 'nightscribe deploy'"),
        ("archive.uri=s3://no-such-bucket-here/a/", "there is no bucket 'no-such-bucket-here'"),
        ("archive.metadata=/", r"\[archive\] metadata '/' is a folder on this machine"),
        ("report.golden=/", r"\[report\] golden '/' is a folder on this machine"),
        ("references.uri=/nowhere.tsv", r"\[references\] uri '/nowhere.tsv': no such file"),
    ],
)
def test_what_cannot_be_scheduled_is_told_and_nothing_is_made(
    path: Path, output: Store, override: str, said: str
) -> None:
    with pytest.raises(InputError, match=said):
        put_schedule(load_config(path, [override]), "nightly")
    assert parts(output) == {}
    assert output.stat("schedules/nightly/schedule.json") is None


def test_an_account_without_the_roles_is_told_which_one_is_missing(
    path: Path, output: Store
) -> None:
    text = path.read_text("utf-8")
    path.write_text("\n".join(x for x in text.split("\n") if not x.startswith("driver_role")))
    with pytest.raises(InputError, match=r"\[sagemaker\] driver_role: not given, nor a stack"):
        put_schedule(load_config(path), "nightly")
    for name in ("my night", "a-b-c-d-e-f-g-h-i-j-k-l-m-n-o-p"):
        with pytest.raises(InputError, match=f"--name '{name}': expected at most 30 characters"):
            put_schedule(load_config(path), name)


def test_nobody_to_tell_and_skipped_firings_are_noted(path: Path) -> None:
    text = path.read_text("utf-8")
    path.write_text("\n".join(x for x in text.split("\n") if not x.startswith("topic")))
    config = load_config(path, ["schedule.timezone=Europe/Berlin"])
    first, *others = put_schedule(config, "nightly").warnings
    assert "topic is not given: nobody is told" in first
    assert any("is skipped" in one for one in others)
    assert any("comes once only" in one for one in others)
