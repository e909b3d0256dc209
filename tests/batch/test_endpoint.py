"""An endpoint's life: made, asked, brought up to date, removed; and dead at any moment between."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import click
import pytest
from click.testing import CliRunner, Result

from batch.cli.main import cli
from batch.endpoint.costing import costing
from batch.endpoint.documents import Kind, endpoint_documents
from batch.endpoint.removing import delete_endpoint, take_down
from batch.endpoint.standing import Watch
from batch.platforms.aws import QuotaError
from batch.requests import TransformMachines
from manifests.errors import AccessDeniedError, InputError, JobFailedError
from manifests.storage import open_store
from tests.batch.endpoint_server import EndpointServer, endpoint_server
from tests.batch.job_runner import ROLE
from tests.batch.test_requests import complaints
from tests.conftest import make_tiny_model, speechlike, write_sound

pytestmark = pytest.mark.usefixtures("warm_python")


@pytest.fixture(scope="module")
def server(aws: str) -> Iterator[EndpointServer]:
    with endpoint_server() as server:
        yield server


@pytest.fixture(autouse=True)
def as_new(server: EndpointServer) -> Iterator[None]:
    """Every test finds an account without endpoints."""
    server.endings, server.quota_zero, server.calls, server.invoked = [], set(), [], []
    server.lose_answers = False
    yield
    server.endings = []
    nightscribe("endpoint", "delete", "--all")


@pytest.fixture(scope="module")
def bucket(server: EndpointServer) -> str:
    """One for all: a model of the same place is the same, and its server runs already."""
    name = "nightscribe-endpoints"
    place = {"LocationConstraint": "eu-central-1"}
    boto3.client("s3").create_bucket(Bucket=name, CreateBucketConfiguration=place)
    return name


@pytest.fixture
def config(tmp_path: Path, tiny_model: Path, bucket: str) -> Path:
    path = tmp_path / "nightscribe.toml"
    path.write_text(
        f"""
