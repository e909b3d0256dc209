"""The model: windows of sound in, the best symbol of each frame out."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from manifests.errors import InputError
from transform_handler.audio import SAMPLE_RATE
from transform_handler.ctc import Alphabet

Samples = npt.NDArray[np.float32]  # shape = (n_samples,)


@dataclass(frozen=True, kw_only=True)
class FrameScores:
    """The argmax of each frame and its log-probability, both of shape (n_frames,)."""

    ids: npt.NDArray[np.int32]
    log_probabilities: npt.NDArray[np.float32]


class CtcEngine:
    """Any ``AutoModelForCTC`` model folder.

    A batch holds windows of one length only: padding would change what group-norm models hear,
    and a transcript must not depend on its neighbours.
    """

    def __init__(self, model: Any, processor: Any, *, device: str) -> None:
        self._model = model.eval().to(device)
        self._features = processor.feature_extractor
        self._device = device
        tokenizer = processor.tokenizer
        self.alphabet = Alphabet.from_vocabulary(
            tokenizer.get_vocab(),
            blank=model.config.pad_token_id,
            delimiter=getattr(tokenizer, "word_delimiter_token", None),
            specials=frozenset(tokenizer.all_special_tokens),
        )
        self.hop = hop_of(model.config)
        self.batch_windows = 1 if device == "cpu" else 16

    @property
    def seconds_per_frame(self) -> float:
        """Distance between two frames."""
        return self.hop / SAMPLE_RATE

    def run(self, batch: list[Samples]) -> list[FrameScores]:
        """Score windows of equal length."""
        import torch  # noqa: PLC0415

        features = self._features(batch, sampling_rate=SAMPLE_RATE, return_tensors="pt")
        inputs = {name: value.to(self._device) for name, value in features.items()}
        with torch.inference_mode():
            logits = self._model(**inputs).logits  # shape = (n_windows, n_frames, n_vocabulary)
            best, ids = torch.log_softmax(logits.float(), dim=-1).max(dim=-1)
        if not torch.isfinite(best).all():
            # argmax would make of this a silent transcript, or a wrong one.
            raise ArithmeticError("the model's output is not finite")
        return [
            FrameScores(ids=row.numpy(), log_probabilities=scores.numpy())
            for row, scores in zip(ids.int().cpu(), best.cpu(), strict=True)
        ]


def load_engine(folder: Path, *, device: str) -> CtcEngine:
    """Load a model folder with its processor.

    Raises:
        InputError: no CTC model, or one whose weights are incomplete (a checkpoint that was
            only pretrained would transcribe with a random head).
    """
    import transformers  # noqa: PLC0415
    from safetensors import SafetensorError  # noqa: PLC0415

    transformers.utils.logging.disable_progress_bar()
    try:
        model, info = transformers.AutoModelForCTC.from_pretrained(
            folder, output_loading_info=True, use_safetensors=True, local_files_only=True
        )
        processor = transformers.AutoProcessor.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise InputError(f"{folder}: not a CTC model with its processor: {error}") from error
    if info["missing_keys"] or info["mismatched_keys"]:
        missing = ", ".join(sorted(map(str, [*info["missing_keys"], *info["mismatched_keys"]]))[:4])
        raise InputError(
            f"{folder}: the checkpoint lacks trained weights ({missing}); "
            "a fine-tuned CTC model is expected, not a pretrained one"
        )
    if getattr(processor, "tokenizer", None) is None:
        raise InputError(f"{folder}: the model has no tokenizer, so its output has no letters")
    return CtcEngine(model, processor, device=device)


def choose_device(context: Any = None) -> str:
    """The device of this worker: what the model server assigned, else the first GPU, else CPU."""
    import torch  # noqa: PLC0415

    properties = getattr(context, "system_properties", None) or {}
    gpu = properties.get("gpu_id")
    if not torch.cuda.is_available():
        return "cpu"
    return f"cuda:{gpu or 0}"


def limit_threads() -> None:
    """Use as many threads as the platform gave this worker (processes x threads <= cores)."""
    threads = os.environ.get("NIGHTSCRIBE_THREADS")
    if threads:
        import torch  # noqa: PLC0415

        torch.set_num_threads(int(threads))


def hop_of(config: Any) -> int:
    """Samples between two frames of a model with this configuration."""
    hop = int(getattr(config, "inputs_to_logits_ratio", 320))
    if getattr(config, "add_adapter", False):
        hop *= config.adapter_stride**config.num_adapter_layers
    return hop


@dataclass(frozen=True, kw_only=True)
class Job:
    """One window on its way through the model, and whom to tell."""

    samples: Samples
    done: Callable[[FrameScores], None]
    failed: Callable[[Exception], None]


@dataclass(kw_only=True)
class Batcher:
    """Collects windows of equal length until a batch is full; across recordings and channels."""

    engine: CtcEngine
    _waiting: dict[int, list[Job]] = field(default_factory=lambda: defaultdict(list))

    def add(self, job: Job) -> None:
        """Score the window now, or later with others of its length."""
        waiting = self._waiting[len(job.samples)]
        waiting.append(job)
        if len(waiting) >= self.engine.batch_windows:
            self._run(len(job.samples))
        elif sum(map(len, self._waiting.values())) >= 4 * self.engine.batch_windows:
            self.flush()

    def flush(self) -> None:
        """Score all that waits, longest first."""
        for length in sorted(self._waiting, reverse=True):
            self._run(length)

    def _run(self, length: int) -> None:
        jobs = self._waiting.pop(length, [])
        try:
            results = self.engine.run([job.samples for job in jobs]) if jobs else []
        except Exception as error:  # noqa: BLE001 - out of memory has many names
            if len(jobs) == 1:
                jobs[0].failed(error)
                return
            # One by one, so that only the culprit fails.
            for job in jobs:
                self._waiting[length] = [job]
                self._run(length)
            return
        for job, scores in zip(jobs, results, strict=True):
            job.done(scores)
