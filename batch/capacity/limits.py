"""How transform jobs are cut: every number that SageMaker limits, derived, never typed. Pure.

The limits are those of the API reference (CreateTransformJob, ModelClientConfig). The rules:

- *Concurrency* is the number of workers: each takes one shard at a time. It is at most 100, because
  a payload is at least 1 MB and ``MaxConcurrentTransforms`` x ``MaxPayloadInMB`` at most 100.
- *Payload* is the largest shard of the job, rounded up to megabytes. Shards are closed by bytes
  too, at ``payload_bytes``, because names and metadata can be longer than the sound is.
- *Sound in a shard* is ``WORK_SECONDS`` of a worker's work at the speed that earlier runs measured;
  where nothing was measured a worker is taken to be no faster than real time. It is less where
  the answer could pass half of ``RESPONSE_BYTES``: ``WORDS_PER_SECOND`` words of ``WORD_BYTES`` for
  each channel.
- *Time-out* of an invocation is ``TIME_MARGIN`` times what the longest shard should take, and
  ``LOADING_SECONDS`` for a model that is still being loaded; the most that SageMaker allows where
  speed or length is not known. The handler's *budget* is ``BUDGET_SHARE`` of it: what is left of a
  shard then comes back as ``time_limit`` and goes again.
- *Retries*: one. A worker that died is replaced meanwhile; what fails twice goes again in smaller
  shards, where it costs its neighbours nothing.
- The *model's* document knows none of this. Its name is a hash of it, so a model stays the same
  from night to night; the server's own time-out is the longest that an invocation can have.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from manifests.errors import InputError

PAYLOAD_PRODUCT_MB = 100
# SageMaker does not say whether its megabyte is 10^6 or 2^20 bytes; the smaller one is safe.
MEGABYTE = 1_000_000
LONGEST_TIMEOUT = 3600
MOST_RETRIES = 3
MOST_VARIABLES = 16
LONGEST_NAME = 63
_NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9])*")

RESPONSE_BYTES = 100 << 20
WORDS_PER_SECOND = 5.0
WORD_BYTES = 120
SPLIT_CHANNELS = 8

WORK_SECONDS = 450.0
SPEED_UNKNOWN = 1.0
TIME_MARGIN = 4.0
LOADING_SECONDS = 600.0
SHORTEST_TIMEOUT = 1200
BUDGET_SHARE = 0.85
RETRIES = 1


@dataclass(frozen=True, kw_only=True)
class TransformLimits:
    """How a transform job may use its instances; times in seconds."""

    concurrency: int
    timeout_seconds: int = LONGEST_TIMEOUT
    retries: int = RETRIES
    payload_mb: int = 1

    @property
    def budget_seconds(self) -> float:
        """When the handler stops taking recordings on."""
        return round(self.timeout_seconds * BUDGET_SHARE, 1)


@dataclass(frozen=True, kw_only=True)
class Work:
    """The most that one invocation of a job is asked for.

    ``shard_seconds`` and ``pointer_seconds`` are sound, of a shard and of one pointer; None where
    it is not known.
    """

    shard_bytes: int
    shard_seconds: float | None = None
    pointer_seconds: float | None = None


def concurrency(workers: int) -> int:
    """``MaxConcurrentTransforms`` for so many workers on an instance."""
    return max(1, min(workers, PAYLOAD_PRODUCT_MB))


def payload_mb(workers: int) -> int:
    """The largest ``MaxPayloadInMB`` that so many workers leave room for."""
    return PAYLOAD_PRODUCT_MB // concurrency(workers)


def payload_bytes(workers: int) -> int:
    """The most bytes that one request may have."""
    return payload_mb(workers) * MEGABYTE


def most_sound(worker_speed: float | None, *, split: bool) -> float:
    """The most sound for one shard; ``worker_speed`` is sound a second, of one worker."""
    sound = WORK_SECONDS * (worker_speed or SPEED_UNKNOWN)
    channels = SPLIT_CHANNELS if split else 1
    return min(sound, RESPONSE_BYTES / 2 / (WORDS_PER_SECOND * WORD_BYTES * channels))


def limits_for(
    work: Work, *, workers: int, worker_speed: float | None = None, where: str = "this machine"
) -> TransformLimits:
    """The limits of a job.

    Raises:
        InputError: no limits would do; ``where`` names the machine in the message.
    """
    _check_payload(work, workers)
    _check_speed(work, worker_speed, where)
    return TransformLimits(
        concurrency=concurrency(workers),
        timeout_seconds=_timeout(work, worker_speed),
        payload_mb=max(1, math.ceil(work.shard_bytes / MEGABYTE)),
    )


def check_pointer(path: str, size: int, *, workers: int) -> None:
    """Refuse a pointer that no payload can carry; ``size`` is its line's bytes.

    Raises:
        InputError: naming the recording.
    """
    if size > payload_bytes(workers):
        raise InputError(
            f"{path}: its line in a shard has {size:,} bytes, and {workers} workers leave room for "
            f"{payload_bytes(workers):,}; its columns in [archive] metadata are too long"
        )


def check_documents(model: Mapping[str, Any], job: Mapping[str, Any]) -> None:
    """Refuse documents that break a limit, before anything is created.

    Raises:
        InputError: naming the field, what was found, and the limit.
    """
    client = job["ModelClientConfig"]
    at_a_time, megabytes = job["MaxConcurrentTransforms"], job["MaxPayloadInMB"]
    # An attempt's number follows the job's name.
    _check_name("TransformJobName", job["TransformJobName"], LONGEST_NAME - len("-a999"))
    _check_name("ModelName", model["ModelName"], LONGEST_NAME)
    _check("MaxPayloadInMB", megabytes, 1, PAYLOAD_PRODUCT_MB)
    _check("MaxConcurrentTransforms", at_a_time, 1, PAYLOAD_PRODUCT_MB)
    name = f"MaxConcurrentTransforms {at_a_time} x MaxPayloadInMB {megabytes}"
    _check(name, at_a_time * megabytes, 1, PAYLOAD_PRODUCT_MB)
    seconds, retries = client["InvocationsTimeoutInSeconds"], client["InvocationsMaxRetries"]
    _check("InvocationsTimeoutInSeconds", seconds, 1, LONGEST_TIMEOUT)
    _check("InvocationsMaxRetries", retries, 0, MOST_RETRIES)
    _check("Environment (entries)", len(job["Environment"]), 0, MOST_VARIABLES)


def _check_name(field: str, name: str, longest: int) -> None:
    if len(name) > longest or not _NAME.fullmatch(name):
        raise InputError(
            f"{field} {name!r}: SageMaker takes letters, digits and dashes, and there is room for "
            f"{longest} of them"
        )


def _check(field: str, found: int, least: int, most: int) -> None:
    if not least <= found <= most:
        raise InputError(f"{field}: found {found}; SageMaker takes {least} to {most}")


def _check_payload(work: Work, workers: int) -> None:
    if work.shard_bytes > payload_bytes(workers):
        raise InputError(
            f"a request has {work.shard_bytes:,} bytes, and {workers} workers leave room for "
            f"{payload_bytes(workers):,}; lower [transform] workers"
        )


def _check_speed(work: Work, worker_speed: float | None, where: str) -> None:
    """An invocation must be able to end: nothing shorter than a pointer can be sent."""
    if not work.pointer_seconds or not worker_speed:
        return
    needed, allowed = work.pointer_seconds / worker_speed, LONGEST_TIMEOUT * BUDGET_SHARE
    if needed > allowed:
        sound = work.pointer_seconds / 60
        raise InputError(
            f"a worker of {where} would need {needed / 60:.0f} min for {sound:.0f} min of sound "
            f"(measured: {worker_speed:.2g} s of sound a second), and an invocation may take "
            f"{allowed / 60:.0f}; name a faster type in [transform] instances, or fewer "
            "[transform] workers"
        )


def _timeout(work: Work, worker_speed: float | None) -> int:
    if work.shard_seconds is None or not worker_speed:
        return LONGEST_TIMEOUT
    wanted = TIME_MARGIN * work.shard_seconds / worker_speed + LOADING_SECONDS
    minutes = math.ceil(min(wanted, LONGEST_TIMEOUT) / 60)
    return max(SHORTEST_TIMEOUT, minutes * 60)
