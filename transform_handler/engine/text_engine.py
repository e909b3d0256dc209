"""Sequence-to-sequence models: each window's words, put where the window lies in the recording."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from transform_handler.audio.layout import SAMPLE_RATE, WindowLayout
from transform_handler.decoding.repetition import without_loops
from transform_handler.engine.frames import Samples
from transform_handler.engine.interface import Piece
from transform_handler.engine.written import TextNetwork, Written
from transform_handler.records import Word


class TextEngine:
    """A model that writes text; its windows overlap nowhere, so their words follow each other."""

    def __init__(self, network: TextNetwork, *, layout: WindowLayout) -> None:
        self._network = network
        self.layout = layout
        self.limits = network.limits
        self.equal_lengths_only = network.equal_lengths_only

    def run(self, batch: Sequence[Samples], *, language: str | None) -> list[Written]:
        """Write what is said in windows; each as if it were alone.

        Raises:
            MemoryError: the batch is too large for the device.
            RecordingError: the model does not know the language.
        """
        return self._network(batch, language=language)

    def words(self, pieces: Sequence[Piece[Written]], *, language: str | None) -> list[Word]:  # noqa: ARG002
        """The words of consecutive pieces without their loops, with absolute times."""
        return [word for piece in pieces for word in _words(piece)]


def _words(piece: Piece[Written]) -> Iterator[Word]:
    if piece.scored is None:
        return
    start, end = piece.keep_start / SAMPLE_RATE, piece.keep_end / SAMPLE_RATE
    origin = piece.start / SAMPLE_RATE
    for word in without_loops(piece.scored.words, unfinished=piece.scored.unfinished):
        yield replace(
            word,
            start=round(min(max(origin + word.start, start), end), 3),
            end=round(min(max(origin + word.end, start), end), 3),
        )
