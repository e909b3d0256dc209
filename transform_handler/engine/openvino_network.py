"""A CTC model's forward pass in OpenVINO, on CPUs.

One window a pass: on a CPU company saves nothing, and alone a window cannot depend on others.
Windows of any length run as they are: preparing for a new length costs hundredths of a second,
static shapes gained nothing (``docs/engine-precision.md``).
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from transform_handler.audio.layout import SAMPLE_RATE
from transform_handler.engine.devices import worker_threads
from transform_handler.engine.frames import BatchLimits, FrameScores, Samples

Logits = npt.NDArray[np.float32]  # shape = (n_frames, n_vocabulary)


class OpenVinoNetwork:
    """A converted network; ``features`` is the model's feature extractor.

    ``distribution``: whether the scores of all symbols are asked for, not only of the best.
    """

    limits = BatchLimits(windows=1, seconds=60.0)
    equal_lengths_only = False

    def __init__(
        self,
        path: Path,
        features: Any,
        *,
        threads: int | None = None,
        distribution: bool = False,
    ) -> None:
        self._features = features
        self._distribution = distribution
        self._request = _compiled(path, threads or worker_threads()).create_infer_request()

    def __call__(self, batch: Sequence[Samples], *, language: str | None) -> list[FrameScores]:  # noqa: ARG002
        """Score windows, each as if it were alone."""
        return [self._scores(samples) for samples in batch]

    def logits(self, samples: Samples) -> Logits:
        """What the model says of a window, as it says it."""
        heard = self._features(samples, sampling_rate=SAMPLE_RATE, return_tensors="np")
        (values,) = (value for name, value in heard.items() if name != "attention_mask")
        found = self._request.infer([np.ascontiguousarray(values, dtype=np.float32)])
        logits: Logits = next(iter(found.values()))[0]
        return logits

    def _scores(self, samples: Samples) -> FrameScores:
        scores = log_softmax(self.logits(samples))
        ids = scores.argmax(axis=1)
        best = scores[np.arange(len(ids)), ids]
        if not np.isfinite(best).all():
            # argmax would make of this a silent transcript, or a wrong one.
            raise ArithmeticError("the model's output is not finite")
        return FrameScores(
            ids=ids.astype(np.int32),
            log_probabilities=best,
            distribution=scores if self._distribution else None,
        )


def log_softmax(logits: Logits) -> Logits:
    """Log-probabilities of each frame's symbols."""
    shifted: Logits = logits - logits.max(axis=1, keepdims=True)
    shifted -= np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return shifted


def _compiled(path: Path, threads: int | None) -> Any:
    settings: dict[str, Any] = {
        # The default is the processor's favourite, bfloat16 on some: other text on each machine.
        "INFERENCE_PRECISION_HINT": "f32",
        "PERFORMANCE_HINT": "LATENCY",
        # Workers would pin their threads to the same cores.
        "ENABLE_CPU_PINNING": False,
        "ENABLE_MMAP": True,
    }
    if threads is not None:
        settings["INFERENCE_NUM_THREADS"] = threads
    return _core().compile_model(path, "CPU", settings)


@functools.cache
def _core() -> Any:
    """One for the process, never let go.

    OpenVINO's CPU plugin gives the thread that loads it a signal stack, and unmaps that when the
    last network is gone: if another thread let go of it, the process dies of its next signal.
    """
    import openvino  # noqa: PLC0415

    return openvino.Core()
