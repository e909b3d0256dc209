"""An asynchronous endpoint: it hears what is uploaded for it, and answers with an object.

What was uploaded and what came back are deleted once the answer is read.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, cast

from batch.endpoint.answers import SOUND, check_sizes, container_message, records_of
from batch.endpoint.documents import INPUTS, ISOLATED_BYTES, SECONDS, endpoint_name
from batch.platforms.aws import client, translated
from batch.platforms.patience import pauses
from manifests.errors import JobFailedError, NightscribeError
from manifests.pointers import ChannelMode, Pointer, write_pointers
from manifests.recordings import recording_id
from manifests.storage import Store, parent_store
from transform_handler.handler import JSON_LINES
from transform_handler.records import TranscriptRecord

# Waiting for its turn; then AWS gives a request up.
_QUEUE_SECONDS = 3600
_SOUND, _POINTERS = "sound", "pointers.jsonl"
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 15.0  # seconds


@dataclass(frozen=True, kw_only=True)
class _Request:
    file: Path
    folder: str
    output: str
    failure: str


@dataclass(kw_only=True)
class Asynchronous:
    """Sends all recordings at once; the endpoint works through them."""

    name: str
    folder: Store
    """What is uploaded and answered passes through it."""
    bodies: bool = False
    """An isolated container is sent the sound; any other a pointer to it, which has no limit."""
    channels: str = "mix"
    region: str | None = None
    wait: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    on_line: Callable[[str], None] = field(default=lambda _: None)

    @cached_property
    def _runtime(self) -> Any:
        return client("sagemaker-runtime", self.region)

    def transcribe(self, files: Sequence[Path]) -> Iterator[tuple[Path, list[TranscriptRecord]]]:
        """Each file with its records.

        Raises:
            InputError: a file is over the limit of a body; nothing has been sent then.
            JobFailedError: the container answered an error, or nothing for two hours.
        """
        check_sizes(files, ISOLATED_BYTES if self.bodies else None, "an isolated endpoint")
        requests: list[_Request] = []
        try:
            for file in files:
                self.on_line(f"sending {file.name}")
                requests.append(self._sent(file))
            for request in requests:
                self.on_line(f"waiting for {request.file.name}")
                yield request.file, self._records(request)
        finally:
            for request in requests:
                self._forget(request)

    def _sent(self, file: Path) -> _Request:
        body = _SOUND if self.bodies else _POINTERS
        folder = f"{INPUTS}{secrets.token_hex(8)}/"
        try:
            self._upload(file, folder)
            with translated(f"{file} to endpoint {self.name}"):
                answer = self._runtime.invoke_endpoint_async(
                    EndpointName=endpoint_name(self.name),
                    ContentType=SOUND if self.bodies else JSON_LINES,
                    Accept=JSON_LINES,
                    InputLocation=self.folder.uri_of(folder + body),
                    RequestTTLSeconds=_QUEUE_SECONDS,
                    InvocationTimeoutSeconds=SECONDS["asynchronous"],
                )
        except BaseException:
            self._forget_input(folder)
            raise
        return _Request(
            file=file,
            folder=folder,
            output=answer["OutputLocation"],
            failure=answer.get("FailureLocation", ""),
        )

    def _upload(self, file: Path, folder: str) -> None:
        pointer = Pointer(
            id=recording_id(file.name),
            uri=self.folder.uri_of(folder + _SOUND),
            channels=cast(ChannelMode, self.channels),
        )
        self.folder.put(folder + _SOUND, file)
        self.folder.put(folder + _POINTERS, write_pointers([pointer]))

    def _records(self, request: _Request) -> list[TranscriptRecord]:
        what = f"{request.file} to endpoint {self.name}"
        begun = self.clock()
        for pause in pauses(_FIRST_PAUSE, _LONGEST_PAUSE):
            if self.clock() - begun >= _QUEUE_SECONDS + SECONDS["asynchronous"]:
                break
            if (answer := _content(request.output)) is not None:
                return records_of(answer, what)
            if (failure := _content(request.failure)) is not None:
                said = container_message(failure.decode("utf-8", "replace"))
                raise JobFailedError(f"{what}: {said}")
            self.wait(pause)
        raise JobFailedError(
            f"{what}: no answer; 'nightscribe endpoint list' shows whether it is in service"
        )

    def _forget(self, request: _Request) -> None:
        self._forget_input(request.folder)
        with suppress(NightscribeError):
            for uri in filter(None, (request.output, request.failure)):
                store, key = parent_store(uri)
                store.delete(key)

    def _forget_input(self, folder: str) -> None:
        # What stays after a lost delete goes with the endpoint.
        with suppress(NightscribeError):
            for name in (_SOUND, _POINTERS):
                self.folder.delete(folder + name)


def _content(uri: str) -> bytes | None:
    """What lies there; None where nothing does yet."""
    if not uri:
        return None
    store, key = parent_store(uri)
    return store.read(key) if store.stat(key) is not None else None
