"""What comes out of a speech-to-text model, window by window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from transform_handler.engine.frames import BatchLimits, Samples
from transform_handler.records import Word


@dataclass(frozen=True, kw_only=True)
class Written:
    """What a model wrote of a window.

    The words' times are seconds from the window's first sample, in order. ``unfinished`` means that
    the model ran out of tokens before it was done.
    """

    words: tuple[Word, ...]
    unfinished: bool


class TextNetwork(Protocol):
    """A speech-to-text model on some device."""

    limits: BatchLimits
    equal_lengths_only: bool

    def __call__(self, batch: Sequence[Samples], *, language: str | None) -> list[Written]:
        """Write what is said in windows of at most 30 s; each as if it were alone.

        Raises:
            MemoryError: the batch is too large for the device.
            RecordingError: the model does not know the language.
        """
        ...
