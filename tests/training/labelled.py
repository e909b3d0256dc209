"""Labelled sound that is made on the spot, for the tests of the data check."""

from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from manifests.labels import LabelledUtterance
from training.checks import CheckLimits, DataCheck, check_labels
from training.labels.text import TextRules
from training.labels.vocabulary import build_vocabulary

RATE = 16_000
VOCABULARY = build_vocabulary(["abcdefghijklmnopqrstuvwxyz'"])
WORDS = "the budget is ready"


def noise(seconds: float, *, seed: int, loud: float = 0.1) -> np.ndarray:
    random = np.random.default_rng(seed)
    return (random.standard_normal(round(seconds * RATE)) * loud).astype(np.float32).clip(-1, 1)


class Labels:
    """Writes sounds into a folder and labels them; each sound is another noise."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._made = 0

    def one(
        self, text: str = WORDS, sound: np.ndarray | float = 1.5, **given: Any
    ) -> LabelledUtterance:
        self._made += 1
        path = self.folder / f"{self._made}.wav"
        if isinstance(sound, (int, float)):
            sound = noise(sound, seed=self._made)
        soundfile.write(path, sound, RATE, "PCM_16")
        given.setdefault("source", f"labels.jsonl, line {self._made}")
        return LabelledUtterance(audio=path.as_uri(), text=text, **given)


def frames(samples: int) -> int:
    """One in 20 ms, as most models give."""
    return max(0, (samples - 400) // 320 + 1)


def check(limits: CheckLimits | None = None, **splits: list[LabelledUtterance]) -> DataCheck:
    return check_labels(
        splits,
        rules=TextRules(),
        vocabulary=VOCABULARY,
        output_length=frames,
        limits=limits or CheckLimits(),
        threads=2,
    )


def kinds(result: DataCheck) -> list[str]:
    return [str(fault.kind) for fault in result.faults]
