"""Speech2Text: windows of their own length, one language, word times shared out by length."""

from __future__ import annotations

import torch
from torch import Tensor

from transform_handler.decoding.word_times import Span, shared_times
from transform_handler.engine.cross_attention import Heads
from transform_handler.engine.seq2seq_network import LookedAt, Seq2SeqNetwork


class Speech2TextNetwork(Seq2SeqNetwork):
    """fairseq's S2T models; one writes in the language that it was trained for.

    Its encoder sees the padding of a batch, so only windows of equal length share one. No head is
    known to look at what is written: words share the time between the window's first speech and its
    last, by their length.
    """

    equal_lengths_only = True
    prompt_is_extra = False
    heads: Heads = ()

    def _prompt(self, encoded: Tensor, language: str | None) -> Tensor:  # noqa: ARG002
        start = self._model.generation_config.decoder_start_token_id
        return torch.full((len(encoded), 1), start, device=encoded.device)

    def _times(self, window: LookedAt) -> list[Span]:
        return shared_times([word.text for word in window.words], window.samples)
