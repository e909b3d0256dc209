"""The files of a checkpoint: weights, optimiser, schedule, and the log with the step.

There is no random state among them, because each step sets its own; and the data's position
follows from the step. Ours and not the Trainer's, which lets weights be missing when it resumes,
and whose files differ between versions.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from transformers import TrainerState

_WEIGHTS = "weights.pt"
_OPTIMIZER = "optimizer.pt"
_SCHEDULER = "scheduler.pt"
_STATE = "trainer_state.json"


def write_weights(folder: Path, network: Any) -> None:
    """Write every weight and buffer under the names that the network has in training."""
    torch.save(network.state_dict(), folder / _WEIGHTS)


def read_weights(folder: Path, network: Any) -> None:
    """Load them; none may be missing or unknown."""
    network.load_state_dict(_load(folder / _WEIGHTS))


def write_course(folder: Path, *, optimizer: Any, scheduler: Any, state: TrainerState) -> None:
    """Write what the next steps depend on besides the weights."""
    torch.save(optimizer.state_dict(), folder / _OPTIMIZER)
    torch.save(scheduler.state_dict(), folder / _SCHEDULER)
    state.save_to_json(str(folder / _STATE))


def read_course(folder: Path, *, optimizer: Any, scheduler: Any) -> None:
    """Load optimiser and schedule; their values move to where the weights are."""
    optimizer.load_state_dict(_load(folder / _OPTIMIZER))
    scheduler.load_state_dict(_load(folder / _SCHEDULER))


def read_log(folder: Path) -> TrainerState:
    """The step, and the log up to it."""
    return TrainerState.load_from_json(str(folder / _STATE))


def _load(path: Path) -> Any:
    return torch.load(path, map_location="cpu", weights_only=True)
