"""The forward passes of a speech-to-text model in torch: greedy text, then a look back at it.

The look back runs the decoder once more over what was written, all tokens at a time. It gives each
token's probability, and what the model looked at, without slowing down the writing.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from transform_handler.audio.layout import SAMPLE_RATE
from transform_handler.decoding.token_words import Spelled, spelled
from transform_handler.decoding.word_times import Span, in_order
from transform_handler.engine.cross_attention import CrossAttention, Heads
from transform_handler.engine.device_memory import memory_errors
from transform_handler.engine.devices import compute_exactly
from transform_handler.engine.frames import BatchLimits, Samples
from transform_handler.engine.written import Written
from transform_handler.records import Word

WINDOW_SECONDS = 30.0
CPU_LIMITS = BatchLimits(windows=1, seconds=WINDOW_SECONDS)
"""One window at a time: on a CPU company saves nothing, and rounding is that of a window alone."""
_MOST_WINDOWS = 64
_SHARE_OF_FREE_MEMORY = 0.5
# The library's own default, which no checkpoint means.
_UNSET_LENGTH = 20


@dataclass(frozen=True, kw_only=True)
class LookedAt:
    """One window and what the model wrote of it, without prompt and end.

    ``attention`` has shape (n_heads, n_tokens, n_positions) with the prompt and, where there is
    one, the end; None where no heads are known to look at what they write.
    """

    samples: Samples
    words: Sequence[Spelled]
    attention: npt.NDArray[np.float32] | None
    prompt: int


class Seq2SeqNetwork(ABC):
    """Any ``AutoModelForSpeechSeq2Seq`` model, in inference only and in float32."""

    equal_lengths_only: bool
    prompt_is_extra: bool
    """Whether a checkpoint's greatest length does not count the prompt."""

    def __init__(
        self,
        model: Any,
        features: Any,
        *,
        decode: Any,
        device: str,
        limits: BatchLimits | None = None,
    ) -> None:
        """``features`` extracts them; ``decode`` makes text of token ids, without special ones."""
        self._extractor = features
        self._device = torch.device(device)
        self._model = model.float().to(self._device).eval().requires_grad_(requires_grad=False)
        self._decode = decode
        self._settings = _greedy(model)
        self._ends = _ids(self._settings.eos_token_id)
        self.limits = limits or self._fitting()

    @property
    @abstractmethod
    def heads(self) -> Heads:
        """The layer and number of each head that looks at what is written; may be none."""

    @abstractmethod
    def _prompt(self, encoded: Tensor, language: str | None) -> Tensor:
        """The tokens that each window's text begins with, shape (n_windows, n_prompt)."""

    @abstractmethod
    def _times(self, window: LookedAt) -> list[Span]:
        """When each word was said."""

    def __call__(self, batch: Sequence[Samples], *, language: str | None) -> list[Written]:
        """Write what is said in windows; each as if it were alone.

        Raises:
            MemoryError: the batch is too large for the device.
            RecordingError: the model does not know the language.
        """
        with memory_errors(), torch.inference_mode():
            features = torch.cat([self._features(samples) for samples in batch])
            encoded = self._model.get_encoder()(features.to(self._device)).last_hidden_state
            prompt = self._prompt(encoded, language)
            tokens = self._written(encoded, prompt)
            return self._looked_back(batch, encoded, tokens, prompt.shape[1])

    def _features(self, samples: Samples) -> Tensor:
        """What the encoder hears of a window, shape (1, …)."""
        made = self._extractor(samples, sampling_rate=SAMPLE_RATE, return_tensors="pt")
        features: Tensor = made.input_features
        return features

    def _written(self, encoded: Tensor, prompt: Tensor) -> Tensor:
        """Prompt and text of each window, shape (n_windows, n_tokens), filled up at the end."""
        from transformers import GenerationMixin  # noqa: PLC0415
        from transformers.modeling_outputs import BaseModelOutput  # noqa: PLC0415

        settings = deepcopy(self._settings)
        extra = prompt.shape[1] if self.prompt_is_extra else 0
        settings.max_length = _most_tokens(self._model, extra)
        # Whisper has a generate of its own around this one, which would encode once more.
        written: Tensor = GenerationMixin.generate(
            self._model,
            encoder_outputs=BaseModelOutput(last_hidden_state=encoded),
            decoder_input_ids=prompt,
            generation_config=settings,
        )
        return written

    def _looked_back(
        self, batch: Sequence[Samples], encoded: Tensor, tokens: Tensor, prompt: int
    ) -> list[Written]:
        decoder = self._model.get_decoder()
        with CrossAttention(decoder, self.heads) as attention:
            hidden = decoder(
                input_ids=tokens[:, :-1], encoder_hidden_states=encoded, use_cache=False
            ).last_hidden_state
            answers = []
            for row, samples in enumerate(batch):
                own = tokens[row, prompt:].tolist()
                count = next((at for at, one in enumerate(own) if one in self._ends), len(own))
                scores = self._scores(hidden[row, prompt - 1 :], tokens[row, prompt:], count)
                # The row that predicts the end says where the last word does.
                rows = min(prompt + count, tokens.shape[1] - 1)
                window = LookedAt(
                    samples=samples,
                    words=spelled(own[:count], self._decode),
                    attention=attention.of(row, rows),
                    prompt=prompt - 1,
                )
                unfinished = count == len(own)
                answers.append(Written(words=self._words(window, scores), unfinished=unfinished))
        return answers

    def _scores(self, hidden: Tensor, tokens: Tensor, count: int) -> npt.NDArray[np.float32]:
        """Each token's log-probability, shape (count,)."""
        logits = self._model.get_output_embeddings()(hidden[:count]).float()
        found = torch.log_softmax(logits, dim=-1).gather(1, tokens[:count, None])[:, 0]
        scores: npt.NDArray[np.float32] = found.cpu().numpy()
        if not np.isfinite(scores).all():
            raise ArithmeticError("the model's output is not finite")
        return scores

    def _words(self, window: LookedAt, scores: npt.NDArray[np.float32]) -> tuple[Word, ...]:
        spans = self._times(window) if window.words else []
        ordered = in_order(spans, longest=len(window.samples) / SAMPLE_RATE)
        return tuple(
            Word(
                text=word.text,
                start=start,
                end=end,
                confidence=round(float(np.exp(scores[word.first : word.last].mean())), 4),
            )
            for word, (start, end) in zip(window.words, ordered, strict=True)
        )

    def _fitting(self) -> BatchLimits:
        if self._device.type != "cuda":
            return CPU_LIMITS
        compute_exactly()
        free, _ = torch.cuda.mem_get_info(self._device)
        fitting = int(_SHARE_OF_FREE_MEMORY * free / _bytes_for_window(self._model.config))
        windows = max(1, min(_MOST_WINDOWS, fitting))
        return BatchLimits(windows=windows, seconds=windows * WINDOW_SECONDS)


def _greedy(model: Any) -> Any:
    """The checkpoint's own settings, what it suppresses among them, without beams or samples."""
    settings = deepcopy(model.generation_config)
    settings.update(
        num_beams=1,
        do_sample=False,
        temperature=1.0,
        top_k=50,
        top_p=1.0,
        early_stopping=False,
        length_penalty=1.0,
        num_return_sequences=1,
        return_dict_in_generate=False,
        max_new_tokens=None,
        forced_decoder_ids=None,
    )
    return settings


def _most_tokens(model: Any, extra: int) -> int:
    """As many as the checkpoint says, and ``extra``, but no more than it has positions for."""
    positions = int(model.config.max_target_positions)
    said = model.generation_config.max_length
    return positions if said in (None, _UNSET_LENGTH) else min(said + extra, positions)


def _ids(value: int | list[int] | None) -> frozenset[int]:
    return frozenset(value if isinstance(value, list) else [] if value is None else [value])


def _bytes_for_window(config: Any) -> float:
    """What a window holds at its peak: sixteen of the encoder's rows, and the decoder's cache."""
    heard = config.max_source_positions
    cache = 2 * config.decoder_layers * (heard + config.max_target_positions)
    return float(4 * config.d_model * (16 * heard + cache))
