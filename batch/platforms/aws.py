"""AWS clients whose errors are sentences: no botocore exception leaves this module's calls."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from manifests.errors import AccessDeniedError, InputError, JobFailedError, ObjectNotFoundError

_DENIED = frozenset({"AccessDenied", "AccessDeniedException", "UnrecognizedClientException"})
# Neither SageMaker nor CloudFormation has a code of its own for what is not there.
_MISSING = re.compile(r"not found|could not find|does not exist", re.IGNORECASE)
_INVALID = frozenset({"ValidationException", "ValidationError"})
_EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired"})


class QuotaError(JobFailedError):
    """The account's quota does not allow what was asked for."""


class NameTakenError(JobFailedError):
    """A job of that name exists."""


def client(
    service: str, region: str | None = None, *, attempts: int = 10, read_seconds: float = 60.0
) -> Any:
    """A boto3 client that retries throttled calls with backoff and jitter.

    Raises:
        InputError: no region is known, or the settings of AWS are not whole.
    """
    import boto3  # noqa: PLC0415
    from botocore.config import Config  # noqa: PLC0415
    from botocore.exceptions import BotoCoreError, NoRegionError  # noqa: PLC0415

    retries = {"mode": "adaptive", "max_attempts": attempts}
    settings = Config(retries=retries, read_timeout=read_seconds)
    try:
        return boto3.client(service, region_name=region, config=settings)
    except NoRegionError as error:
        raise InputError(
            "no AWS region is known; set [sagemaker] region, or AWS_DEFAULT_REGION"
        ) from error
    except BotoCoreError as error:
        raise InputError(
            f"AWS cannot be asked: {error}; check [sagemaker] region and AWS_PROFILE"
        ) from error


def region_of(region: str | None) -> str:
    """The region that clients ask where none is named."""
    return region or str(client("sagemaker").meta.region_name)


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Turn botocore's exceptions into nightscribe's; ``what`` says what was being done.

    Raises:
        AccessDeniedError, InputError, ObjectNotFoundError, QuotaError, NameTakenError,
        JobFailedError: with AWS's own words.
    """
    from botocore.exceptions import (  # noqa: PLC0415
        BotoCoreError,
        ClientError,
        NoCredentialsError,
        ParamValidationError,
    )

    try:
        yield
    except ClientError as error:
        raise _named(what, error) from error
    except NoCredentialsError as error:
        raise AccessDeniedError(
            f"{what}: no AWS credentials found; set AWS_PROFILE, or run 'aws configure'"
        ) from error
    except ParamValidationError as error:
        raise InputError(f"{what}: {error}") from error
    except BotoCoreError as error:
        raise JobFailedError(f"{what}: {error}") from error


def _named(what: str, error: Any) -> Exception:
    code = str(error.response.get("Error", {}).get("Code", "unknown"))
    said = str(error.response.get("Error", {}).get("Message", "")).strip()
    if code in _INVALID and _MISSING.search(said):
        code = "NotFound"
    elif code in _DENIED:
        code = "Denied"
    elif code in _EXPIRED:
        code = "Expired"
    kind, sentence = _SENTENCES.get(code, (JobFailedError, f"{code}: {{said}}"))
    return kind(f"{what}: {sentence.format(said=said)}")


_SENTENCES: dict[str, tuple[type[Exception], str]] = {
    "Denied": (AccessDeniedError, "not allowed ({said}); mend the caller's or the role's policy"),
    "Expired": (AccessDeniedError, "the AWS credentials have expired; sign in again"),
    "NotFound": (ObjectNotFoundError, "{said}"),
    "ResourceNotFoundException": (ObjectNotFoundError, "{said}"),
    "ResourceInUse": (NameTakenError, "{said}"),
    "ResourceLimitExceeded": (
        QuotaError,
        (
            "{said} Raise that quota in Service Quotas (service 'Amazon SageMaker'), or name "
            "another type in [training] instances"
        ),
    ),
    "ValidationException": (InputError, "SageMaker refused it: {said}"),
}
