"""Images by digest: a tag that moves changes no night."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from batch.config import Config, load_config
from batch.fine_tuning.machines import training_machines
from batch.platforms import sagemaker_images
from batch.platforms.sagemaker_images import driver_image, gpus_of, inference_image, pinned
from batch.requests import model_request
from batch.transform_machines import transform_machines
from manifests.errors import InputError

REGISTRY = "123456789012.dkr.ecr.eu-central-1.amazonaws.com"
OWN = f"{REGISTRY}/team/nightscribe"
DIGEST = "sha256:" + "ab" * 32
MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"


def refuse(sentence: str) -> None:
    raise AssertionError(sentence)


@pytest.fixture
def ecr(aws: str) -> Iterator[Any]:
    client = boto3.client("ecr", region_name="eu-central-1")
    client.create_repository(repositoryName="team/nightscribe")
    yield client
    client.delete_repository(repositoryName="team/nightscribe", force=True)


def push(ecr: Any, tag: str, *, content: str = "a") -> str:
    manifest = json.dumps({"schemaVersion": 2, "mediaType": MANIFEST, "config": {"x": content}})
    digest = f"sha256:{hashlib.sha256(manifest.encode()).hexdigest()}"
    ecr.put_image(
        repositoryName="team/nightscribe",
        imageManifest=manifest,
        imageTag=tag,
        imageDigest=digest,
    )
    return digest


def test_a_tag_becomes_its_digest_and_follows_it(ecr: Any) -> None:
    first = push(ecr, "1")
    assert pinned(f"{OWN}:1", refuse) == f"{OWN}@{first}"
    second = push(ecr, "latest", content="b")
    assert pinned(OWN, refuse) == f"{OWN}@{second}"
    assert first != second


@pytest.mark.parametrize("image", [f"{OWN}@{DIGEST}", "nightscribe/local:latest"])
def test_an_image_by_digest_or_of_no_registry_stays_as_it_is(aws: str, image: str) -> None:
    assert pinned(image, refuse) == image


def test_a_tag_that_is_not_there_is_told_before_a_job_is_paid(ecr: Any) -> None:
    push(ecr, "1")
    with pytest.raises(InputError, match=f"image {OWN}:2: .*; name one that is in {OWN}"):
        pinned(f"{OWN}:2", refuse)


@pytest.mark.parametrize(
    "code", ["AccessDeniedException", "RepositoryNotFoundException", "ServerException"]
)
def test_a_registry_that_says_nothing_is_one_warning_and_the_tag(
    aws: str, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    client = boto3.client("ecr", region_name="eu-central-1")
    asked = {
        "registryId": "123456789012",
        "repositoryName": "team/nightscribe",
        "imageIds": [{"imageTag": "1"}],
    }
    monkeypatch.setattr(sagemaker_images, "client", lambda service, region: client)
    warned: list[str] = []
    with Stubber(client) as stubber:
        stubber.add_client_error("batch_get_image", code, "no", expected_params=asked)
        assert pinned(f"{OWN}:1", warned.append) == f"{OWN}:1"
    (sentence,) = warned
    assert f"name {OWN}@sha256:… in [sagemaker]" in sentence


def config_for(tmp_path: Path, *more: str) -> Config:
    path = tmp_path / "nightscribe.toml"
    path.write_text(
        """
        [archive]
        uri = "s3://meetings/"
        [model]
        uri = "model"
        [output]
        uri = "s3://out/"
        [platform]
        name = "sagemaker"
        [training]
        train = "train.jsonl"
        platform = "sagemaker"
        [sagemaker]
        role = "arn:aws:iam::123456789012:role/x"
        region = "eu-central-1"
        """
    )
    return load_config(path, more)


def test_the_documents_of_jobs_name_images_by_digest(ecr: Any, tmp_path: Path) -> None:
    digest = push(ecr, "1")
    config = config_for(
        tmp_path, f"sagemaker.inference_image={OWN}:1", f"sagemaker.training_image={OWN}:1"
    )
    machines = transform_machines(config, warn=refuse)
    assert machines.image == f"{OWN}@{digest}"
    assert training_machines(config, warn=refuse).image == f"{OWN}@{digest}"
    push(ecr, "1", content="b")
    moved = transform_machines(config, warn=refuse)
    names = {
        model_request(name="m", bundle_uri="s3://out/m", machines=one)["ModelName"]
        for one in (machines, moved)
    }
    assert len(names) == 2


def test_images_of_aws_itself_keep_their_tag_where_their_registry_says_nothing(
    aws: str, tmp_path: Path
) -> None:
    warned: list[str] = []
    machines = transform_machines(config_for(tmp_path), warn=warned.append)
    assert machines.image == inference_image("eu-central-1")
    assert len(warned) == 1


def test_the_driver_runs_in_the_cpu_image_that_transcribes() -> None:
    image = driver_image("eu-central-1")
    assert image == inference_image("eu-central-1", "ml.m5.xlarge")
    assert "-cpu-py312" in image


def test_without_the_sagemaker_package_its_tables_are_asked_for_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "sagemaker.core", None)
    for ask in (gpus_of, inference_image):
        with pytest.raises(InputError, match=r"pip install 'nightscribe\[sagemaker\]'"):
            ask(instance_type="ml.g5.xlarge", region="eu-central-1")
