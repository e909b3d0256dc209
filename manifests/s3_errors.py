"""What S3 says, as the errors of this house."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from manifests.aws_errors import DENIED, credentials_problem, error_code, passes_by_itself
from manifests.errors import (
    AccessDeniedError,
    BucketNotFoundError,
    ObjectChangedError,
    ObjectNotFoundError,
    StoreError,
    UnavailableError,
)


@contextmanager
def translated(uri: str) -> Iterator[None]:
    """Raise what botocore raises as one sentence about ``uri``."""
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415
    from botocore.parsers import ResponseParserError  # noqa: PLC0415

    try:
        yield
    except ResponseParserError as error:
        raise UnavailableError(f"{uri}: what answered was not S3, or broke off") from error
    except (ClientError, BotoCoreError) as error:
        raise _named(uri, error) from error


def _named(uri: str, error: Any) -> Exception:
    from botocore.exceptions import ClientError  # noqa: PLC0415

    if problem := credentials_problem(error):
        return AccessDeniedError(f"{uri}: {problem}")
    if passes_by_itself(error):
        return UnavailableError(f"{uri}: S3 does not answer, or is too busy ({error})")
    if not isinstance(error, ClientError):
        return StoreError(f"{uri}: {error}")
    code = error_code(error)
    said = str(error.response.get("Error", {}).get("Message", "")).strip()
    kind, sentence = _SENTENCES.get(code, (StoreError, "S3 answered {code} ({said})"))
    bucket = uri.split("/")[2]
    return kind(f"{uri}: {sentence.format(code=code, said=said, bucket=bucket)}")


_NOT_FOUND = (ObjectNotFoundError, "no such object or bucket; check the place")
_ELSEWHERE = (StoreError, "the bucket is in another region")
_CHANGED = (ObjectChangedError, "changed while it was read")
_SENTENCES: dict[str, tuple[type[Exception], str]] = {
    **dict.fromkeys(
        DENIED,
        (AccessDeniedError, "access denied ({said}); check the credentials and the role's policy"),
    ),
    "404": _NOT_FOUND,
    "NoSuchKey": _NOT_FOUND,
    "NotFound": _NOT_FOUND,
    "NoSuchBucket": (BucketNotFoundError, "there is no bucket {bucket!r}; check its name"),
    "301": _ELSEWHERE,
    "AuthorizationHeaderMalformed": _ELSEWHERE,
    "IllegalLocationConstraintException": _ELSEWHERE,
    "PermanentRedirect": _ELSEWHERE,
    "412": _CHANGED,
    "PreconditionFailed": _CHANGED,
    # The answer to a HEAD request has no body that could say which.
    "400": (
        StoreError,
        "S3 answered 400; the credentials may have expired, or the bucket be in another region",
    ),
}
