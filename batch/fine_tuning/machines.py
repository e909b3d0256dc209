"""Where ``[training]`` and ``[sagemaker]`` say that a job shall run."""

from __future__ import annotations

import re
from collections.abc import Callable

from batch.account.account import account_of, check_vpc, job_settings
from batch.account.regions import check_in_s3
from batch.config import Config, SageMakerSection, TrainingSection
from batch.fine_tuning.request import Machines
from batch.platforms.base import ignored
from batch.platforms.local import LocalPlatform
from batch.platforms.sagemaker_images import pinned, training_image
from batch.platforms.sagemaker_training import SageMakerTraining
from manifests.errors import InputError
from training.settings import Settings, SettingsError

_OWN_SETTINGS = {"architecture", "base_name", "name", "text_rules"}
_OWN = (
    "nightscribe train sets that itself, from [training] base and name and from the labels; "
    "a model without a base is trained by python -m training.train"
)
_INSTANCE_TYPE = re.compile(r"ml\.[a-z0-9-]+\.[a-z0-9]+")


def training_platform(config: Config) -> LocalPlatform | SageMakerTraining:
    """What carries the job out."""
    section = training_section(config)
    if section.platform == "local":
        return LocalPlatform()
    account = account_of(config)
    return SageMakerTraining(region=account.region, instance_types=section.instances)


def training_machines(config: Config, *, warn: Callable[[str], None] = ignored) -> Machines:
    """The machines of the job's document; ``warn`` is told of an image that has no digest.

    Raises:
        InputError: settings that SageMaker would refuse together, or an output outside S3.
    """
    section = training_section(config)
    _check_registry(config)
    seconds = round(section.max_hours * 3600)
    if section.platform == "local":
        return Machines(max_seconds=seconds, input_mode=section.input_mode)
    account = account_of(config)
    _check(config, section, account)
    role = account.training_role or account.role
    assert role is not None
    image = account.training_image or training_image(account.region, section.instances[0])
    wait = round((section.max_wait_hours or 2 * section.max_hours) * 3600)
    return Machines(
        role=role,
        image=pinned(image, warn),
        instance_type=section.instances[0],
        instance_count=section.instance_count,
        volume_gb=section.volume_gb,
        max_seconds=seconds,
        spot_wait_seconds=wait if section.spot else None,
        keep_alive_seconds=section.keep_alive_minutes * 60,
        input_mode=section.input_mode,
        network_isolation=account.network_isolation,
        **job_settings(account),
    )


def training_section(config: Config) -> TrainingSection:
    """``[training]``, which must be there."""
    if config.training is None:
        raise InputError("[training] is missing; 'nightscribe init' shows the section")
    return config.training


def checked_settings(section: TrainingSection) -> Settings:
    """The hyperparameters as the training code will read them.

    Raises:
        InputError: one that is not known, or of the wrong kind or range.
    """
    if own := sorted(_OWN_SETTINGS & section.settings.keys()):
        raise InputError(f"[training] settings.{own[0]}: {_OWN}")
    try:
        return Settings.of(section.settings)
    except SettingsError as error:
        raise InputError(f"[training] settings: {error}") from error


def _check_registry(config: Config) -> None:
    account = config.sagemaker
    if account and account.model_package_group and not config.output.uri.startswith("s3://"):
        raise InputError(
            "[sagemaker] model_package_group: the Model Registry takes models in S3 only, and "
            f"[output] uri is {config.output.uri!r}; name a bucket there, or no group"
        )


def _check(config: Config, section: TrainingSection, account: SageMakerSection) -> None:
    check_in_s3({"[output] uri": config.output.uri})
    if odd := [one for one in section.instances if not _INSTANCE_TYPE.fullmatch(one)]:
        raise InputError(f"[training] instances: found {odd[0]!r}; expected a type as ml.g5.xlarge")
    if section.spot and section.keep_alive_minutes:
        raise InputError("[training] spot and keep_alive_minutes: warm pools take no spot machines")
    if section.max_wait_hours is not None and section.max_wait_hours < section.max_hours:
        raise InputError(
            f"[training] max_wait_hours {section.max_wait_hours:g} is below max_hours "
            f"{section.max_hours:g}; it counts waiting and running together"
        )
    check_vpc(account)