[archive]
uri = "archive"
[model]
uri = "{tiny_model}"
[output]
uri = "s3://{bucket}/out/"
[transform]
instances = ["ml.m5.xlarge", "ml.m5.2xlarge"]
[sagemaker]
role = "{ROLE}"
region = "eu-central-1"
""",
        "utf-8",
    )
    return path


def nightscribe(*words: str | Path) -> Result:
    """A command in this process; an error of ours is raised."""
    result = CliRunner().invoke(cli, [str(word) for word in words], standalone_mode=False)
    if result.exception is not None:
        raise result.exception
    return result


def left() -> dict[str, list[str]]:
    """What the account holds of endpoints."""
    api = boto3.client("sagemaker")
    models = [one["ModelName"] for one in api.list_models()["Models"]]
    return {
        "endpoints": [one["EndpointName"] for one in api.list_endpoints()["Endpoints"]],
        "configs": [
            one["EndpointConfigName"] for one in api.list_endpoint_configs()["EndpointConfigs"]
        ],
        "models": [one for one in models if one.startswith("nightscribe-endpoint-")],
    }


NOTHING: dict[str, list[str]] = {"endpoints": [], "configs": [], "models": []}


@pytest.mark.parametrize("kind", ["real-time", "asynchronous"])
def test_botocore_accepts_the_documents(kind: Kind) -> None:
    machines = TransformMachines(
        role=ROLE,
        workers=2,
        subnets=["subnet-1"],
        security_groups=["sg-1"],
        kms_key="arn:aws:kms:eu-central-1:123456789012:key/1",
        tags={"project": "nightscribe"},
    )
    made = endpoint_documents(
        name="a" * 30,
        kind=kind,
        bundle_uri="s3://b/model.tar.gz",
        machines=machines,
        output_uri="s3://b/out/",
    )
    assert complaints("CreateModel", dict(made.model)) == ""
    assert complaints("CreateEndpointConfig", dict(made.config)) == ""
    assert complaints("CreateEndpoint", dict(made.endpoint)) == ""
    names = [made.model["ModelName"], made.config["EndpointConfigName"]]
    assert all(len(name) <= 63 and name.startswith("nightscribe-endpoint-") for name in names)


@pytest.mark.parametrize("name", ["", "Trial", "a--b", "-a", "a" * 31, "a_b"])
def test_a_name_that_does_not_fit_is_said(name: str, config: Path) -> None:
    with pytest.raises(InputError, match="--name"):
        nightscribe("endpoint", "deploy", config, "--name", name)


def test_an_endpoint_reads_bodies_or_what_was_uploaded_for_it_and_not_the_archive() -> None:
    def allowed(kind: Kind) -> str | None:
        made = endpoint_documents(
            name="trial",
            kind=kind,
            bundle_uri="s3://b/model.tar.gz",
            machines=TransformMachines(),
            output_uri="s3://b/out/",
        )
        environment: dict[str, str] = made.model["PrimaryContainer"]["Environment"]
        return environment.get("NIGHTSCRIBE_ALLOWED_PREFIXES")

    assert allowed("real-time") is None
    assert allowed("asynchronous") == "s3://b/out/endpoints/trial/in/"


@pytest.mark.parametrize("flags", [[], ["--async"]])
def test_an_endpoint_answers_what_transcribe_says(
    config: Path, tiny_model: Path, tmp_path: Path, flags: list[str], server: EndpointServer
) -> None:
    sound = write_sound(tmp_path / "a.wav", speechlike(3.0))
    answer = nightscribe("endpoint", "deploy", config, *flags)
    assert "endpoint trial made" in answer.stdout
    asked = nightscribe("endpoint", "invoke", "-c", config, sound, "--to", "json")
    here = nightscribe("transcribe", sound, "--model", tiny_model, "--to", "json")
    assert asked.stdout == here.stdout
    assert json.loads(asked.stdout)["text"]
    assert asked.return_value == 0
    folder = open_store(f"{output_of(config)}endpoints/")
    assert list(folder.list()) == []
    types = {one["content_type"] for one in server.invoked}
    assert types == {"application/jsonlines" if flags else "application/octet-stream"}


def output_of(config: Path) -> str:
    lines = config.read_text().splitlines()
    return next(line for line in lines if line.startswith('uri = "s3:')).split('"')[1]


def test_an_isolated_endpoint_is_sent_the_sound_itself(
    config: Path, tiny_model: Path, tmp_path: Path, server: EndpointServer, monkeypatch: Any
) -> None:
    sound = write_sound(tmp_path / "a.wav", speechlike(1.0))
    isolated = ["--set", "sagemaker.network_isolation=true"]
    with pytest.raises(InputError, match="nightscribe wheels"):
        nightscribe("endpoint", "deploy", config, "--async", *isolated)
    isolated += ["--set", "sagemaker.inference_image=own-image"]
    nightscribe("endpoint", "deploy", config, "--async", *isolated)
    asked = nightscribe("endpoint", "invoke", "-c", config, sound)
    assert asked.stdout == nightscribe("transcribe", sound, "--model", tiny_model).stdout
    assert {one["content_type"] for one in server.invoked} == {"application/octet-stream"}
    with pytest.raises(InputError, match="network_isolation"):
        nightscribe("endpoint", "invoke", "-c", config, sound, "--channels", "split")
    monkeypatch.setattr("batch.endpoint.asynchronous.ISOLATED_BYTES", 10)
    with pytest.raises(InputError, match="isolated endpoint takes 10"):
        nightscribe("endpoint", "invoke", "-c", config, sound)


def test_several_files_channels_and_a_broken_one(
    config: Path, tiny_model: Path, tmp_path: Path
) -> None:
    stereo = speechlike(2.0).reshape(-1, 1).repeat(2, axis=1)
    stereo[:, 1] = speechlike(2.0, seed=1)
    files = [write_sound(tmp_path / "two.wav", stereo), tmp_path / "broken.wav"]
    files[1].write_bytes(b"RIFF nothing")
    nightscribe("endpoint", "deploy", config, "--async")
    words: list[str | Path] = [*files, "--channels", "split", "--to", "srt"]
    asked = nightscribe("endpoint", "invoke", "-c", config, *words)
    here = nightscribe("transcribe", *words, "--model", tiny_model)
    assert asked.stdout == here.stdout
    assert asked.return_value == 1
    assert "broken.wav: not transcribed" in asked.stderr


def test_a_real_time_endpoint_says_what_only_an_asynchronous_one_does(
    config: Path, tmp_path: Path, server: EndpointServer
) -> None:
    large = tmp_path / "large.wav"
    with large.open("wb") as file:
        file.truncate(6_291_457)
    nightscribe("endpoint", "deploy", config)
    with pytest.raises(InputError, match=r"large\.wav: 6,291,457 bytes.*--async"):
        nightscribe("endpoint", "invoke", "-c", config, large)
    with pytest.raises(InputError, match="--channels split"):
        nightscribe("endpoint", "invoke", "-c", config, large, "--channels", "split")
    assert server.invoked == []


def test_time_that_ran_out_is_told_with_where_there_is_more(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("batch.endpoint.documents.BUDGET_SHARE", 0.0)
    sound = write_sound(tmp_path / "a.wav", speechlike(1.0))
    nightscribe("endpoint", "deploy", config)
    asked = nightscribe("endpoint", "invoke", "-c", config, sound)
    assert "time_limit" in asked.stderr
    assert "--async" in asked.stderr


@pytest.mark.parametrize("flags", [[], ["--async"]])
def test_what_the_container_refuses_is_one_sentence(
    config: Path, tmp_path: Path, flags: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    sound = write_sound(tmp_path / "a.wav", speechlike(1.0))
    nightscribe("endpoint", "deploy", config, *flags)
    where = "batch.endpoint.asynchronous.JSON_LINES" if flags else "batch.endpoint.real_time.SOUND"
    monkeypatch.setattr(where, "text/plain")
    with pytest.raises(JobFailedError) as raised:
        nightscribe("endpoint", "invoke", "-c", config, sound)
    said = str(raised.value)
    assert "content type 'text/plain' is not taken" in said
    assert "console.aws" not in said
    assert "\n" not in said
    assert list(open_store(f"{output_of(config)}endpoints/").list()) == []


def test_an_endpoint_that_is_not_there_is_said_with_how_to_make_it(
    config: Path, tmp_path: Path
) -> None:
    sound = write_sound(tmp_path / "a.wav", speechlike(1.0))
    with pytest.raises(InputError, match="endpoint deploy --name other"):
        nightscribe("endpoint", "invoke", "-c", config, "--name", "other", sound)


def test_deploying_again_changes_nothing_and_another_model_replaces_the_first(
    config: Path, tmp_path: Path, server: EndpointServer
) -> None:
    nightscribe("endpoint", "deploy", config)
    first = left()
    again = nightscribe("endpoint", "deploy", config)
    assert "endpoint trial was there" in again.stdout
    assert left() == first
    other = make_tiny_model(tmp_path / "other", seed=1)
    updated = nightscribe("endpoint", "deploy", config, "--model", other)
    assert "endpoint trial updated" in updated.stdout
    assert server.calls == ["CreateEndpoint", "UpdateEndpoint"]
    after = left()
    assert after["endpoints"] == ["nightscribe-endpoint-trial"]
    assert [len(names) for names in after.values()] == [1, 1, 1]
    assert after["configs"] != first["configs"]
    assert after["models"] != first["models"]
    for name in (*first["configs"], *first["models"]):
        assert name in updated.stdout


def test_a_configuration_that_was_deleted_is_made_again_and_its_model_stays(
    config: Path, tmp_path: Path
) -> None:
    nightscribe("endpoint", "deploy", config)
    first = left()
    (name,) = first["configs"]
    boto3.client("sagemaker").delete_endpoint_config(EndpointConfigName=name)
    sound = write_sound(tmp_path / "a.wav", speechlike(1.0))
    with pytest.raises(InputError, match=r"configuration was deleted; 'nightscribe endpoint dep"):
        nightscribe("endpoint", "invoke", "-c", config, sound)
    nightscribe("endpoint", "deploy", config)
    assert left() == first
    assert nightscribe("endpoint", "invoke", "-c", config, sound).return_value == 0


def test_an_update_whose_answer_was_lost_goes_on(
    config: Path, tmp_path: Path, server: EndpointServer
) -> None:
    nightscribe("endpoint", "deploy", config)
    server.lose_answers = True
    other = make_tiny_model(tmp_path / "other", seed=1)
    assert "updated" in nightscribe("endpoint", "deploy", config, "--model", other).stdout
    assert server.calls == ["CreateEndpoint", "UpdateEndpoint", "UpdateEndpoint"]


def test_a_quota_says_how_to_raise_it_and_what_an_update_needs(
    config: Path, tmp_path: Path, server: EndpointServer
) -> None:
    nightscribe("endpoint", "deploy", config)
    server.quota_zero = {"ml.m5.xlarge", "ml.m5.2xlarge"}
    other = make_tiny_model(tmp_path / "other", seed=1)
    with pytest.raises(QuotaError) as raised:
        nightscribe("endpoint", "deploy", config, "--model", other)
    said = str(raised.value)
    assert "request-service-quota-increase --region eu-central-1" in said
    assert "'ml.m5.2xlarge for endpoint usage' is 0" in said
    assert "the old machine and the new one at a time" in said
    assert "endpoint delete trial" in said


def test_a_failed_update_leaves_the_endpoint_as_it_was(
    config: Path, tmp_path: Path, server: EndpointServer
) -> None:
    nightscribe("endpoint", "deploy", config)
    first = boto3.client("sagemaker").describe_endpoint(EndpointName="nightscribe-endpoint-trial")
    server.endings = [("Failed", "The primary container did not pass the ping health check.")]
    other = make_tiny_model(tmp_path / "other", seed=1)
    with pytest.raises(JobFailedError, match=r"ping health check.*serves as before"):
        nightscribe("endpoint", "deploy", config, "--model", other)
    now = boto3.client("sagemaker").describe_endpoint(EndpointName="nightscribe-endpoint-trial")
    assert now["EndpointConfigName"] == first["EndpointConfigName"]
    nightscribe("endpoint", "delete", "trial")
    assert left() == NOTHING


def test_the_other_kind_is_not_made_of_one_that_is_there(config: Path) -> None:
    nightscribe("endpoint", "deploy", config)
    with pytest.raises(InputError, match=r"real-time.*endpoint delete trial"):
        nightscribe("endpoint", "deploy", config, "--async")


def test_a_failure_is_told_with_its_reason_and_the_containers_last_lines(
    config: Path, server: EndpointServer
) -> None:
    logs = boto3.client("logs")
    group = "/aws/sagemaker/Endpoints/nightscribe-endpoint-broken"
    stream = {"logGroupName": group, "logStreamName": "AllTraffic/i-1"}
    logs.create_log_group(logGroupName=group)
    logs.create_log_stream(**stream)
    event = {"timestamp": round(time.time() * 1000), "message": "no module named soundfile"}
    logs.put_log_events(**stream, logEvents=[event])
    server.endings = [("Failed", "The primary container did not pass the ping health check.")]
    with pytest.raises(JobFailedError) as raised:
        nightscribe("endpoint", "deploy", config, "--name", "broken")
    assert "ping health check" in str(raised.value)
    assert "no module named soundfile" in str(raised.value)
    assert "Failed, real-time, 0 × ml.m5.xlarge" in nightscribe("endpoint", "list").stdout
    assert "no machine runs now" in nightscribe("endpoint", "list").stdout
    assert "made" in nightscribe("endpoint", "deploy", config, "--name", "broken").stdout


def test_where_a_type_is_not_to_be_had_the_next_one_is_tried(
    config: Path, server: EndpointServer
) -> None:
    server.endings = [("Failed", "Unable to provision requested ML compute capacity due to …")]
    answer = nightscribe("endpoint", "deploy", config)
    assert "1 × ml.m5.2xlarge" in answer.stdout
    assert "no ml.m5.xlarge is to be had" in answer.stderr
    assert [len(names) for names in left().values()] == [1, 1, 1]


def test_a_quota_of_zero_tries_the_next_type_and_without_one_leaves_nothing(
    config: Path, server: EndpointServer
) -> None:
    server.quota_zero = {"ml.m5.xlarge"}
    answer = nightscribe("endpoint", "deploy", config)
    assert "1 × ml.m5.2xlarge" in answer.stdout
    nightscribe("endpoint", "delete", "trial")
    with pytest.raises(QuotaError, match=r"ml\.m5\.xlarge for endpoint usage"):
        nightscribe("endpoint", "deploy", config, "--instance", "ml.m5.xlarge")
    assert left() == NOTHING


@pytest.mark.parametrize("call", ["CreateModel", "CreateEndpointConfig", "CreateEndpoint"])
@pytest.mark.parametrize("then", ["deploy", "delete"])
def test_a_death_after_any_call_can_be_deployed_again_or_deleted(
    config: Path, call: str, then: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(**_: Any) -> None:
        raise KeyboardInterrupt

    boto3.setup_default_session()
    events = boto3._get_default_session().events
    events.register(f"after-call.sagemaker.{call}", die)
    words = ["endpoint", "deploy", str(config)]
    with pytest.raises(click.Abort):
        cli.main(words, standalone_mode=False)
    boto3.setup_default_session()
    assert left() != NOTHING
    assert "trial" in nightscribe("endpoint", "list").stdout
    if then == "deploy":
        nightscribe("endpoint", "deploy", config)
        assert [len(names) for names in left().values()] == [1, 1, 1]
    removed = nightscribe("endpoint", "delete", "trial").stdout
    assert "removed model nightscribe-endpoint-trial-" in removed
    assert left() == NOTHING


def test_delete_takes_what_is_its_own_and_nothing_else(config: Path) -> None:
    sagemaker = boto3.client("sagemaker")
    for name in ("nightscribe-model-1234abcd", "nightscribe-endpoint-trial-two-1234abcd"):
        container = {"Image": "i", "ModelDataUrl": "s3://b/m"}
        sagemaker.create_model(ModelName=name, PrimaryContainer=container, ExecutionRoleArn=ROLE)
    nightscribe("endpoint", "deploy", config)
    answer = nightscribe("endpoint", "delete", "trial")
    assert "removed endpoint nightscribe-endpoint-trial\n" in answer.stdout
    assert left()["models"] == ["nightscribe-endpoint-trial-two-1234abcd"]
    names = [one["ModelName"] for one in sagemaker.list_models()["Models"]]
    assert "nightscribe-model-1234abcd" in names
    assert "nothing to remove" in nightscribe("endpoint", "delete", "trial").stdout


def test_delete_sweeps_what_a_killed_invoke_left(config: Path) -> None:
    nightscribe("endpoint", "deploy", config, "--async")
    output = open_store(output_of(config))
    output.put("endpoints/trial/in/x/sound", b"left")
    output.put("endpoints/trial-two/in/x/sound", b"another's")
    assert "removed 1 objects in s3://" in nightscribe("endpoint", "delete", "trial").stdout
    assert [one.key for one in output.list("endpoints/")] == ["endpoints/trial-two/in/x/sound"]
    output.delete("endpoints/trial-two/in/x/sound")


def test_what_others_made_under_such_a_name_is_not_taken_for_ours(config: Path) -> None:
    sagemaker = boto3.client("sagemaker")
    for name in ("nightscribe-endpoint-trial-by-hand", "nightscribe-endpoint-Other-1234abcd"):
        container = {"Image": "i", "ModelDataUrl": "s3://b/m"}
        sagemaker.create_model(ModelName=name, PrimaryContainer=container, ExecutionRoleArn=ROLE)
    assert "no endpoints" in nightscribe("endpoint", "list").stdout
    assert "nothing to remove" in nightscribe("endpoint", "delete", "--all").stdout
    for name in left()["models"]:
        sagemaker.delete_model(ModelName=name)


def test_list_says_what_costs_money_and_all_goes_at_once(config: Path) -> None:
    none = nightscribe("endpoint", "list", "-c", config).stdout
    assert none == "no endpoints in eu-central-1: nothing is costing money there\n"
    nightscribe("endpoint", "deploy", config)
    nightscribe("endpoint", "deploy", config, "--async", "--name", "long")
    (long, trial) = json.loads(nightscribe("endpoint", "list", "--json").stdout)
    assert (long["name"], long["kind"]) == ("long", "asynchronous")
    assert (trial["name"], trial["status"]) == ("trial", "InService")
    assert (trial["instances"], trial["instance_type"]) == (1, "ml.m5.xlarge")
    assert trial["hours"] >= 0
    assert trial["dollars"] is None
    paid = costing(Watch(), lambda _: 0.5, datetime.now(UTC) + timedelta(hours=3))
    assert [(one.dollars, one.dollars_per_hour) for one in paid] == [(1.5, 0.5)] * 2
    assert "$1.50 so far ($0.500 an hour)" in paid[0].line()
    nightscribe("endpoint", "delete", "--all")
    assert left() == NOTHING


def test_a_delete_that_died_is_finished_by_the_next(config: Path) -> None:
    nightscribe("endpoint", "deploy", config, "--async")
    output = open_store(output_of(config))
    output.put("endpoints/trial/in/x/sound", b"left")

    def die(**_: Any) -> None:
        raise KeyboardInterrupt

    boto3.setup_default_session()
    events = boto3._get_default_session().events
    events.register("after-call.sagemaker.DeleteEndpointConfig", die)
    with pytest.raises(click.Abort):
        cli.main(["endpoint", "delete", "trial"], standalone_mode=False)
    boto3.setup_default_session()
    nightscribe("endpoint", "delete", "trial")
    assert left() == NOTHING
    assert list(output.list("endpoints/")) == []


def test_all_are_deleted_even_if_one_cannot_be(
    config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("first", "second"):
        nightscribe("endpoint", "deploy", config, "--name", name)

    def refuse(watch: Watch, name: str) -> list[str]:
        if name == "first":
            raise AccessDeniedError("deleting endpoint first: not allowed")
        return delete_endpoint(watch, name)

    with monkeypatch.context() as patch:
        patch.setattr("batch.endpoint.removing.delete_endpoint", refuse)
        with pytest.raises(AccessDeniedError, match="deleting endpoint first: not allowed"):
            cli.main(["endpoint", "delete", "--all"], standalone_mode=False)
    assert left()["endpoints"] == ["nightscribe-endpoint-first"]
    assert "removed endpoint nightscribe-endpoint-second" in capsys.readouterr().out


@pytest.mark.parametrize("words", [["list"], ["delete", "--all"]])
def test_a_configuration_that_is_named_must_be_there(words: list[str], tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere\.toml: no such file"):
        nightscribe("endpoint", *words, "-c", tmp_path / "nowhere.toml")


def test_an_endpoint_that_somebody_else_deletes_meanwhile_is_deleted(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nightscribe("endpoint", "deploy", config)
    api = boto3.client("sagemaker")
    where = {"EndpointConfigName": left()["configs"][0]}
    api.update_endpoint(EndpointName="nightscribe-endpoint-trial", **where)
    settled = Watch.settled

    def meanwhile(watch: Watch, name: str) -> Any:
        if settled(watch, name) is not None:
            api.delete_endpoint(EndpointName="nightscribe-endpoint-trial")
        return settled(watch, name)

    monkeypatch.setattr(Watch, "settled", meanwhile)
    assert take_down(Watch(), "trial")


def test_an_endpoint_that_is_still_coming_up_is_deleted_when_it_is_there(
    config: Path, server: EndpointServer
) -> None:
    nightscribe("endpoint", "deploy", config)
    api = boto3.client("sagemaker")
    config_name = left()["configs"][0]
    api.update_endpoint(EndpointName="nightscribe-endpoint-trial", EndpointConfigName=config_name)
    nightscribe("endpoint", "delete", "trial")
    assert left() == NOTHING
