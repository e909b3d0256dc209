"""A model whose every frame depends on the sound within its receptive field, and on no more."""

import numpy as np

from transform_handler.decoding.greedy import Alphabet
from transform_handler.engine.frames import FrameScores, Samples
from transform_handler.engine.interface import BatchLimits

HOP = 320
FIELD = 400
LETTERS = "abcdefghijklmnopqrstuvwxyz"
ALPHABET = Alphabet.from_vocabulary(
    {"<pad>": 0, "|": 1, **{letter: 2 + index for index, letter in enumerate(LETTERS)}},
    blank=0,
    delimiter="|",
    specials=frozenset({"<pad>"}),
)


class StubEngine:
    """Reads the alphabet's ids off the sound: a frame's id is its loudest sample's code."""

    hop = HOP
    alphabet = ALPHABET
    seconds_per_frame = HOP / 16_000

    def __init__(self, *, batch_windows: int = 1, batch_seconds: float = 600.0) -> None:
        self.limits = BatchLimits(windows=batch_windows, seconds=batch_seconds)
        self.batches: list[list[int]] = []

    def run(self, batch: list[Samples], *, language: str | None = None) -> list[FrameScores]:
        self.batches.append([len(samples) for samples in batch])
        return [self._score(samples) for samples in batch]

    def _score(self, samples: Samples) -> FrameScores:
        frames = max(0, (len(samples) - FIELD) // HOP + 1)
        seen = np.lib.stride_tricks.sliding_window_view(samples, FIELD)[::HOP][:frames]
        codes = np.abs(seen).max(axis=1)
        ids = np.round(codes * 100).astype(np.int32) % len(ALPHABET.tokens)
        return FrameScores(ids=ids, log_probabilities=-(seen.mean(axis=1).astype(np.float32) ** 2))


def spoken(ids: np.ndarray, *, trail: int = 0) -> np.ndarray:
    """Sound from which ``StubEngine`` reads ``ids``; shape (n_samples,)."""
    samples = np.zeros(len(ids) * HOP + FIELD - HOP + trail, dtype=np.float32)
    samples[np.arange(len(ids)) * HOP + FIELD // 2] = ids / 100
    return samples
