"""A transform job on this machine: the agent that Batch Transform runs beside the container.

It reads the manifest, sends each object to a model server as one request, and writes each answer
whole as ``<name>.out``. An object that fails leaves no output and makes the job Failed; the
others are kept.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from batch.capacity.limits import PAYLOAD_PRODUCT_MB
from batch.capacity.used import used_here
from batch.platforms.base import Document, JobOutcome, OnOutput, ignored
from batch.platforms.this_machine import (
    available_cores,
    available_memory,
    fitting_workers,
    gpus,
)
from batch.platforms.worker import InvocationError, Worker
from manifests.errors import InputError, JobFailedError, NightscribeError, StoreError
from manifests.manifest_file import read_manifest
from manifests.scratch import scratch_folder
from manifests.storage import Store, open_store, parent_store
from manifests.tarball import unpack_object

MAX_REASON = 1024  # characters, as SageMaker's FailureReason
_POLL_SECONDS = 0.2
_GRACE_SECONDS = 3.0
# Inputs that were read ahead, by name; None: there are no more.
_Bodies = queue.Queue[tuple[str, bytes] | None]


@dataclass(frozen=True, kw_only=True)
class TransformSpec:
    """What of the two request documents matters on one machine, checked as SageMaker does."""

    name: str
    manifest_uri: str
    model_uri: str
    output_uri: str
    content_type: str
    accept: str
    environment: dict[str, str]
    concurrency: int
    payload_mb: int
    timeout_seconds: float
    retries: int

    @classmethod
    def of(cls, model: Document, job: Document) -> TransformSpec:
        """Read the documents.

        Raises:
            InputError: a value that SageMaker would refuse, or that this platform does not have.
        """
        source = job["TransformInput"]["DataSource"]["S3DataSource"]
        _expect("S3DataType", source["S3DataType"], "ManifestFile")
        _expect("SplitType", job["TransformInput"].get("SplitType", "None"), "None")
        _expect("AssembleWith", job["TransformOutput"].get("AssembleWith", "None"), "None")
        _expect("BatchStrategy", job.get("BatchStrategy", "SingleRecord"), "SingleRecord")
        if job["ModelName"] != model["ModelName"]:
            raise InputError(f"ModelName {job['ModelName']!r} is not {model['ModelName']!r}")
        container, client = model["PrimaryContainer"], job.get("ModelClientConfig", {})
        concurrency, payload = job.get("MaxConcurrentTransforms", 1), job.get("MaxPayloadInMB", 6)
        if concurrency * payload > PAYLOAD_PRODUCT_MB:
            raise InputError(
                f"MaxConcurrentTransforms {concurrency} x MaxPayloadInMB {payload} "
                f"is over {PAYLOAD_PRODUCT_MB}"
            )
        return cls(
            name=job["TransformJobName"],
            manifest_uri=source["S3Uri"],
            model_uri=container["ModelDataUrl"],
            output_uri=job["TransformOutput"]["S3OutputPath"],
            content_type=job["TransformInput"].get("ContentType", "application/octet-stream"),
            accept=job["TransformOutput"].get("Accept", "application/json"),
            environment={
                **container.get("Environment", {}),
                **job.get("Environment", {}),
                "SAGEMAKER_BATCH": "true",
                "SAGEMAKER_MAX_PAYLOAD_IN_MB": str(payload),
            },
            concurrency=concurrency,
            payload_mb=payload,
            timeout_seconds=client.get("InvocationsTimeoutInSeconds", 600),
            retries=client.get("InvocationsMaxRetries", 3),
        )


def _expect(name: str, found: str, expected: str) -> None:
    if found != expected:
        raise InputError(f"{name} {found!r}: the local platform takes {expected!r}")


def run_transform(
    spec: TransformSpec, *, on_output: OnOutput, on_line: Callable[[str], None] = ignored
) -> JobOutcome:
    """Carry the job out; what has an output already is passed over.

    ``on_line`` is told what a person should know meanwhile.

    Raises:
        StoreError: the output's store fails: no recording's fault, so none may lose a try by it.
    """
    try:
        inputs, output = _inputs(spec), open_store(spec.output_uri)
        pending = [pair for pair in inputs if output.stat(_output_name(pair[1])) is None]
        if not pending:
            return JobOutcome(status="Completed")
        created = datetime.now(UTC)
        with _unpacked(spec.model_uri) as model_dir:
            agent = _Agent(
                spec=spec,
                output=output,
                model_dir=model_dir,
                on_output=on_output,
                on_line=on_line,
            )
            outcome = agent.run(pending)
        use = used_here(spec.name, status=outcome.status, created=created, workers=spec.concurrency)
        return replace(outcome, jobs=(use,))
    except StoreError:
        raise
    except NightscribeError as error:
        # Of the manifest or the bundle: what concerns one input is in the agent's own account.
        reason = str(error)[:MAX_REASON]
        return JobOutcome(status="Failed", failure_reason=reason, model_loaded=False)


def _inputs(spec: TransformSpec) -> list[tuple[Store, str]]:
    store, key = parent_store(spec.manifest_uri)
    prefix, names = read_manifest(store.read(key), name=key)
    source = open_store(prefix)
    return [(source, name) for name in names]


def _output_name(name: str) -> str:
    return f"{name}.out"


@contextmanager
def _unpacked(model_uri: str) -> Iterator[Path]:
    with scratch_folder("model") as folder:
        unpack_object(model_uri, folder / "model")
        yield folder / "model"


@dataclass(kw_only=True)
class _Agent:
    """Feeds a queue of inputs to as many workers as the job asks for."""

    spec: TransformSpec
    output: Store
    model_dir: Path
    on_output: OnOutput
    on_line: Callable[[str], None]
    failures: list[str] = field(default_factory=list)
    done: int = 0
    _fatal: list[BaseException] = field(default_factory=list)
    _stopping: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self, pending: list[tuple[Store, str]]) -> JobOutcome:
        """Work until the queue is empty, or until interrupted."""
        count = self._workers(len(pending))
        waiting: _Bodies = queue.Queue(count)
        workers = [
            Worker(self.model_dir, self._environment(count, number)) for number in range(count)
        ]
        threads = [
            threading.Thread(target=self._serve, args=(worker, waiting), daemon=True)
            for worker in workers
        ]
        threads.append(
            threading.Thread(target=self._fetch, args=(pending, waiting, count), daemon=True)
        )
        for thread in threads:
            thread.start()
        try:
            for thread in threads:
                # A join without a limit would hold Ctrl-C back until the shard is done.
                while thread.is_alive() and not self._store_failed:
                    thread.join(_POLL_SECONDS)
        finally:
            self._stopping.set()
            for worker in workers:
                worker.stop()
            # What has its answer is still being written.
            until = time.monotonic() + _GRACE_SECONDS
            for thread in threads:
                thread.join(max(0.0, until - time.monotonic()))
        if self._store_failed:
            raise self._fatal[0]
        return self._outcome(len(pending))

    @property
    def _store_failed(self) -> bool:
        return bool(self._fatal) and isinstance(self._fatal[0], StoreError)

    def _outcome(self, count: int) -> JobOutcome:
        if self._fatal:
            reason = str(self._fatal[0])[:MAX_REASON]
            return JobOutcome(status="Failed", failure_reason=reason, model_loaded=self.done > 0)
        if self.failures:
            reason = f"{len(self.failures)} of {count} objects failed; first: {self.failures[0]}"
            return JobOutcome(status="Failed", failure_reason=reason[:MAX_REASON])
        return JobOutcome(status="Completed")

    def _workers(self, pending: int) -> int:
        """As many as the job asks for, and no more than there is work and memory for."""
        wanted = min(self.spec.concurrency, pending)
        weights = sum(path.stat().st_size for path in self.model_dir.rglob("*") if path.is_file())
        count = fitting_workers(wanted, weights, available_memory())
        if count < wanted:
            self.on_line(
                f"{count} of {wanted} workers: the memory that is free holds no more with a model "
                f"of {weights >> 20} MB"
            )
        return count

    def _environment(self, workers: int, number: int) -> dict[str, str]:
        # Threads of several processes that fight for the same cores slow each other tenfold.
        threads = str(max(1, available_cores() // workers))
        devices = gpus()
        own = {"CUDA_VISIBLE_DEVICES": devices[number % len(devices)]} if devices else {}
        return {
            **own,
            "NIGHTSCRIBE_THREADS": threads,
            "OMP_NUM_THREADS": threads,
            "HF_HUB_OFFLINE": "1",
            # Workers are ended by a signal and cannot tidy up: what they leave goes with the job.
            "TMPDIR": str(self.model_dir.parent),
            **self.spec.environment,
        }

    def _fetch(self, pending: list[tuple[Store, str]], waiting: _Bodies, workers: int) -> None:
        """Read the next inputs while the workers are busy; at last an end for each worker."""
        for source, name in pending:
            try:
                entry = (name, source.read(name))
            except StoreError as error:
                self._fatal.append(error)
                return
            except Exception as error:  # noqa: BLE001 - a thread must not die in silence
                self._failed(name, error)
                continue
            if not self._hand_over(waiting, entry):
                return
        for _ in range(workers):
            self._hand_over(waiting, None)

    def _hand_over(self, waiting: _Bodies, entry: tuple[str, bytes] | None) -> bool:
        while not self._stopping.is_set() and not self._fatal:
            with suppress(queue.Full):
                waiting.put(entry, timeout=_POLL_SECONDS)
                return True
        return False

    def _next(self, waiting: _Bodies) -> tuple[str, bytes] | None:
        while not self._stopping.is_set() and not self._fatal:
            with suppress(queue.Empty):
                return waiting.get(timeout=_POLL_SECONDS)
        return None

    def _serve(self, worker: Worker, waiting: _Bodies) -> None:
        while (entry := self._next(waiting)) is not None:
            name, body = entry
            try:
                self._transform(worker, name, body)
            except (JobFailedError, StoreError) as error:
                self._fatal.append(error)
            except Exception as error:  # noqa: BLE001 - a thread must not die in silence
                self._failed(name, error)

    def _failed(self, name: str, error: Exception) -> None:
        known = isinstance(error, NightscribeError)
        self.failures.append(f"{name}: {error if known else f'{type(error).__name__}: {error}'}")

    def _transform(self, worker: Worker, name: str, body: bytes) -> None:
        if len(body) > self.spec.payload_mb << 20:
            self.failures.append(f"{name}: {len(body)} bytes are over MaxPayloadInMB")
            return
        problem = ""
        for _ in range(self.spec.retries + 1):
            if self._stopping.is_set():
                return
            try:
                answer = worker.invoke(
                    body,
                    content_type=self.spec.content_type,
                    accept=self.spec.accept,
                    timeout=self.spec.timeout_seconds,
                )
            except InvocationError as error:
                problem = str(error)
                continue
            # Once: whoever slept while another driver took over must not change what that has read.
            self.output.put_if_absent(_output_name(name), answer)
            with self._lock:
                self.done += 1
                self.on_output(name, answer)
            return
        self.failures.append(f"{name}: {problem}")
