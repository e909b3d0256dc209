"""The one family of errors that nightscribe raises on purpose.

Each member also inherits the builtin that a caller would expect, so that ``except
FileNotFoundError`` works without knowing this module. Whatever is not in this family is a bug.
"""

from __future__ import annotations

MOST_SAID = 2000  # characters


class NightscribeError(Exception):
    """An error that a person can act on: the message says what, where, and what to do."""


class InputError(NightscribeError, ValueError):
    """Something the user wrote is wrong (exit code 2)."""

    def __str__(self) -> str:
        """The message; of one that quotes a line of megabytes, its two ends."""
        said = super().__str__()
        if len(said) <= MOST_SAID:
            return said
        half = MOST_SAID // 2
        return f"{said[:half]} [… {len(said) - 2 * half:,} characters …] {said[-half:]}"


class StoreError(NightscribeError, OSError):
    """Storage could not do what it was asked."""


class ObjectNotFoundError(StoreError, FileNotFoundError):
    """The object or file does not exist."""


class NotAFileError(StoreError):
    """There is something of that name, but no bytes to read: a pipe, a device, a folder."""


class AccessDeniedError(StoreError, PermissionError):
    """Credentials or file permissions do not allow this."""


class UnavailableError(StoreError, ConnectionError):
    """The other side does not answer, or is too busy: the same call may do in a minute."""


class BucketNotFoundError(ObjectNotFoundError, InputError):
    """The bucket does not exist (exit code 2)."""


class ObjectChangedError(StoreError):
    """The object is no longer the version that was planned."""


class JobFailedError(NightscribeError, RuntimeError):
    """A job ended without doing its work (exit code 1)."""
