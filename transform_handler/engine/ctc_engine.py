"""The model: windows of sound in, the best symbol of each frame out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from transform_handler.audio.reading import SAMPLE_RATE
from transform_handler.decoding.greedy import Alphabet
from transform_handler.engine.frames import FrameScores, Samples
from transform_handler.engine.interface import BatchLimits


class CtcEngine:
    """Any ``AutoModelForCTC`` model folder.

    A batch holds windows of one length only: padding would change what group-norm models hear,
    and a transcript must not depend on its neighbours.
    """

    equal_lengths_only = True

    def __init__(self, model: Any, processor: Any, *, device: str) -> None:
        self._model = model.eval().to(device)
        self._features = processor.feature_extractor
        self._device = device
        tokenizer = processor.tokenizer
        self.alphabet = Alphabet.from_vocabulary(
            tokenizer.get_vocab(),
            blank=model.config.pad_token_id,
            delimiter=getattr(tokenizer, "word_delimiter_token", None),
            specials=frozenset(tokenizer.all_special_tokens),
        )
        self.hop = hop_of(model.config)
        self.limits = BatchLimits(windows=1 if device == "cpu" else 16, seconds=600.0)

    @property
    def seconds_per_frame(self) -> float:
        """Distance between two frames."""
        return self.hop / SAMPLE_RATE

    def run(
        self,
        batch: Sequence[Samples],
        *,
        language: str | None = None,  # noqa: ARG002
    ) -> list[FrameScores]:
        """Score windows of equal length."""
        import torch  # noqa: PLC0415

        features = self._features(list(batch), sampling_rate=SAMPLE_RATE, return_tensors="pt")
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


def hop_of(config: Any) -> int:
    """Samples between two frames of a model with this configuration."""
    hop = int(getattr(config, "inputs_to_logits_ratio", 320))
    if getattr(config, "add_adapter", False):
        hop *= config.adapter_stride**config.num_adapter_layers
    return hop
