"""Whisper: windows padded to 30 s of mel features, a prompt that names the language, word times."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from manifests.errors import InputError
from transform_handler.audio.layout import SAMPLE_RATE
from transform_handler.decoding.time_warping import token_starts
from transform_handler.decoding.word_times import SECONDS_PER_FRAME, Span, Trimmer
from transform_handler.engine.cross_attention import Heads
from transform_handler.engine.frames import BatchLimits
from transform_handler.engine.languages import language_token
from transform_handler.engine.seq2seq_network import LookedAt, Seq2SeqNetwork
from transform_handler.records import ErrorKind, RecordingError


class WhisperNetwork(Seq2SeqNetwork):
    """Whisper of any size, multilingual or English only.

    Every window is as long for the model, so any windows share a batch. The task is always to
    transcribe, never to translate. Without a language the model finds out that of each window.
    """

    equal_lengths_only = False
    prompt_is_extra = True

    def __init__(
        self,
        model: Any,
        features: Any,
        *,
        decode: Any,
        device: str,
        limits: BatchLimits | None = None,
    ) -> None:
        super().__init__(model, features, decode=decode, device=device, limits=limits)
        settings = model.generation_config
        self._languages: dict[str, int] = getattr(settings, "lang_to_id", None) or {}
        self._tasks: dict[str, int] = getattr(settings, "task_to_id", None) or {}
        self._without_times: int | None = getattr(settings, "no_timestamps_token_id", None)
        self._heads = _heads(model)

    @property
    def heads(self) -> Heads:
        """The checkpoint's alignment heads; without those, all of the upper half's layers."""
        return self._heads

    def _prompt(self, encoded: Tensor, language: str | None) -> Tensor:
        start = self._model.generation_config.decoder_start_token_id
        parts = [torch.full((len(encoded), 1), start, device=encoded.device)]
        token = self._language_token(language)
        if self._languages:
            spoken = self._detected(encoded) if token is None else torch.full_like(parts[0], token)
            parts.append(spoken)
        parts += [
            torch.full_like(parts[0], one)
            for one in (self._tasks.get("transcribe"), self._without_times)
            if one is not None
        ]
        return torch.cat(parts, dim=1)

    def _language_token(self, language: str | None) -> int | None:
        """The language's token; None where the model is told none.

        Raises:
            RecordingError: it does not know the language.
        """
        try:
            return language_token(self._model.generation_config.to_dict(), language)
        except InputError as error:
            raise RecordingError(ErrorKind.INTERNAL, str(error)) from error

    def _detected(self, encoded: Tensor) -> Tensor:
        """The likeliest language of each window, shape (n_windows, 1)."""
        known = torch.tensor(sorted(self._languages.values()), device=encoded.device)
        start = self._model.generation_config.decoder_start_token_id
        first = torch.full((len(encoded), 1), start, device=encoded.device)
        decoder = self._model.get_decoder()
        hidden = decoder(input_ids=first, encoder_hidden_states=encoded, use_cache=False)
        logits = self._model.get_output_embeddings()(hidden.last_hidden_state[:, -1])
        return known[logits[:, known].argmax(dim=-1)][:, None]

    def _times(self, window: LookedAt) -> list[Span]:
        assert window.attention is not None
        frames = max(1, -(-len(window.samples) // round(SECONDS_PER_FRAME * SAMPLE_RATE)))
        scores = window.attention[..., :frames].astype(np.float64)
        weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
        weights /= weights.sum(axis=-1, keepdims=True)
        starts = [*token_starts(weights, prompt=window.prompt), frames]
        trimmer = Trimmer(window.samples)
        return [
            trimmer.trimmed(
                (
                    float(starts[word.first]) * SECONDS_PER_FRAME,
                    float(starts[word.last]) * SECONDS_PER_FRAME,
                )
            )
            for word in window.words
        ]


def _heads(model: Any) -> Heads:
    named = getattr(model.generation_config, "alignment_heads", None)
    if named:
        return [(int(layer), int(head)) for layer, head in named]
    layers, heads = model.config.decoder_layers, model.config.decoder_attention_heads
    return [(layer, head) for layer in range(layers // 2, layers) for head in range(heads)]
