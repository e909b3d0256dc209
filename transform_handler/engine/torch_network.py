"""A CTC model's forward pass in torch."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from transform_handler.audio.layout import SAMPLE_RATE
from transform_handler.engine.frames import FrameScores, Samples


class TorchNetwork:
    """Any ``AutoModelForCTC`` model; windows of one length are scored together."""

    def __init__(self, model: Any, features: Any, *, device: str) -> None:
        self._model = model.eval().to(device)
        self._features = features
        self._device = device

    def __call__(self, batch: Sequence[Samples], *, language: str | None) -> list[FrameScores]:  # noqa: ARG002
        """Score windows, each as if it were alone."""
        lengths: dict[int, list[int]] = defaultdict(list)
        for place, samples in enumerate(batch):
            lengths[len(samples)].append(place)
        found: dict[int, FrameScores] = {}
        for places in lengths.values():
            found |= zip(places, self._equal([batch[place] for place in places]), strict=True)
        return [found[place] for place in range(len(batch))]

    def _equal(self, batch: list[Samples]) -> list[FrameScores]:
        import torch  # noqa: PLC0415

        features = self._features(batch, sampling_rate=SAMPLE_RATE, return_tensors="pt")
        inputs = {name: value.to(self._device) for name, value in features.items()}
        with torch.inference_mode():
            logits = self._model(**inputs).logits  # shape = (n_windows, n_frames, n_vocabulary)
            best, ids = torch.log_softmax(logits.float(), dim=-1).max(dim=-1)
        if not torch.isfinite(best).all():
            # argmax would make of this a silent transcript, or a wrong one.
            raise ArithmeticError("the model's output is not finite")
        return [
            FrameScores(ids=row.numpy(), log_probabilities=scores.numpy())
            for row, scores in zip(ids.int().cpu(), best.cpu(), strict=True)
        ]
