"""As many decoding children as recordings are read at a time."""

from __future__ import annotations

import contextlib
import os
import queue
from collections.abc import Iterator

from transform_handler.audio.decoder_process import DecoderProcess, OpenSound, SoundRequest

READERS_VARIABLE = "NIGHTSCRIBE_READERS"
_MOST_READERS = 8


class DecoderPool:
    """Lends a child for each recording; children are started when they are first needed."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._children = [DecoderProcess() for _ in range(size)]
        self._free: queue.LifoQueue[DecoderProcess] = queue.LifoQueue()
        for child in self._children:
            self._free.put(child)

    @contextlib.contextmanager
    def open(self, request: SoundRequest) -> Iterator[OpenSound]:
        """Decode one recording in whichever child is free.

        Raises:
            RecordingError: as ``DecoderProcess.open``.
        """
        child = self._free.get()
        try:
            with child.open(request) as sound:
                yield sound
        finally:
            self._free.put(child)

    def close(self) -> None:
        """End the children."""
        for child in self._children:
            child.close()


def readers_for(device: str) -> int:
    """How many recordings to decode at a time for a model on ``device``.

    A CPU's cores are the model's; one child keeps ahead of it with a few percent of a core. A GPU
    takes sound faster than a core decodes it (a core gives some 600 seconds of MP3 a second).
    """
    if said := os.environ.get(READERS_VARIABLE):
        return max(1, int(said))
    if device == "cpu":
        return 1
    import torch  # noqa: PLC0415

    cores = len(os.sched_getaffinity(0)) // max(1, torch.cuda.device_count())
    return max(1, min(_MOST_READERS, cores - 1))
