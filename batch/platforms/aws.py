"""AWS clients whose errors are sentences: no botocore exception leaves this module's calls."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from manifests.aws_errors import DENIED, credentials_problem, error_code, passes_by_itself
from manifests.errors import (
    AccessDeniedError,
    InputError,
    JobFailedError,
    ObjectNotFoundError,
    UnavailableError,
)

# Neither SageMaker nor CloudFormation has a code of its own for what is not there.
_MISSING = re.compile(r"not found|could not find|does not exist", re.IGNORECASE)
_INVALID = frozenset({"ValidationException", "ValidationError"})
# boto3's session is not safe to make clients from in several threads; its clients are.
_MAKING = threading.Lock()


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
    patience = min(read_seconds, 60.0)
    settings = Config(retries=retries, read_timeout=read_seconds, connect_timeout=patience)
    try:
        with _MAKING:
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
        UnavailableError, JobFailedError: with AWS's own words.
    """
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415
    from botocore.parsers import ResponseParserError  # noqa: PLC0415

    try:
        yield
    except (ClientError, BotoCoreError) as error:
        raise _named(what, error) from error
    except ResponseParserError as error:
        raise UnavailableError(
            f"{what}: what answered is not AWS; a proxy on the way, perhaps"
        ) from error


def _named(what: str, error: Any) -> Exception:
    from botocore.exceptions import ClientError, ParamValidationError  # noqa: PLC0415

    if problem := credentials_problem(error):
        return AccessDeniedError(f"{what}: {problem}")
    if passes_by_itself(error):
        return UnavailableError(f"{what}: AWS does not answer, or is too busy ({error})")
    if not isinstance(error, ClientError):
        wrong = InputError if isinstance(error, ParamValidationError) else JobFailedError
        return wrong(f"{what}: {error}")
    code = error_code(error)
    said = str(error.response.get("Error", {}).get("Message", "")).strip()
    if code in _INVALID and _MISSING.search(said):
        code = "NotFound"
    elif code in DENIED:
        code = "Denied"
    kind, sentence = _SENTENCES.get(code, (JobFailedError, "{code}: {said}"))
    return kind(f"{what}: {sentence.format(code=code, said=said)}")


_SENTENCES: dict[str, tuple[type[Exception], str]] = {
    "Denied": (AccessDeniedError, "not allowed ({said}); mend the caller's or the role's policy"),
    "NotFound": (ObjectNotFoundError, "{said}"),
    "ResourceNotFoundException": (ObjectNotFoundError, "{said}"),
    "ResourceInUse": (NameTakenError, "{said}"),
    "ResourceLimitExceeded": (QuotaError, "{said}"),
    "ValidationException": (InputError, "SageMaker refused it: {said}"),
    "ValidationError": (InputError, "AWS refused it: {said}"),
}
