"""The stretch of a recording that is being staged, on the disk, one file for each channel."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from transform_handler.audio.layout import SAMPLE_RATE
from transform_handler.audio.sound import Block
from transform_handler.engine.frames import Samples
from transform_handler.staged_body import Depth, depth_of

_BYTES = 4  # of a float32
_BLOCK = 10 * SAMPLE_RATE


class Reel:
    """Samples from ``begin`` on, by their place in the recording; holds what was not let go."""

    def __init__(self, folder: Path, *, channels: int, begin: int) -> None:
        self.begin = self.end = begin
        self.depths: list[Depth] = [16] * channels
        """The bits that each channel has needed so far."""
        self._files = [folder / f"channel-{number}" for number in range(channels)]
        for file in self._files:
            file.write_bytes(b"")

    def add(self, block: Block) -> None:
        """Append a block of shape (n_samples, n_channels)."""
        for number, file in enumerate(self._files):
            samples = np.ascontiguousarray(block[:, number], dtype="<f4")
            self.depths[number] = depth_of(samples, at_least=self.depths[number])
            with file.open("ab") as target:
                target.write(samples.tobytes())
        self.end += len(block)

    def samples(self, channel: int, begin: int, end: int) -> Samples:
        """Samples ``[begin, end)`` of a channel, shape (n_samples,)."""
        count = max(0, min(end, self.end) - begin)
        offset = (begin - self.begin) * _BYTES
        return np.fromfile(self._files[channel], dtype="<f4", count=count, offset=offset)

    def blocks(self, begin: int, end: int) -> Iterator[Block]:
        """Samples ``[begin, end)`` of all channels, in blocks of shape (n_samples, n_channels)."""
        for start in range(begin, min(end, self.end), _BLOCK):
            stop = min(start + _BLOCK, end)
            channels = range(len(self._files))
            yield np.stack([self.samples(number, start, stop) for number in channels], axis=1)

    def let_go(self, before: int) -> None:
        """Forget what lies before sample ``before``."""
        before = min(before, self.end)
        for number, file in enumerate(self._files):
            file.write_bytes(self.samples(number, before, self.end).tobytes())
        self.begin = before
