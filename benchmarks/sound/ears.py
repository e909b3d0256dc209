"""Two models that write down what a window says, and what they got wrong."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from training.scoring.align import count_errors
from training.scoring.normalize import normalizer_for
from transform_handler.decoding.greedy import decode_text
from transform_handler.engine.loading import load_engine

ROOT = Path(__file__).parents[2]
SHARED = ROOT.parent / "shared"
WHISPER = SHARED / "models/whisper-tiny.en"

Sound = npt.NDArray[np.float32]

os.environ.setdefault("HF_HUB_OFFLINE", "1")


class Ear(Protocol):
    """Writes the text of a window of at most 30 s."""

    name: str

    def text(self, window: Sound) -> str: ...


class DemoEar:
    """The shipped CTC model, greedy."""

    name = "models/demo"

    def __init__(self) -> None:
        self._engine = load_engine(ROOT / "models/demo", device="cpu")

    def text(self, window: Sound) -> str:
        if len(window) < 1600:
            return ""
        (scores,) = self._engine.run([window])
        return decode_text(scores.ids, self._engine.alphabet)


class WhisperEar:
    """whisper-tiny.en, greedy, without its own rules against silence."""

    name = "whisper-tiny.en"

    def __init__(self) -> None:
        from transformers import (  # noqa: PLC0415
            WhisperForConditionalGeneration,
            WhisperProcessor,
        )

        self._processor = WhisperProcessor.from_pretrained(WHISPER)
        self._model = WhisperForConditionalGeneration.from_pretrained(WHISPER).eval()

    def text(self, window: Sound) -> str:
        import torch  # noqa: PLC0415

        features = self._processor(window, sampling_rate=16_000, return_tensors="pt")
        with torch.inference_mode():
            ids = self._model.generate(features.input_features, max_new_tokens=200)
        return str(self._processor.batch_decode(ids, skip_special_tokens=True)[0])


def errors(pairs: Iterable[tuple[str, str]]) -> tuple[int, int]:
    """Word errors and reference words of (reference, hypothesis) pairs, normalised as English."""
    normalize = normalizer_for("en")
    wrong = words = 0
    for reference, hypothesis in pairs:
        wanted = normalize(reference).split()
        counts = count_errors(wanted, normalize(hypothesis).split())
        wrong += counts.substitutions + counts.deletions + counts.insertions
        words += len(wanted)
    return wrong, words
