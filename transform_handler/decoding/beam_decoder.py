"""Frames to words by beam search: another path through the frames, read as the greedy one is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from transform_handler.decoding.alignment import align
from transform_handler.decoding.beam import BeamSearch
from transform_handler.decoding.confidence import GEOMETRIC_MEAN, Confidence
from transform_handler.decoding.greedy import Alphabet, decode_words
from transform_handler.decoding.stretches import stretches
from transform_handler.engine.frames import FrameScores
from transform_handler.records import Word


@dataclass(frozen=True, kw_only=True)
class BeamDecoder:
    """Searches stretch by stretch and aligns the text that it finds.

    Words, their times and their confidence are then those of the aligned path, by the same rule
    as those of the argmax: a search that finds the greedy text gives the greedy words.
    """

    alphabet: Alphabet
    seconds_per_frame: float
    search: BeamSearch
    confidence: Confidence = GEOMETRIC_MEAN
    needs_distribution: ClassVar[bool] = True

    def words(self, frames: FrameScores, *, first_frame: int) -> list[Word]:
        """The words of consecutive frames; ``first_frame`` is the absolute index of the first.

        A frame that no model has scored has probability 1 for the symbol in ``frames.ids``.

        Raises:
            ValueError: the frames come without their distribution.
        """
        aligned = self.aligned(frames, first_frame=first_frame)
        return decode_words(
            aligned.ids,
            aligned.log_probabilities,
            self.alphabet,
            seconds_per_frame=self.seconds_per_frame,
            first_frame=first_frame,
            confidence=self.confidence,
        )

    def measuring(self) -> BeamDecoder:
        """The same decoder, whose words are ``MeasuredWord``."""
        return replace(self, confidence=Confidence(measuring=True))

    def aligned(self, frames: FrameScores, *, first_frame: int) -> FrameScores:
        """The frames with the symbols of the best text in place of the argmax, and their scores.

        Raises:
            ValueError: the frames come without their distribution.
        """
        if frames.distribution is None:
            raise ValueError("a beam search needs the distribution of each frame")
        ids, scores = frames.ids.copy(), frames.log_probabilities.copy()
        for start, stop in stretches(
            frames.ids,
            self.alphabet,
            seconds_per_frame=self.seconds_per_frame,
            first_frame=first_frame,
        ):
            found = self._path(frames.distribution[start:stop])
            if found is not None:
                ids[start:stop], scores[start:stop] = found
        return FrameScores(ids=ids, log_probabilities=scores, distribution=frames.distribution)

    def _path(
        self, distribution: npt.NDArray[np.float32]
    ) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]] | None:
        """The output id of each frame and its log-probability, or None where the argmax stands."""
        symbols = self.search.symbols
        folded = symbols.fold(distribution)
        sequence = self.search.best(folded)
        greedy = folded.argmax(axis=1)
        if symbols.normal(greedy) == sequence:
            # No path has more of the mass than the argmax of each frame.
            return None
        path = align(folded, sequence, delimiter=symbols.delimiter)
        scores = np.take_along_axis(folded, path[:, None], axis=1)[:, 0]
        return self._ids[path], scores.astype(np.float32)

    @cached_property
    def _ids(self) -> npt.NDArray[np.int32]:
        return np.asarray(self.search.symbols.ids, dtype=np.int32)
