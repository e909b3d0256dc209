"""transformers' Trainer, told how CTC speech is batched, evaluated and reported."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
from torch.utils.data import DataLoader
from transformers import PrinterCallback, Trainer, TrainerCallback, TrainingArguments
from transformers.trainer_utils import get_last_checkpoint

from training.batching import EqualBatches, LengthBatches
from training.data import Collator, SpeechDataset
from training.metrics import Score, greedy_ids, score_rows

if TYPE_CHECKING:
    from pathlib import Path

    from training.model import Acoustic
    from training.settings import Settings


class CtcTrainer(Trainer):  # type: ignore[misc] # transformers is untyped
    """Batches by length, evaluates without padding, counts errors over the corpus."""

    def __init__(
        self,
        acoustic: Acoustic,
        settings: Settings,
        *,
        train: SpeechDataset,
        validation: SpeechDataset | None,
        checkpoints: Path,
    ) -> None:
        self._acoustic = acoustic
        self._last: Score | None = None
        self._batches = LengthBatches(
            train.seconds,
            batch_seconds=settings.batch_seconds,
            seed=settings.seed,
            shortest_first=settings.shortest_first,
        )
        self._batch_seconds = settings.batch_seconds
        self._workers = settings.workers
        self._collate = Collator(attention_mask=not acoustic.group_norm)
        super().__init__(
            model=acoustic.network,
            args=_arguments(settings, checkpoints, evaluate=validation is not None),
            train_dataset=train,
            eval_dataset=validation,
            compute_metrics=self._score if validation is not None else None,
            callbacks=[_EpochOf(self._batches), LineReport()],
        )
        # Its lines are dictionaries; LineReport's are for eyes and for metric expressions.
        self.remove_callback(PrinterCallback)
        # The labels of a CTC loss are not tokens of a language model: the mean is over utterances.
        self.model_accepts_loss_kwargs = False

    def get_train_dataloader(self) -> DataLoader[Any]:
        return self._loader(self.train_dataset, self._batches)

    def get_eval_dataloader(self, eval_dataset: Any = None) -> DataLoader[Any]:
        dataset = eval_dataset or self.eval_dataset
        batches = EqualBatches(dataset.seconds, batch_seconds=self._batch_seconds)
        return self._loader(dataset, batches)

    def _loader(self, dataset: Any, batches: Any) -> DataLoader[Any]:
        return DataLoader(
            dataset, batch_sampler=batches, collate_fn=self._collate, num_workers=self._workers
        )

    def compute_loss(self, model: Any, inputs: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        known = {name: value for name, value in inputs.items() if name != "input_lengths"}
        return super().compute_loss(model, known, *args, **kwargs)

    def prediction_step(
        self, model: Any, inputs: dict[str, Any], *args: Any, **kwargs: Any
    ) -> tuple[Any, Any, Any]:
        """Keep one id a frame instead of the logits, each row cut to its own length."""
        loss, logits, labels = super().prediction_step(model, inputs, *args, **kwargs)
        if logits is None:
            return loss, logits, labels
        lengths = torch.tensor(
            [self._acoustic.output_length(int(n)) for n in inputs["input_lengths"]]
        )
        return loss, greedy_ids(logits, lengths, self._acoustic.vocabulary.blank_id), labels

    def score_validation(self) -> Score | None:
        """Score the model as it is now; None without a validation set."""
        self._last = None
        if self.eval_dataset is not None:
            self.evaluate()
        return self._last

    def _score(self, prediction: Any) -> dict[str, Any]:
        self._last = score_rows(
            prediction.predictions, prediction.label_ids, self._acoustic.vocabulary
        )
        return self._last.as_json()


def resume_point(checkpoints: Path) -> str | None:
    """The newest checkpoint of an interrupted run, or None."""
    return get_last_checkpoint(str(checkpoints)) if checkpoints.is_dir() else None


class _EpochOf(TrainerCallback):  # type: ignore[misc] # transformers is untyped
    """Tells the sampler its epoch from the step alone, which a resume restores."""

    def __init__(self, batches: LengthBatches) -> None:
        self._batches = batches

    def on_epoch_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002
        self._batches.begin_epoch(state.global_step // len(self._batches))


class LineReport(TrainerCallback):  # type: ignore[misc] # transformers is untyped
    """One plain line a logging step, for SageMaker's metric expressions and for eyes."""

    def on_log(
        self,
        args: Any,  # noqa: ARG002
        state: Any,
        control: Any,  # noqa: ARG002
        logs: dict[str, Any] | None = None,
        **_: Any,
    ) -> None:
        names = {"loss": "loss", "eval_loss": "eval_loss", "eval_wer": "wer", "learning_rate": "lr"}
        logs = logs or {}
        parts = [f"{short}={_shown(logs[name])}" for name, short in names.items() if name in logs]
        if parts:
            print(f"step={state.global_step} {' '.join(parts)}", flush=True)  # noqa: T201


def _shown(value: Any) -> str:
    return "nan" if value is None or math.isnan(value) else f"{value:.6g}"


def _arguments(settings: Settings, checkpoints: Path, *, evaluate: bool) -> TrainingArguments:
    return TrainingArguments(
        output_dir=str(checkpoints),
        max_steps=settings.steps,
        learning_rate=settings.learning_rate,
        lr_scheduler_type="cosine",
        warmup_steps=settings.warmup_steps,
        weight_decay=settings.weight_decay,
        adam_beta2=settings.adam_beta2,
        max_grad_norm=settings.max_grad_norm,
        logging_steps=settings.logging_steps,
        eval_strategy="steps" if evaluate else "no",
        eval_steps=settings.evaluation_steps,
        save_strategy="steps",
        save_steps=settings.evaluation_steps,
        save_total_limit=2,
        load_best_model_at_end=evaluate,
        metric_for_best_model="wer" if evaluate else None,
        greater_is_better=False if evaluate else None,
        remove_unused_columns=False,
        dataloader_pin_memory=False,
        disable_tqdm=True,
        report_to=[],
        bf16=settings.mixed_precision == "bf16",
        fp16=settings.mixed_precision == "fp16",
        seed=settings.seed,
        data_seed=settings.seed,
    )
