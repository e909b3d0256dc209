"""The peer of the CPU benchmark: transformers' pipeline on the same sound, decoded beforehand."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import soundfile

from transform_handler.audio.layout import SAMPLE_RATE


class Peer:
    """``pipeline("automatic-speech-recognition")`` with windows of 30 s for a long recording."""

    def __init__(self, model: Path, files: list[Path], *, batch: int, windows: bool) -> None:
        import transformers  # noqa: PLC0415

        transformers.utils.logging.set_verbosity_error()
        transformers.utils.logging.disable_progress_bar()
        self._pipeline = transformers.pipeline(
            "automatic-speech-recognition", model=str(model), device="cpu"
        )
        self._batch = batch
        self._options = {"chunk_length_s": 30, "stride_length_s": 5} if windows else {}
        self._sounds = [soundfile.read(path, dtype="float32")[0] for path in files]

    def warm(self) -> None:
        """One short pass."""
        self._transcribe([self._sounds[0][: 20 * SAMPLE_RATE]])

    def work(self) -> None:
        """All sounds, in the order in which they came."""
        self._transcribe(self._sounds)

    def _transcribe(self, sounds: list[np.ndarray]) -> None:
        inputs = [{"raw": sound, "sampling_rate": SAMPLE_RATE} for sound in sounds]
        answers = self._pipeline(copy.copy(inputs), batch_size=self._batch, **self._options)
        if len(answers) != len(sounds):
            raise RuntimeError(f"{len(answers)} answers to {len(sounds)} sounds")
