"""Models with random weights, windows of noise, and the two ways to score them."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import transformers

from transform_handler.engine.batching import Batcher, Job
from transform_handler.engine.frames import BatchLimits, FrameScores, Samples
from transform_handler.engine.torch_network import Options, TorchNetwork

RATE = 16_000
LETTERS = "abcdefghijklmnopqrstuvwxyz'"
TINY = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "conv_dim": (32,) * 7,
    "num_conv_pos_embeddings": 16,
    "num_conv_pos_embedding_groups": 4,
}
LARGE = {
    "hidden_size": 1024,
    "num_hidden_layers": 24,
    "num_attention_heads": 16,
    "intermediate_size": 4096,
    "feat_extract_norm": "layer",
    "do_stable_layer_norm": True,
    "conv_bias": True,
}


@dataclass(frozen=True, kw_only=True)
class Machine:
    """Where the benchmark runs, and whether it only shows that it would."""

    device: str
    tiny: bool

    @property
    def cuda(self) -> bool:
        return self.device.startswith("cuda")

    def wait(self) -> None:
        if self.cuda:
            torch.cuda.synchronize()

    def timed(self, work: Callable[[], Any]) -> float:
        self.wait()
        start = time.perf_counter()
        work()
        self.wait()
        return time.perf_counter() - start


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A model that both sides get copies of."""

    name: str
    model: Any
    extractor: Any
    tokenizer: Any


def subject(name: str, *, tiny: bool, tokenizer: Any) -> Subject:
    """Base (group norm, 12 layers of 768) or large (layer norm, 24 of 1,024)."""
    sizes = {**(LARGE if name == "large" else {}), **(TINY if tiny else {})}
    torch.manual_seed(0)
    config = transformers.Wav2Vec2Config(vocab_size=len(tokenizer), pad_token_id=0, **sizes)
    extractor = transformers.Wav2Vec2FeatureExtractor(
        do_normalize=True, return_attention_mask=name == "large"
    )
    model = transformers.Wav2Vec2ForCTC(config).eval()
    return Subject(name=name, model=model, extractor=extractor, tokenizer=tokenizer)


def windows_of_noise(count: int, *, shortest: float, longest: float) -> list[Samples]:
    """As the transcriber cuts them: of different lengths, up to 20 s."""
    random = np.random.default_rng(0)
    sizes = (random.uniform(shortest, longest, count) * RATE).astype(int)
    return [(random.standard_normal(size) * 0.05).astype(np.float32) for size in sizes]


def seconds_of(windows: Sequence[Samples]) -> float:
    return sum(len(window) for window in windows) / RATE


class Ours:
    """The network behind the batcher, as the handler runs it."""

    def __init__(
        self,
        subject: Subject,
        machine: Machine,
        dtype: torch.dtype,
        *,
        options: Options | None = None,
        limits: BatchLimits | None = None,
    ) -> None:
        self.network = TorchNetwork(
            copy.deepcopy(subject.model),
            subject.extractor,
            device=machine.device,
            dtype=dtype,
            options=options,
            limits=limits,
        )
        self.limits = self.network.limits
        self.equal_lengths_only = self.network.equal_lengths_only

    def run(self, batch: Sequence[Samples], *, language: str | None) -> list[FrameScores]:
        return self.network(batch, language=language)

    def __call__(self, windows: Sequence[Samples]) -> list[FrameScores]:
        answers: dict[int, FrameScores] = {}
        batcher: Batcher[FrameScores] = Batcher(engine=self)
        for number, samples in enumerate(windows):

            def done(scores: FrameScores, number: int = number) -> None:
                answers[number] = scores

            batcher.add(Job(samples=samples, done=done, failed=_raise))
        batcher.flush()
        return [answers[number] for number in range(len(windows))]


class Pipeline:
    """transformers' own pipeline, with the same weights, sound and precision."""

    def __init__(self, subject: Subject, machine: Machine, dtype: torch.dtype) -> None:
        self._pipeline = transformers.pipeline(
            "automatic-speech-recognition",
            model=copy.deepcopy(subject.model).to(dtype),
            tokenizer=subject.tokenizer,
            feature_extractor=subject.extractor,
            device=machine.device,
            dtype=dtype,
        )

    def __call__(self, windows: Sequence[Samples], *, batch: int) -> list[str]:
        given = [{"raw": window, "sampling_rate": RATE} for window in windows]
        return [found["text"] for found in self._pipeline(given, batch_size=batch)]


def _raise(error: Exception) -> None:
    raise error
