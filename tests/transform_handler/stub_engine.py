"""A model whose every frame depends on the sound within its receptive field, and on no more."""

from collections.abc import Sequence

import numpy as np

from transform_handler.audio.layout import WindowLayout
from transform_handler.decoding.decoder import GreedyDecoder
from transform_handler.decoding.greedy import Alphabet
from transform_handler.engine.ctc_engine import CtcEngine
from transform_handler.engine.frames import BatchLimits, FrameScores, Samples

HOP = 320
FIELD = 400
LETTERS = "abcdefghijklmnopqrstuvwxyz"
ALPHABET = Alphabet.from_vocabulary(
    {"<pad>": 0, "|": 1, **{letter: 2 + index for index, letter in enumerate(LETTERS)}},
    blank=0,
    delimiter="|",
    specials=frozenset({"<pad>"}),
)


class StubNetwork:
    """Reads the alphabet's ids off the sound: a frame's id is its loudest sample's code."""

    equal_lengths_only = False

    def __init__(self, limits: BatchLimits) -> None:
        self.limits = limits
        self.batches: list[list[int]] = []

    def __call__(self, batch: Sequence[Samples], *, language: str | None) -> list[FrameScores]:
        self.batches.append([len(samples) for samples in batch])
        return [self._score(samples) for samples in batch]

    def _score(self, samples: Samples) -> FrameScores:
        frames = max(0, (len(samples) - FIELD) // HOP + 1)
        seen = np.lib.stride_tricks.sliding_window_view(samples, FIELD)[::HOP][:frames]
        codes = np.abs(seen).max(axis=1)
        ids = np.round(codes * 100).astype(np.int32) % len(ALPHABET.tokens)
        return FrameScores(ids=ids, log_probabilities=-(seen.mean(axis=1).astype(np.float32) ** 2))


class StubEngine(CtcEngine):
    """The engine of the stub network."""

    def __init__(self, *, windows: int = 1, alphabet: Alphabet = ALPHABET) -> None:
        self.network = StubNetwork(BatchLimits(windows=windows, seconds=600.0))
        decoder = GreedyDecoder(alphabet=alphabet, seconds_per_frame=HOP / 16_000)
        layout = WindowLayout(hop=HOP)
        super().__init__(self.network, decoder, blank=alphabet.blank, layout=layout)

    @property
    def batches(self) -> list[list[int]]:
        return self.network.batches


def spoken(ids: np.ndarray, *, trail: int = 0) -> np.ndarray:
    """Sound from which ``StubEngine`` reads ``ids``; shape (n_samples,)."""
    samples = np.zeros(len(ids) * HOP + FIELD - HOP + trail, dtype=np.float32)
    samples[np.arange(len(ids)) * HOP + FIELD // 2] = ids / 100
    return samples
