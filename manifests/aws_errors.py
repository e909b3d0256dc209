"""What botocore's errors mean, whichever service they come from."""

from __future__ import annotations

from typing import Any

# The last two are what SNS and EC2 call it.
DENIED = frozenset(
    {
        "403",
        "AccessDenied",
        "AccessDeniedException",
        "Forbidden",
        "AuthorizationError",
        "UnauthorizedOperation",
    }
)
_EXPIRED = ("ExpiredToken", "ExpiredTokenException", "RequestExpired")
_UNKNOWN_CALLER = (
    "AuthFailure",
    "IncompleteSignature",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "InvalidToken",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
)
_WRONG_CLOCK = ("RequestTimeTooSkewed", "RequestInTheFuture")
_OF_CREDENTIALS = {
    **dict.fromkeys(
        _EXPIRED, "the AWS credentials have expired; sign in again, then give the same command"
    ),
    **dict.fromkeys(
        _UNKNOWN_CALLER, "AWS does not know these credentials; check AWS_PROFILE, or sign in"
    ),
    **dict.fromkeys(_WRONG_CLOCK, "this machine's clock is too far off for AWS; set it right"),
}
# botocore tries these again itself; they come through when it has given up.
_BUSY = frozenset(
    {
        "BandwidthLimitExceeded",
        "EC2ThrottledException",
        "InternalError",
        "InternalFailure",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "RequestTimeout",
        "RequestTimeoutException",
        "ServiceUnavailable",
        "ServiceUnavailableException",
        "SlowDown",
        "Throttled",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)


def error_code(error: Any) -> str:
    """The code of a ``ClientError``, as ``AccessDenied``; the HTTP status where it has no body."""
    return str(error.response.get("Error", {}).get("Code", "unknown"))


def passes_by_itself(error: Exception) -> bool:
    """Whether the same call may do in a minute: the network, or a service that is too busy."""
    from botocore.exceptions import (  # noqa: PLC0415
        ClientError,
        ConnectionError,  # noqa: A004 - botocore's own
        HTTPClientError,
        IncompleteReadError,
        InvalidProxiesConfigError,
        ProxyConnectionError,
        SSLError,
    )

    if isinstance(error, ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return error_code(error) in _BUSY or status == 429 or status >= 500
    if isinstance(error, (SSLError, ProxyConnectionError, InvalidProxiesConfigError)):
        return False
    return isinstance(error, (ConnectionError, HTTPClientError, IncompleteReadError))


def credentials_problem(error: Exception) -> str:
    """What is wrong with the caller's credentials, and what to do; empty where nothing is."""
    from botocore import exceptions  # noqa: PLC0415

    if isinstance(error, exceptions.ClientError):
        return _OF_CREDENTIALS.get(error_code(error), "")
    if isinstance(error, (exceptions.NoCredentialsError, exceptions.PartialCredentialsError)):
        return "no AWS credentials found; set AWS_PROFILE, or run 'aws configure'"
    refused = (
        exceptions.CredentialRetrievalError,
        exceptions.TokenRetrievalError,
        exceptions.SSOError,
    )
    if isinstance(error, refused):
        return f"no AWS credentials could be fetched ({error}); sign in again ('aws sso login')"
    return ""
