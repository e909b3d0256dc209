"""A real-time endpoint: the recording is the request's body, its records are the answer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from batch.endpoint.answers import SOUND, check_sizes, records_of, refusal
from batch.endpoint.documents import REAL_TIME_BYTES, SECONDS, endpoint_name
from batch.platforms.aws import client, translated
from manifests.errors import JobFailedError
from transform_handler.handler import JSON_LINES
from transform_handler.records import ErrorKind, TranscriptRecord


@dataclass(kw_only=True)
class RealTime:
    """Sends one recording after the other."""

    name: str
    region: str | None = None

    @cached_property
    def _runtime(self) -> Any:
        # AWS waits a minute for the container: who gives up at the same moment never hears why.
        seconds = SECONDS["real-time"] + 10.0
        return client("sagemaker-runtime", self.region, attempts=3, read_seconds=seconds)

    def transcribe(self, files: Sequence[Path]) -> Iterator[tuple[Path, list[TranscriptRecord]]]:
        """Each file with its records.

        Raises:
            InputError: a file is over the limit of a body; nothing has been sent then.
            JobFailedError: the container answered an error.
        """
        advice = "; one deployed with --async takes recordings of any size"
        check_sizes(files, REAL_TIME_BYTES, "a real-time endpoint", advice)
        for file in files:
            yield file, [_advised(record) for record in self._records(file)]

    def _records(self, file: Path) -> list[TranscriptRecord]:
        what = f"{file} to endpoint {self.name}"
        with translated(what):
            try:
                answer = self._runtime.invoke_endpoint(
                    EndpointName=endpoint_name(self.name),
                    ContentType=SOUND,
                    Accept=JSON_LINES,
                    Body=file.read_bytes(),
                )
            except self._runtime.exceptions.ModelError as error:
                raise JobFailedError(f"{what}: {refusal(error.response)}") from error
        return records_of(answer["Body"].read(), what)


def _advised(record: TranscriptRecord) -> TranscriptRecord:
    """A record that ran out of time says where there is more of it."""
    error = record.error
    if error is None or error.kind != ErrorKind.TIME_LIMIT:
        return record
    advice = (
        f"{error.message}; a real-time endpoint has {SECONDS['real-time']} s for a recording, one "
        "deployed with --async has an hour"
    )
    return replace(record, error=replace(error, message=advice))
