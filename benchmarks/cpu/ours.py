"""Our side of the CPU benchmark: a bundle as the handler runs it, and its stages one by one."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from manifests.local_store import uri_of_path
from manifests.pointers import Pointer
from transform_handler.allowed import AllowedPrefixes
from transform_handler.audio.decoder_pool import DecoderPool
from transform_handler.audio.decoder_process import SoundRequest
from transform_handler.audio.layout import SAMPLE_RATE
from transform_handler.audio.windows import Part
from transform_handler.decoding.segments import segments_of
from transform_handler.engine.batching import Batcher
from transform_handler.engine.loading import load_engine
from transform_handler.identity import BundleCard
from transform_handler.listening import Listener, Passage
from transform_handler.records import Status
from transform_handler.tracks import Track
from transform_handler.transcriber import Transcriber


class Ours:
    """Files to transcript records: decoding, gate, windows, model, words."""

    def __init__(self, bundle: Path, files: list[Path]) -> None:
        card = BundleCard.read(bundle)
        allowed = AllowedPrefixes(prefixes=(uri_of_path(files[0].parent) + "/",))
        self._decoders = DecoderPool(1)
        self._engine = load_engine(bundle, device="cpu", decode=card.decode)
        self._listener = Listener(self._decoders, allowed, self._engine.layout, card.decode)
        self._transcriber = Transcriber(self._engine, card, self._decoders, allowed)
        self._pointers = [Pointer(id=path.stem, uri=uri_of_path(path)) for path in files]

    def warm(self) -> None:
        """Start what is started on first use."""
        shortest = min(
            self._pointers, key=lambda one: Path(one.uri[len("file://") :]).stat().st_size
        )
        if len(self._pointers) == 1:
            shortest = Pointer(id="warm", uri=shortest.uri, offset=0.0, duration=20.0)
        self._transcriber.transcribe([shortest], deadline=time.monotonic() + 600)

    def work(self) -> None:
        """All files; a benchmark of errors would be quick."""
        records = self._transcriber.transcribe(self._pointers, deadline=time.monotonic() + 36_000)
        failed = [record.error for record in records if record.status is Status.ERROR]
        if failed:
            raise RuntimeError(f"{len(failed)} of {len(records)} failed: {failed[0]}")

    def stages(self) -> dict[str, float]:
        """Seconds of each stage when nothing else runs beside it, and seconds the model hears."""
        read = _timed(lambda: [sum(map(len, self._blocks(one))) for one in self._pointers])[0]
        listened, passages = _timed(lambda: [list(self._passages(one)) for one in self._pointers])
        batcher = Batcher(engine=self._engine)
        tracks: list[Track[Any]] = []
        heard = 0

        def score() -> None:
            nonlocal heard
            for recording in passages:
                # Without pauses, which make words at once: those are counted by themselves.
                for passage in recording:
                    for stretch, samples in passage.stretches:
                        track = Track(self._engine, language=None)
                        if samples is not None:
                            tracks.append(track)
                            heard += len(samples)
                            batcher.add(track.job(stretch, samples))
            batcher.flush()

        model = _timed(score)[0]
        words = _timed(lambda: [segments_of(track.words(), channel=None) for track in tracks])[0]
        return {
            "read": read,
            "gate": max(0.0, listened - read),
            "model": model,
            "words": words,
            "heard": heard / SAMPLE_RATE,
        }

    def _blocks(self, pointer: Pointer) -> Iterator[Any]:
        part = Part.of(self._engine.layout, offset=None, duration=None)
        with self._decoders.open(SoundRequest.of(pointer, part)) as sound:
            yield from sound.blocks

    def _passages(self, pointer: Pointer) -> Iterator[Passage]:
        for item in self._listener.read(pointer):
            if isinstance(item, Passage):
                yield item


def _timed(work: Any) -> tuple[float, Any]:
    started = time.perf_counter()
    result = work()
    return time.perf_counter() - started, result
