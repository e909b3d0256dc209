"""The Hugging Face images of a region, from sagemaker's own tables.

The newest of each kind: training with transformers 5.3.0 on torch 2.9.0 (GPU only), inference with
transformers 5.5.3 on torch 2.6.0.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from batch.instances import has_gpus
from batch.platforms.aws import client, region_of, translated
from manifests.errors import InputError, NightscribeError

_VERSIONS = {
    "training": {"version": "5.3.0", "base_framework_version": "pytorch2.9.0"},
    "inference": {"version": "5.5.3", "base_framework_version": "pytorch2.6.0"},
}

_IN_ECR = re.compile(
    r"(?P<repository_uri>(?P<account>\d{12})\.dkr\.ecr(?:-fips)?\.(?P<region>[a-z0-9-]+)\."
    r"[a-z0-9.-]+/(?P<repository>[a-z0-9._/-]+))(?::(?P<tag>[\w.-]+))?"
)


def training_image(region: str | None, instance_type: str) -> str:
    """The image that fine-tuning runs in.

    Raises:
        InputError: there is none for that region or instance type, or sagemaker is not installed.
    """
    mend = "name a GPU type in [training] instances, or an image in [sagemaker] training_image"
    return _retrieved("training", region, instance_type, mend)


def inference_image(region: str | None, instance_type: str = "ml.m5.xlarge") -> str:
    """The image that transcribes.

    Raises:
        InputError: there is none for that region or instance type, or sagemaker is not installed.
    """
    mend = "name one in [sagemaker] inference_image"
    return _retrieved("inference", region, instance_type, mend)


def driver_image(region: str | None) -> str:
    """The image that a scheduled run's driver runs in: the one that transcribes, without a GPU.

    Raises:
        InputError: there is none for that region, or sagemaker is not installed.
    """
    mend = "name one in [sagemaker] driver_image"
    return _retrieved("inference", region, "ml.m5.xlarge", mend)


def pinned(image: str, warn: Callable[[str], None]) -> str:
    """The image by its digest, so that a tag that moves changes no night.

    Where ECR does not say the digest (AWS's own registries may not), ``warn`` gets a sentence and
    the image keeps its tag.

    Raises:
        InputError: the repository has no image of that tag.
    """
    found = _IN_ECR.fullmatch(image)
    if found is None:  # by digest already
        return image
    tag = found["tag"] or "latest"
    try:
        with translated(f"image {image}"):
            answer = client("ecr", found["region"]).batch_get_image(
                registryId=found["account"],
                repositoryName=found["repository"],
                imageIds=[{"imageTag": tag}],
            )
    except NightscribeError as error:
        warn(
            f"{error}; it is named by its tag, which may move: to pin it, name "
            f"{found['repository_uri']}@sha256:… in [sagemaker]"
        )
        return image
    for one in answer.get("images", []):
        return f"{found['repository_uri']}@{one['imageId']['imageDigest']}"
    reason = next((one["failureReason"] for one in answer.get("failures", [])), "no such image")
    raise InputError(
        f"image {image}: {reason}; name one that is in {found['repository_uri']}, or leave the "
        "image out of [sagemaker]"
    )


def gpus_of(instance_type: str, region: str | None) -> int:
    """How many GPUs an instance type has, by sagemaker's table, which lists those with several."""
    with _sagemaker_installed():
        from sagemaker.core import instance_types_gpu_info  # noqa: PLC0415
    table = instance_types_gpu_info.retrieve(region_of(region))
    return int(table.get(instance_type, {}).get("Count", int(has_gpus(instance_type))))


def _retrieved(scope: str, region: str | None, instance_type: str, mend: str) -> str:
    with _sagemaker_installed():
        from sagemaker.core import image_uris  # noqa: PLC0415
    retrieve: Any = image_uris.retrieve
    try:
        return str(
            retrieve(
                framework="huggingface",
                region=region_of(region),
                py_version="py312",
                instance_type=instance_type,
                image_scope=scope,
                **_VERSIONS[scope],
            )
        )
    except ValueError as error:
        raise InputError(
            f"no Hugging Face {scope} image for {instance_type} in {region or 'this region'} "
            f"({error}); {mend}"
        ) from error


@contextmanager
def _sagemaker_installed() -> Iterator[None]:
    try:
        yield
    except ImportError as error:
        raise InputError(
            "SageMaker needs the package sagemaker: pip install 'nightscribe[sagemaker]'"
        ) from error
