"""What happens between the steps of a training."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
from transformers import TrainerCallback

if TYPE_CHECKING:
    from training.running.trainer import CtcTrainer

_NAMES = {
    "loss": "loss",
    "eval_loss": "eval_loss",
    "eval_wer": "wer",
    "eval_cer": "cer",
    "learning_rate": "lr",
}


class Course(TrainerCallback):  # type: ignore[misc] # transformers is untyped
    """Keeps data, thawing and interruption in step; all of it follows from the step's number."""

    def __init__(self, trainer: CtcTrainer) -> None:
        self._trainer = trainer

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002
        state.log_history = self._trainer.earlier_log
        self._trainer.clock.go_on_from(state.log_history)

    def on_epoch_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002
        epoch = state.global_step // self._trainer.updates_per_epoch
        self._trainer.batches.begin_epoch(epoch)

    def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002
        self._trainer.micro_step = 0
        self._trainer.thaw.at(state.global_step)

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> Any:  # noqa: ARG002
        if self._asked(args):
            # An evaluation may take longer than the time that is left: it is made up later.
            control.should_evaluate = False
            control.should_save = control.should_training_stop = True
        return control

    def _asked(self, args: Any) -> bool:
        asked = self._trainer.interruption.asked
        if args.world_size == 1:
            return asked
        # The signal meets each process at another moment; all must stop at one step.
        told = torch.tensor(int(asked), device=args.device)
        torch.distributed.all_reduce(told, torch.distributed.ReduceOp.MAX)
        return bool(told.item())


class LineReport(TrainerCallback):  # type: ignore[misc] # transformers is untyped
    """One plain line every few steps, for SageMaker's metric expressions and for eyes."""

    def __init__(self, every: int) -> None:
        self._every = every

    def on_log(
        self,
        args: Any,
        state: Any,
        control: Any,  # noqa: ARG002
        logs: dict[str, Any] | None = None,
        **_: Any,
    ) -> None:
        logs, step = dict(logs or {}), state.global_step
        if "loss" in logs:
            if step % self._every and step != state.max_steps:
                return
            logs["loss"] = self._mean_loss(state)
        parts = [f"{short}={_shown(logs[name])}" for name, short in _NAMES.items() if name in logs]
        if parts and args.process_index == 0:
            print(f"step={step} {' '.join(parts)}", flush=True)  # noqa: T201

    def _mean_loss(self, state: Any) -> float:
        """The mean since the last line; a single batch's says little."""
        since = state.global_step - self._every
        recent = state.log_history[-2 * self._every :]
        losses: list[float] = [
            row["loss"] for row in recent if "loss" in row and row["step"] > since
        ]
        return sum(losses) / len(losses)


def _shown(value: Any) -> str:
    return "nan" if value is None or math.isnan(value) else f"{value:.6g}"
