"""The four functions that the Hugging Face container calls.

Requests are shards of pointers (``application/jsonlines``), one recording's bytes or a staged
stretch of one (``audio/…``), or ``{"speech_array": […], "sampling_rate": …}`` as JSON. The answer
is always transcript records, one JSON line each: bad audio is a record, never a failed request.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from manifests.errors import InputError
from manifests.hashing import sha256_of
from manifests.local_store import uri_of_path
from manifests.pointers import Pointer, read_pointers
from transform_handler.allowed import AllowedPrefixes
from transform_handler.audio.decoder_pool import DecoderPool, readers_for
from transform_handler.audio.reading import MAX_RATE, MIN_RATE
from transform_handler.engine.devices import choose_device, limit_threads
from transform_handler.engine.loading import load_engine
from transform_handler.identity import BundleCard
from transform_handler.records import TranscriptRecord
from transform_handler.staged_body import BodyFacts
from transform_handler.transcriber import Transcriber

JSON_LINES = "application/jsonlines"
FLAC = "audio/flac"
BUDGET_VARIABLE = "NIGHTSCRIBE_TIME_BUDGET_SECONDS"
DEFAULT_BUDGET_SECONDS = 3000.0
_POINTER_TYPES = frozenset({JSON_LINES, "application/x-jsonlines", "application/jsonl"})
_SOUND_TYPES = frozenset({"application/octet-stream", "video/mp4", "video/webm"})


@dataclass(frozen=True, kw_only=True)
class SoundBody:
    """One recording in the request itself."""

    data: bytes


@dataclass(frozen=True, kw_only=True)
class SpeechArray:
    """Samples in the request itself, shape (n_samples,), at ``rate`` Hz."""

    samples: Any
    rate: int


Request = list[Pointer] | SoundBody | SpeechArray


@dataclass(kw_only=True)
class Handler:
    """A loaded model with its decoding child."""

    transcriber: Transcriber[Any]


def model_fn(model_dir: str, context: Any = None) -> Handler:
    """Load the bundle unpacked in ``model_dir``."""
    folder = Path(model_dir)
    limit_threads()
    card = BundleCard.read(folder)
    device = choose_device(context)
    engine = load_engine(folder, device=device, decode=card.decode)
    decoders = DecoderPool(readers_for(device))
    allowed = AllowedPrefixes.from_environment()
    transcriber = Transcriber(engine, card, decoders, allowed, readers=decoders.size)
    return Handler(transcriber=transcriber)


def input_fn(data: str | bytes | bytearray, content_type: str, context: Any = None) -> Request:  # noqa: ARG001
    """Read the request's body.

    Raises:
        InputError: naming what was found and what is taken.
    """
    kind = content_type.partition(";")[0].strip().lower()
    if kind in _POINTER_TYPES:
        return list(read_pointers(_text(data), name="request body"))
    if kind == "application/json":
        return _speech_array(_text(data))
    if kind.startswith("audio/") or kind in _SOUND_TYPES:
        return SoundBody(data=data.encode() if isinstance(data, str) else bytes(data))
    raise InputError(
        f"content type {content_type!r} is not taken; send {JSON_LINES} (pointers), audio/* or "
        'application/octet-stream (a recording), or application/json with "speech_array"'
    )


def predict_fn(data: Request, model: Handler, context: Any = None) -> list[TranscriptRecord]:  # noqa: ARG001
    """Transcribe."""
    budget = float(os.environ.get(BUDGET_VARIABLE, DEFAULT_BUDGET_SECONDS))
    deadline = time.monotonic() + budget
    if isinstance(data, list):
        return model.transcriber.transcribe(data, deadline=deadline)
    with _as_file(data) as (pointer, only_body):
        facts = BodyFacts.of(data.data) if isinstance(data, SoundBody) else None
        asked = pointer if facts is None else facts.pointer(pointer.uri)
        transcriber = model.transcriber.reading(only_body, body=facts)
        records = transcriber.transcribe([asked], deadline=deadline)
    return [_of_body(record, facts) for record in records]


def output_fn(prediction: list[TranscriptRecord], accept: str, context: Any = None) -> str:  # noqa: ARG001
    """Records as JSON lines, for every ``accept``: the contract has one output."""
    return "".join(record.to_line() + "\n" for record in prediction)


def _text(data: str | bytes | bytearray) -> str:
    try:
        return data if isinstance(data, str) else bytes(data).decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"the request body is not UTF-8: {error}") from error


def _speech_array(text: str) -> SpeechArray:
    try:
        body = json.loads(text)
        samples = np.asarray(body["speech_array"], dtype=np.float32)
        rate = int(body["sampling_rate"])
    except (ValueError, KeyError, TypeError, OverflowError) as error:
        raise InputError(
            'a JSON body is {"speech_array": [numbers], "sampling_rate": Hz}; '
            f"this one is not ({type(error).__name__}: {error})"
        ) from error
    if samples.ndim != 1 or not MIN_RATE <= rate <= MAX_RATE:
        raise InputError(
            f'"speech_array" has shape {samples.shape} and "sampling_rate" is {rate}; '
            f"a flat list of samples and a rate of {MIN_RATE}–{MAX_RATE} Hz are expected"
        )
    return SpeechArray(samples=samples, rate=rate)


def _of_body(record: TranscriptRecord, facts: BodyFacts | None) -> TranscriptRecord:
    """The record without the body's file; of the channel that a staged body holds."""
    record = replace(record, uri="body:")
    if facts is None or record.error is not None:
        return record
    segments = tuple(replace(one, channel=facts.channel) for one in record.segments)
    return replace(record, channel=facts.channel, segments=segments)


@contextmanager
def _as_file(body: SoundBody | SpeechArray) -> Iterator[tuple[Pointer, AllowedPrefixes]]:
    """The body in a folder of its own: the list for pointers says nothing of it.

    The folder lives as long as the request, because workers are killed and clean up nothing.
    """
    data = body.data if isinstance(body, SoundBody) else body.samples.tobytes()
    name = sha256_of(data)[:20]
    with tempfile.TemporaryDirectory(prefix="nightscribe-body-") as folder:
        path = Path(folder) / name
        if isinstance(body, SoundBody):
            path.write_bytes(data)
        else:
            import soundfile  # noqa: PLC0415

            soundfile.write(path, body.samples, body.rate, format="WAV", subtype="FLOAT")
        allowed = AllowedPrefixes(prefixes=(uri_of_path(path.parent) + "/",))
        yield Pointer(id=name, uri=uri_of_path(path)), allowed
