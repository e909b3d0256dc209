"""What an endpoint is sent, and what it answers: records, or why there are none."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, cast

from batch.exports import Format, Transcript, export
from batch.transcribing import transcript_of
from manifests.errors import InputError, JobFailedError
from transform_handler.records import TranscriptRecord

SOUND = "application/octet-stream"
_MESSAGE_LENGTH = 1024


class Endpoint(Protocol):
    """Something that transcribes files."""

    def transcribe(self, files: Sequence[Path]) -> Iterator[tuple[Path, list[TranscriptRecord]]]:
        """Each file with its records, one a channel when split."""
        ...


def transcripts(
    endpoint: Endpoint, files: Sequence[Path], *, to: str
) -> Iterator[tuple[Transcript, str]]:
    """Each file's transcript (one a channel when split), and its text in the format ``to``."""
    for file, records in endpoint.transcribe(files):
        for record in records:
            transcript = transcript_of(record, os.fspath(file))
            yield transcript, export(transcript, cast(Format, to))


def check_sizes(files: Sequence[Path], most: int | None, who: str, advice: str = "") -> None:
    """Refuse a file that is larger than the body that an endpoint takes.

    Raises:
        InputError: naming the first such file.
    """
    for file in files:
        if most is not None and (size := file.stat().st_size) > most:
            raise InputError(f"{file}: {size:,} bytes, and {who} takes {most:,}{advice}")


def records_of(body: bytes, what: str) -> list[TranscriptRecord]:
    """The records of an answer.

    Raises:
        JobFailedError: it is something else; the endpoint is not one of ours.
    """
    try:
        lines = body.decode("utf-8").splitlines()
        return [TranscriptRecord.from_line(line) for line in lines if line.strip()]
    except ValueError as error:
        raise JobFailedError(
            f"{what}: the answer is not a transcript ({error}); was the endpoint made by "
            "'nightscribe endpoint deploy' of this version?"
        ) from error


def refusal(response: Mapping[str, Any]) -> str:
    """A ModelError as one sentence: what the container said, not how AWS wraps it."""
    original = response.get("OriginalMessage") or response["Error"].get("Message", "")
    if "timed out" in original:
        return "the container took longer than AWS allows; deploy the endpoint with --async"
    status = response.get("OriginalStatusCode", "an error")
    return f"the container answered {status}: {container_message(original)}"


def container_message(text: str) -> str:
    """The message in a model server's answer, which is JSON around one, or plain text."""
    try:
        message = json.loads(text)["message"]
    except (ValueError, KeyError, TypeError):
        message = text
    return " ".join(str(message).split())[:_MESSAGE_LENGTH] or "nothing; see its log"
