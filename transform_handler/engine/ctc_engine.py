"""CTC models: windows are scored frame by frame, and collapsed once over what they join to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

import numpy as np

from transform_handler.audio.layout import WindowLayout
from transform_handler.decoding.decoder import WordDecoder
from transform_handler.engine.frames import FrameScores, Network, Samples
from transform_handler.engine.interface import Piece
from transform_handler.records import Word


class CtcEngine:
    """A network, and the decoder that makes words of its frames; ``blank`` is CTC's."""

    def __init__(
        self,
        network: Network,
        decoder: WordDecoder,
        *,
        blank: int,
        layout: WindowLayout,
    ) -> None:
        self._network = network
        self._decoder = decoder
        self._blank = blank
        self.layout = layout
        self.limits = network.limits
        self.equal_lengths_only = network.equal_lengths_only

    def measuring(self) -> CtcEngine:
        """The same engine, whose words are ``MeasuredWord`` for a fit of their confidence."""
        decoder = self._decoder.measuring()
        return CtcEngine(self._network, decoder, blank=self._blank, layout=self.layout)

    def run(self, batch: Sequence[Samples], *, language: str | None) -> list[FrameScores]:
        """Score windows; each as if it were alone."""
        return self._network(batch, language=language)

    def words(self, pieces: Sequence[Piece[FrameScores]], *, language: str | None) -> list[Word]:  # noqa: ARG002
        """The words of consecutive pieces; what was not heard parts words."""
        words: list[Word] = []
        for frames, first in self._stretches(pieces):
            words += self._decoder.words(frames, first_frame=first)
        return words

    def _stretches(self, pieces: Sequence[Piece[FrameScores]]) -> Iterator[tuple[FrameScores, int]]:
        """Frames that nothing parts, with the absolute index of the first."""
        for heard, group in groupby(pieces, key=lambda piece: piece.scored is not None):
            if heard:
                together = list(group)
                first = together[0].keep_start // self.layout.hop
                yield joined([self._owned(piece) for piece in together]), first

    def _owned(self, piece: Piece[FrameScores]) -> FrameScores:
        """The frames that a piece keeps; those that a model does not give at its end are blank."""
        assert piece.scored is not None
        hop = self.layout.hop
        skipped = (piece.keep_start - piece.start) // hop
        size = -(-(piece.keep_end - piece.keep_start) // hop)
        scores = piece.scored
        ids = np.full(size, self._blank, dtype=np.int32)
        best = np.zeros(size, dtype=np.float32)
        found = len(scores.ids[skipped : skipped + size])
        ids[:found] = scores.ids[skipped : skipped + size]
        best[:found] = scores.log_probabilities[skipped : skipped + size]
        return FrameScores(
            ids=ids,
            log_probabilities=best,
            distribution=self._distribution(scores, skipped, size),
        )

    def _distribution(
        self, scores: FrameScores, skipped: int, size: int
    ) -> np.ndarray[tuple[int, int], np.dtype[np.float32]] | None:
        if scores.distribution is None:
            return None
        given = scores.distribution[skipped : skipped + size]
        missing = np.full((size - len(given), given.shape[1]), -np.inf, dtype=np.float32)
        missing[:, self._blank] = 0.0
        return np.concatenate((given, missing))


def joined(frames: Sequence[FrameScores]) -> FrameScores:
    """Consecutive frames in one."""
    spread = [one.distribution for one in frames if one.distribution is not None]
    return FrameScores(
        ids=np.concatenate([one.ids for one in frames]),
        log_probabilities=np.concatenate([one.log_probabilities for one in frames]),
        distribution=np.concatenate(spread) if spread else None,
    )
