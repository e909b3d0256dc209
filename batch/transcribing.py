"""A few files at once, in this process: the handler without the run around it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, cast

from batch.bundles import model_folder
from batch.exports import Format, Transcript, export
from manifests.errors import InputError
from manifests.local_store import uri_of_path
from manifests.pointers import ChannelMode, Pointer
from manifests.recordings import recording_id
from transform_handler.allowed import AllowedPrefixes
from transform_handler.audio.decoder_process import DecoderProcess
from transform_handler.engine.devices import choose_device
from transform_handler.engine.loading import load_engine
from transform_handler.identity import BundleCard, DecodeSettings
from transform_handler.records import TranscriptRecord
from transform_handler.transcriber import Transcriber

DEMO_MODEL = Path(__file__).parents[1] / "models" / "demo"


def transcribe_files(
    files: Sequence[Path], *, model: str | None, channels: str, to: str
) -> Iterator[tuple[Transcript, str]]:
    """Each file's transcript (one a channel when split), and its text in the format ``to``."""
    with DecoderProcess() as decoder:
        transcriber_of = _loaded(model or _demo_model())
        for file in files:
            path = file.resolve()
            allowed = AllowedPrefixes(prefixes=(uri_of_path(path.parent) + "/",))
            transcriber = transcriber_of(decoder, allowed)
            pointer = Pointer(
                id=recording_id(path.name),
                uri=uri_of_path(path),
                channels=cast(ChannelMode, channels),
            )
            for record in transcriber.transcribe([pointer], deadline=float("inf")):
                transcript = transcript_of(record, os.fspath(file))
                yield transcript, export(transcript, cast(Format, to))


def transcript_of(record: TranscriptRecord, path: str) -> Transcript:
    """A handler's record as something to export."""
    return Transcript(
        path=path,
        channel=record.channel,
        duration=record.duration,
        status=cast(Literal["ok", "empty", "error"], str(record.status)),
        text=" ".join(segment.text for segment in record.segments),
        segments=record.segments,
        error_kind=str(record.error.kind) if record.error else None,
        error_message=record.error.message if record.error else None,
    )


def _demo_model() -> str:
    if not DEMO_MODEL.is_dir():
        raise InputError("--model is needed: this installation has no demo model beside it")
    sys.stderr.write("model: the demo's, which knows the demo's voices; --model names another\n")
    return str(DEMO_MODEL)


def _loaded(model: str) -> Callable[[DecoderProcess, AllowedPrefixes], Transcriber[Any]]:
    with model_folder(model) as folder:
        engine = load_engine(folder, device=choose_device())
        card = BundleCard.of(name=folder.name, model_digest="", decode=DecodeSettings())
    return lambda decoder, allowed: Transcriber(engine, card, decoder, allowed)
