"""A labelled set measured while a model is trained: one id a frame is kept, and counted at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch

from training.labels.vocabulary import Vocabulary
from training.running.metrics import Score, score_rows

Recognise = Callable[[dict[str, Any]], tuple[float, torch.Tensor]]
"""A batch to its mean loss and the best symbol of each frame, shape (batch, n_frames)."""


def measure(
    batches: Iterable[dict[str, Any]],
    recognise: Recognise,
    vocabulary: Vocabulary,
    *,
    stop: Callable[[], bool],
    processes: int = 1,
) -> tuple[float, Score] | None:
    """Mean loss of an utterance, and errors; None when ``stop`` said so in between.

    Batches are scored one by one, so that no row is ever padded with another batch's frames and
    memory does not grow with the set. Several processes measure a part each and add up.
    """
    score, loss, count = Score.nothing(), 0.0, 0
    for batch in batches:
        # Processes that wait for each other's parts must not stop alone.
        if processes == 1 and stop():
            return None
        batch_loss, ids = recognise(batch)
        labels = batch["labels"].cpu().numpy()
        score += score_rows(ids.cpu().numpy(), labels, vocabulary)
        loss, count = loss + batch_loss * len(labels), count + len(labels)
    if processes > 1:
        parts: list[Any] = [None] * processes
        torch.distributed.all_gather_object(parts, (score, loss, count))
        score = sum((part[0] for part in parts), Score.nothing())
        loss, count = sum(part[1] for part in parts), sum(part[2] for part in parts)
    return loss / max(1, count), score
