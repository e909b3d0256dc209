"""What the shipped model hears in a file, through the handler's own path."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from manifests.local_store import uri_of_path
from manifests.pointers import Pointer
from transform_handler.allowed import AllowedPrefixes
from transform_handler.audio.decoder_process import DecoderProcess
from transform_handler.audio.layout import WindowLayout
from transform_handler.engine.loading import load_engine
from transform_handler.identity import BundleCard, DecodeSettings
from transform_handler.records import Word
from transform_handler.transcriber import Transcriber

MODEL = Path(__file__).parents[1] / "models/demo"
EVERYWHERE = AllowedPrefixes(prefixes=("file:///",))

Heard = Callable[[Path], list[Word]]


@contextlib.contextmanager
def shipped_model(layout: WindowLayout | None = None, **settings: object) -> Iterator[Heard]:
    """A function that gives the words of a file; ``settings`` are those of the decoding."""
    decode = replace(DecodeSettings(), **settings)
    card = BundleCard.of(name="demo", model_digest="0", decode=decode)
    with DecoderProcess() as decoder:
        engine = load_engine(MODEL, device="cpu", decode=decode)
        engine.layout = layout or engine.layout
        transcriber = Transcriber(engine, card, decoder, EVERYWHERE)

        def words(path: Path) -> list[Word]:
            pointer = Pointer(id="x", uri=uri_of_path(path))
            (record,) = transcriber.transcribe([pointer], deadline=math.inf)
            assert record.error is None, record.error
            return list(record.words)

        yield words
