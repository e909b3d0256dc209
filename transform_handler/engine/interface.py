"""What a model is to the transcriber: windows in, scores out, and words when all are there.

Two families stand behind it: CTC models score frames, which are collapsed once over the whole
recording; sequence-to-sequence models write the words of each window.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from transform_handler.audio.layout import WindowLayout
from transform_handler.engine.frames import BatchLimits, Samples
from transform_handler.records import Word

Scored = TypeVar("Scored")
"""What a model says of one window."""


@dataclass(frozen=True, kw_only=True)
class Piece(Generic[Scored]):
    """A stretch of one channel; the pieces of a recording lie end to end.

    Positions are samples of the recording, multiples of the model's hop. ``start`` is the first
    sample that the model heard, ``[keep_start, keep_end)`` is what the piece answers for, and
    ``scored`` is None where nobody speaks and no model was asked.
    """

    start: int
    keep_start: int
    keep_end: int
    scored: Scored | None


class Engine(Protocol[Scored]):
    """A loaded model."""

    layout: WindowLayout
    limits: BatchLimits
    equal_lengths_only: bool
    """Whether windows of different lengths must not share a batch."""

    def run(self, batch: Sequence[Samples], *, language: str | None) -> list[Scored]:
        """Score windows; each as if it were alone, whatever else is in the batch.

        Raises:
            MemoryError: the batch is too large for the device.
        """
        ...

    def words(self, pieces: Sequence[Piece[Scored]], *, language: str | None) -> list[Word]:
        """The words of consecutive pieces, with absolute times."""
        ...
