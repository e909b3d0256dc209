"""Where ``[platform]``, ``[transform]`` and ``[sagemaker]`` say that transform jobs shall run."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from batch.account.account import account_of, check_vpc, job_settings
from batch.account.regions import check_in_s3
from batch.config import Config, SageMakerSection, TransformSection
from batch.instances import cores_of, has_gpus
from batch.platforms.base import Platform, ignored
from batch.platforms.local import LocalPlatform
from batch.platforms.sagemaker import SageMakerPlatform
from batch.platforms.sagemaker_images import gpus_of, inference_image, pinned
from batch.platforms.this_machine import default_workers
from batch.requests import TransformMachines
from batch.wheels import wheels_location

# Requests that carry sound share 100 MB: more of them at a time would be of a minute each. On a
# CPU fewer workers with more threads do the same work.
MOST_BODIES, MOST_BODIES_ON_CPU = 8, 4


def transform_platform(
    config: Config, on_line: Callable[[str], None], *, until: datetime | None = None
) -> Platform:
    """What carries a run's jobs out; ``on_line`` is told what a person should know meanwhile.

    On SageMaker a job is stopped at ``until``, or when ``[transform] deadline_hours`` are over.
    """
    if config.platform.name == "local":
        return LocalPlatform(on_line)
    section, account = config.transform, config.sagemaker
    hours = section.deadline_hours
    return SageMakerPlatform(
        region=account.region if account else None,
        instance_types=section.instances,
        deadline_seconds=hours * 3600 if hours else None,
        until=until.timestamp() if until else None,
        on_line=on_line,
    )


def isolated(config: Config) -> bool:
    """Whether requests bring the sound; on this machine too, so that a rehearsal goes that way."""
    return config.sagemaker is not None and config.sagemaker.network_isolation


def transform_machines(
    config: Config, *, warn: Callable[[str], None] = ignored
) -> TransformMachines:
    """The machines of a run's documents; ``warn`` is told of an image that has no digest.

    Raises:
        InputError: settings that SageMaker would refuse together, or places outside S3.
    """
    section = config.transform
    if config.platform.name == "local":
        workers = section.workers or default_workers()
        return TransformMachines(
            workers=min(workers, MOST_BODIES) if isolated(config) else workers,
            isolated=isolated(config),
        )
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
    workers, threads = section.workers or workers_of(instance_type, account.region), 1
    if account.network_isolation:
        # From the type's name: a scheduled run says its workers, and has no table of GPUs.
        cpu = not has_gpus(instance_type)
        most = MOST_BODIES_ON_CPU if cpu and not section.workers else MOST_BODIES
        workers = min(workers, most)
        threads = max(1, cores_of(instance_type) // workers) if cpu else 1
    return TransformMachines(
        role=account.role,
        image=pinned(image, warn),
        instance_type=instance_type,
        instance_count=section.instance_count,
        workers=workers,
        threads=threads,
        isolated=account.network_isolation,
        **job_settings(account),
    )


def workers_of(instance_type: str, region: str | None) -> int:
    """One worker for each GPU; without one, one for each core, of which AWS counts two threads."""
    return gpus_of(instance_type, region) or cores_of(instance_type)


def _check(config: Config, account: SageMakerSection) -> None:
    check_in_s3({"[archive] uri": config.archive.uri, "[output] uri": config.output.uri})
    check_network(account)


def check_network(account: SageMakerSection) -> None:
    """Whether containers of this account can get at what they need.

    Raises:
        InputError: settings that SageMaker would refuse together, or that no container starts with.
    """
    check_vpc(account)
    wheels_location(account, "inference")
