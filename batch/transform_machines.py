"""Where ``[platform]``, ``[transform]`` and ``[sagemaker]`` say that transform jobs shall run."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime

from batch.account.account import account_of
from batch.config import Config, SageMakerSection, TransformSection
from batch.platforms.base import Platform
from batch.platforms.local import LocalPlatform
from batch.platforms.sagemaker import SageMakerPlatform
from batch.platforms.sagemaker_images import gpus_of, ignored, inference_image, pinned
from batch.platforms.transform_job import available_cores
from batch.requests import TransformMachines
from manifests.errors import InputError

PROJECT_TAG = {"project": "nightscribe"}


def transform_platform(
    config: Config, on_line: Callable[[str], None], *, until: datetime | None = None
) -> Platform:
    """What carries a run's jobs out; ``on_line`` is told what a person should know meanwhile.

    On SageMaker a job is stopped at ``until``, or when ``[transform] deadline_hours`` are over.
    """
    if config.platform.name == "local":
        return LocalPlatform()
    section, account = config.transform, config.sagemaker
    hours = section.deadline_hours
    return SageMakerPlatform(
        region=account.region if account else None,
        instance_types=section.instances,
        deadline_seconds=hours * 3600 if hours else None,
        until=until.timestamp() if until else None,
        on_line=on_line,
    )


def transform_machines(
    config: Config, *, warn: Callable[[str], None] = ignored
) -> TransformMachines:
    """The machines of a run's documents; ``warn`` is told of an image that has no digest.

    Raises:
        InputError: settings that SageMaker would refuse together, or places outside S3.
    """
    section = config.transform
    if config.platform.name == "local":
        return TransformMachines(workers=section.workers or available_cores())
    account = account_of(config)
    _check(config, account)
    return machines_on(section.instances[0], section, account, warn=warn)


def machines_on(
    instance_type: str,
    section: TransformSection,
    account: SageMakerSection,
    *,
    warn: Callable[[str], None] = ignored,
) -> TransformMachines:
    """Machines of one type in the account; ``workers_of`` it, unless the section says how many."""
    assert account.role is not None
    image = account.inference_image or inference_image(account.region, instance_type)
    return TransformMachines(
        role=account.role,
        image=pinned(image, warn),
        instance_type=instance_type,
        instance_count=section.instance_count,
        workers=section.workers or workers_of(instance_type, account.region),
        threads=1,
        subnets=account.subnets,
        security_groups=account.security_groups,
        kms_key=account.kms_key,
        tags={**PROJECT_TAG, **account.tags},
    )


def workers_of(instance_type: str, region: str | None) -> int:
    """One worker for each GPU; without one, one for each core, of which AWS counts two threads."""
    if gpus := gpus_of(instance_type, region):
        return gpus
    size = instance_type.rpartition(".")[2]
    if match := re.fullmatch(r"(\d*)xlarge", size):
        return 2 * int(match[1] or 1)
    return 1


def _check(config: Config, account: SageMakerSection) -> None:
    for section, uri in (("archive", config.archive.uri), ("output", config.output.uri)):
        if not uri.startswith("s3://"):
            raise InputError(
                f"[{section}] uri {uri!r}: a SageMaker job reads and writes S3 only; expected "
                "s3://bucket/prefix/"
            )
    if bool(account.subnets) != bool(account.security_groups):
        raise InputError("[sagemaker] subnets and security_groups: give both, or neither")
    if account.network_isolation:
        raise InputError(
            "[sagemaker] network_isolation cuts the container off from the archive too; give it "
            "subnets with an S3 gateway endpoint and no route to the internet instead"
        )
