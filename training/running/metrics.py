"""What an evaluation counts: greedy CTC text against the labels, summed over the corpus."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import torch

from training.labels.data import NO_LABEL
from training.scoring.align import count_errors
from training.scoring.counts import ErrorCounts
from transform_handler.decoding.greedy import decode_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from training.labels.vocabulary import Vocabulary


@dataclass(frozen=True, kw_only=True)
class Score:
    """Errors of words and of characters, as counts; the rates follow from them."""

    words: ErrorCounts
    characters: ErrorCounts

    @classmethod
    def nothing(cls) -> Self:
        """The score of no utterances, to add to."""
        return cls(words=ErrorCounts(), characters=ErrorCounts())

    def __add__(self, other: Score) -> Score:
        return Score(words=self.words + other.words, characters=self.characters + other.characters)

    def as_json(self) -> dict[str, Any]:
        """The counts and rates under the names that `metrics.json` uses."""
        return {"wer": self.words.rate, **_counts(self.words), "cer": self.characters.rate}


def greedy_ids(logits: torch.Tensor, output_lengths: torch.Tensor, blank_id: int) -> torch.Tensor:
    """Best symbol a frame, shape (batch, n_frames); frames past an item's own length are blank.

    `logits` has shape (batch, n_frames, n_vocab), `output_lengths` shape (batch,). Without the cut
    the frames of the padding would write letters.
    """
    ids = logits.argmax(dim=-1)
    frames = torch.arange(ids.shape[1], device=ids.device)
    return ids.masked_fill(frames >= output_lengths.to(ids.device)[:, None], blank_id)


def frames_to_text(ids: npt.NDArray[np.integer], vocabulary: Vocabulary) -> str:
    """Text of one row of frame ids, decoded as the handler does.

    The −100 with which the Trainer pads rows across batches counts as blank.
    """
    blank = vocabulary.blank_id
    return decode_text(np.where(ids < 0, blank, ids), vocabulary.alphabet)


def score_rows(
    predictions: npt.NDArray[np.integer], labels: npt.NDArray[np.integer], vocabulary: Vocabulary
) -> Score:
    """Score frame ids, shape (n, n_frames), against label ids, shape (n, n_labels)."""
    hypotheses = [frames_to_text(row, vocabulary) for row in predictions]
    references = [vocabulary.decode([i for i in row if i != NO_LABEL]) for row in labels.tolist()]
    return score_texts(references, hypotheses)


def score_texts(references: Sequence[str], hypotheses: Sequence[str]) -> Score:
    """Sum the errors of pairs of texts; a rate is never a mean of rates."""
    words = characters = ErrorCounts()
    for reference, hypothesis in zip(references, hypotheses, strict=True):
        words += count_errors(reference.split(), hypothesis.split())
        characters += count_errors(reference, hypothesis)
    return Score(words=words, characters=characters)


def _counts(counts: ErrorCounts) -> dict[str, int]:
    return {
        "substitutions": counts.substitutions,
        "deletions": counts.deletions,
        "insertions": counts.insertions,
        "reference_words": counts.reference_words,
    }
