"""The four functions of the stub's bundle; it runs in the worker, on the bundle's own packages."""

from __future__ import annotations

import hashlib
import os
import time
import wave
from collections.abc import Iterator
from pathlib import Path

from manifests.errors import ObjectChangedError, ObjectNotFoundError, StoreError, UnavailableError
from manifests.pointers import Pointer, read_pointers
from manifests.storage import open_uri
from transform_handler.identity import BundleCard
from transform_handler.records import (
    ErrorKind,
    RecordError,
    Segment,
    Status,
    TranscriptRecord,
    Word,
)

_WORDS = ["budget", "planning", "meeting", "agenda", "minutes", "quarter", "hiring", "release"]


def model_fn(folder: str) -> BundleCard:
    return BundleCard.read(Path(folder))


def input_fn(body: bytearray, content_type: str) -> list[Pointer]:
    return list(read_pointers(bytes(body).decode(), name="request"))


def predict_fn(pointers: list[Pointer], card: BundleCard) -> list[TranscriptRecord]:
    return [record for pointer in pointers for record in _records(pointer, card)]


def output_fn(records: list[TranscriptRecord], accept: str) -> str:
    return "".join(record.to_line() + "\n" for record in records)


def _records(pointer: Pointer, card: BundleCard) -> Iterator[TranscriptRecord]:
    _misbehave(pointer.uri)
    try:
        with open_uri(pointer.uri, etag=pointer.etag) as file, wave.open(file) as sound:
            rate, channels, frames = sound.getframerate(), sound.getnchannels(), sound.getnframes()
            heard = sound.readframes(frames)
    except ObjectNotFoundError as error:
        yield _error(pointer, card, ErrorKind.NOT_FOUND, error)
    except ObjectChangedError as error:
        yield _error(pointer, card, ErrorKind.CHANGED, error)
    except UnavailableError as error:
        yield _error(pointer, card, ErrorKind.UNAVAILABLE, error)
    except StoreError as error:
        yield _error(pointer, card, ErrorKind.INTERNAL, error)
    except (wave.Error, EOFError) as error:
        yield _error(pointer, card, ErrorKind.CORRUPT, error)
    else:
        for channel in range(channels) if pointer.channels == "split" else (None,):
            yield TranscriptRecord(
                id=pointer.id,
                uri=pointer.uri,
                status=Status.OK,
                channel=channel,
                offset=pointer.offset,
                duration=round(frames / rate, 3),
                channels=channels,
                language=pointer.language,
                segments=(_segment(heard, card, channel),),
                **_made_by(card),
            )


def _segment(heard: bytes, card: BundleCard, channel: int | None) -> Segment:
    digest = hashlib.sha256(heard + f"{card.name} {channel}".encode()).digest()
    words = tuple(
        Word(
            text=_WORDS[byte % len(_WORDS)],
            start=round(index * 0.01, 3),
            end=round(index * 0.01 + 0.01, 3),
            confidence=round(0.5 + byte / 512, 4),
        )
        for index, byte in enumerate(digest[:8])
    )
    return Segment(
        start=words[0].start,
        end=words[-1].end,
        channel=channel,
        text=" ".join(word.text for word in words),
        confidence=round(sum(word.confidence for word in words) / len(words), 4),
        words=words,
    )


def _error(
    pointer: Pointer, card: BundleCard, kind: ErrorKind, error: Exception
) -> TranscriptRecord:
    return TranscriptRecord(
        id=pointer.id,
        uri=pointer.uri,
        status=Status.ERROR,
        offset=pointer.offset,
        error=RecordError(kind=kind, message=str(error)),
        **_made_by(card),
    )


def _made_by(card: BundleCard) -> dict[str, dict[str, str]]:
    return {
        "model": {"name": card.name, "digest": card.model_digest},
        "decode": {"digest": card.decode_digest},
    }


def _misbehave(uri: str) -> None:
    if _named("STUB_FAILS_ON", uri):
        raise RuntimeError("the stub was told to fail")
    if _named("STUB_DIES_ON", uri):
        os._exit(9)
    while _named("STUB_HANGS_ON", uri):
        time.sleep(3600)
    time.sleep(float(os.environ.get("STUB_SECONDS", "0")))


def _named(variable: str, uri: str) -> bool:
    wanted = os.environ.get(variable, "")
    return bool(wanted) and wanted in uri
