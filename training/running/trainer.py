"""transformers' Trainer, told how CTC speech is batched, evaluated, interrupted and resumed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import DataLoader
from transformers import PrinterCallback, Trainer

from training.labels.batching import Heard
from training.labels.data import SpeechDataset
from training.labels.loading import Loaders
from training.models.ctc_loss import smoothed
from training.models.masking import Masking
from training.models.model import Acoustic
from training.running.callbacks import Course, LineReport
from training.running.checkpoints import (
    BEST,
    CHECKPOINT,
    Saved,
    folder_of,
    prune,
    remove_torn,
    whole,
)
from training.running.failures import BatchTooLargeError, DivergedError
from training.running.interruption import InterruptedTrainingError, Interruption
from training.running.machine import prepare_machine, training_arguments
from training.running.metrics import Score, greedy_ids
from training.running.progress import Clock, best_row, is_over
from training.running.randomness import seed_everything, seed_of
from training.running.schedule import Thaw, parameter_groups
from training.running.training_state import (
    read_course,
    read_log,
    read_weights,
    write_course,
    write_weights,
)
from training.running.validation import measure
from training.settings import Settings


class CtcTrainer(Trainer):  # type: ignore[misc] # transformers is untyped
    """Batches by length, evaluates without padding, counts errors over the corpus.

    Each optimiser step depends on the weights, the optimiser's state and its own number alone, so
    that a run which was killed and resumed ends with the same bits as one that was not.
    """

    # The base class is untyped.
    state: Any
    control: Any
    optimizer: Any

    def __init__(
        self,
        acoustic: Acoustic,
        settings: Settings,
        *,
        train: SpeechDataset,
        validation: SpeechDataset | None,
        checkpoints: Path,
        run: Mapping[str, Any] | None = None,
        interruption: Interruption | None = None,
        heard: Heard | None = None,
        score_first: bool = False,
    ) -> None:
        self._acoustic = acoustic
        self._settings = settings
        self._checkpoints = checkpoints
        self._run = run or {}
        self.interruption = interruption or Interruption()
        # A base model may be better than all that training makes of it; a new one is not.
        self._score_first = score_first
        self.earlier_log: list[dict[str, Any]] = []
        self._loaders = Loaders(
            settings, train, heard=heard, attention_mask=not acoustic.group_norm
        )
        self.batches = self._loaders.batches
        prepare_machine(settings, acoustic.network)
        self.thaw = Thaw(acoustic.network, settings)
        self._masking = Masking(acoustic.network, settings)
        self.clock = Clock()
        self.micro_step = 0
        super().__init__(
            model=acoustic.network,
            args=training_arguments(
                settings,
                checkpoints,
                updates_per_epoch=self.updates_per_epoch,
                evaluate=validation is not None,
            ),
            train_dataset=train,
            eval_dataset=validation,
            callbacks=[Course(self), LineReport(settings.logging_steps)],
        )
        # Its lines are dictionaries; LineReport's are for eyes and for metric expressions.
        self.remove_callback(PrinterCallback)
        # The labels of a CTC loss are not tokens of a language model: the mean is over utterances.
        self.model_accepts_loss_kwargs = False

    @property
    def updates_per_epoch(self) -> int:
        return math.ceil(len(self.batches) / self._settings.gradient_accumulation)

    # The course: train, or go on from a checkpoint; end with the best weights.

    def fit(self, resume: Saved | None) -> None:
        """Train to the end; where the model will be written, load the best weights by WER.

        Raises:
            InterruptedTrainingError: SIGTERM came; a checkpoint has been written.
        """
        if self.args.should_save:
            remove_torn(self._checkpoints, resume=resume)
        self.accelerator.wait_for_everyone()
        if resume is not None:
            self._load_from_checkpoint(str(resume.folder))
            self.state = read_log(resume.folder)
        self._make_up_evaluation()
        if not self._is_finished():
            self.train(resume_from_checkpoint=str(resume.folder) if resume else None)
            if not self.interruption.asked:
                # transformers 5.3 leaves out the evaluation after a last step of an odd number.
                self._make_up_evaluation()
        if not self._is_finished():
            raise InterruptedTrainingError(self.state.global_step)
        # The process that wrote them writes the model, too; another machine may not have them.
        if (best := best_row(self.state.log_history)) and self.args.should_save:
            self._load_from_checkpoint(str(folder_of(self._checkpoints, BEST, best["step"])))

    def _make_up_evaluation(self) -> None:
        """Score the base, or what an interruption left unscored."""
        if self._evaluation_is_missing():
            self.evaluate()
            if self._evaluation_is_missing():
                raise InterruptedTrainingError(self.state.global_step)
        # train() begins with a state of its own; Course puts the log with its new row back.
        self.earlier_log = self.state.log_history

    def _evaluation_is_missing(self) -> bool:
        step = self.state.global_step
        due = step % self._settings.evaluation_steps == 0 or step >= self.args.max_steps
        if step == 0:
            due = self._score_first
        seen = any("eval_loss" in row and row["step"] == step for row in self.state.log_history)
        return self.eval_dataset is not None and due and not seen

    def _is_finished(self) -> bool:
        return not self._evaluation_is_missing() and (
            self.state.global_step >= self.args.max_steps
            or is_over(self.state.log_history, self._settings.patience)
        )

    # A step: seeded by its number.

    def get_train_dataloader(self) -> DataLoader[Any]:
        return self._loaders.training()

    def get_batch_samples(self, *args: Any, **kwargs: Any) -> Any:
        with self.clock.waiting():
            return super().get_batch_samples(*args, **kwargs)

    def training_step(self, model: Any, inputs: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        settings, step = self._settings, self.state.global_step
        seed_everything(seed_of(settings.seed, step, self.micro_step, self._loaders.process))
        self.micro_step += 1
        # Batches of several processes are about equally long.
        self.clock.heard(int(inputs["input_lengths"].sum()) * self._loaders.processes)
        frames = self._acoustic.output_length(inputs["input_values"].shape[1])
        try:
            with self._masking.over(frames):
                return super().training_step(model, inputs, *args, **kwargs)
        except torch.OutOfMemoryError as error:
            raise BatchTooLargeError.of(inputs, settings) from error

    def compute_loss(
        self,
        model: Any,
        inputs: dict[str, Any],
        return_outputs: bool = False,  # noqa: FBT001, FBT002 - the Trainer's own signature
        **_: Any,
    ) -> Any:
        known = {name: value for name, value in inputs.items() if name != "input_lengths"}
        outputs = model(**known)
        loss = outputs["loss"]
        if model.training and (share := self._settings.label_smoothing):
            lengths = self._frames_of(inputs["input_lengths"])
            loss = smoothed(loss, outputs["logits"], lengths, share)
        return (loss, outputs) if return_outputs else loss

    def create_optimizer(self, *_: Any) -> Any:
        if self.optimizer is None:
            kind, options = self.get_optimizer_cls_and_kwargs(self.args, self.model)
            self.optimizer = kind(list(parameter_groups(self.model, self._settings)), **options)
        return self.optimizer

    def log(self, logs: dict[str, Any], start_time: float | None = None) -> None:
        if "loss" in logs:
            # The loss has been fetched: what a GPU was asked to do in this step is done.
            logs = {**logs, **self.clock.step_is_done()}
            if math.isnan(logs["loss"]):
                raise DivergedError.at(self.state.global_step, self._settings)
        super().log(logs, start_time)

    # Evaluation: one id a frame, counted at once; no row is ever padded with another's frames.

    def get_eval_dataloader(self, eval_dataset: Any = None) -> DataLoader[Any]:
        return self._loaders.measuring(eval_dataset or self.eval_dataset)

    def score_validation(self) -> Score | None:
        """Score the model as it is now; None without a validation set."""
        if self.eval_dataset is None or (found := self._measure()) is None:
            return None
        return found[1]

    def evaluate(self, *_: Any, **__: Any) -> dict[str, Any]:
        """Score the validation set, note it in the log and keep the weights if they are the best.

        An interruption ends it without a result; the run that resumes makes it up.
        """
        found = self._measure()
        metrics: dict[str, Any] = {}
        if found is None:
            self.control.should_save = self.control.should_training_stop = True
        else:
            loss, score = found
            metrics = {"eval_loss": loss, "eval_wer": score.words.rate}
            self.log({**metrics, "eval_cer": score.characters.rate})
            self._keep_best()
            if is_over(self.state.log_history, self._settings.patience):
                self.control.should_training_stop = True
        self.control = self.callback_handler.on_evaluate(
            self.args, self.state, self.control, metrics
        )
        return metrics

    def _measure(self) -> tuple[float, Score] | None:
        self.model.eval()
        return measure(
            self.get_eval_dataloader(),
            self.recognise,
            self._acoustic.vocabulary,
            stop=lambda: self.interruption.asked,
            processes=self._loaders.processes,
        )

    def recognise(self, inputs: dict[str, Any]) -> tuple[float, torch.Tensor]:
        """Loss of a batch and the best symbol of each frame, each row cut to its own length."""
        inputs = self._prepare_inputs(inputs)
        with torch.inference_mode():
            loss, outputs = self.compute_loss(self.model, inputs, return_outputs=True)
        lengths = self._frames_of(inputs["input_lengths"])
        return float(loss), greedy_ids(
            outputs["logits"], lengths, self._acoustic.vocabulary.blank_id
        )

    def _frames_of(self, n_samples: torch.Tensor) -> torch.Tensor:
        return torch.tensor([self._acoustic.output_length(int(n)) for n in n_samples])

    # Checkpoints: see `training.running.checkpoints` for what makes them whole.

    def _save_checkpoint(self, model: Any, trial: Any) -> None:  # noqa: ARG002
        best = best_row(self.state.log_history)
        if self.args.should_save:
            with self._whole(CHECKPOINT, best["step"] if best else None) as folder:
                write_weights(folder, self.model)
                write_course(
                    folder, optimizer=self.optimizer, scheduler=self.lr_scheduler, state=self.state
                )
                self._save_scaler(str(folder))
            prune(self._checkpoints)
        self.accelerator.wait_for_everyone()

    def _keep_best(self) -> None:
        best, step = best_row(self.state.log_history), self.state.global_step
        if best and best["step"] == step and self.args.should_save:
            with self._whole(BEST, step) as folder:
                write_weights(folder, self.model)
        self.accelerator.wait_for_everyone()

    def _whole(self, kind: str, best: int | None) -> AbstractContextManager[Path]:
        step = self.state.global_step
        return whole(self._checkpoints, kind, step, run=self._run, best=best)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        read_weights(Path(resume_from_checkpoint), model or self.model)

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        if checkpoint is not None:
            read_course(Path(checkpoint), optimizer=self.optimizer, scheduler=self.lr_scheduler)

    def _load_rng_state(self, checkpoint: str | None) -> None:
        """Nothing to restore: each step sets the random state itself."""
