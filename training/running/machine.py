"""What the machine is told before a training: precision, threads, kernels, arguments."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import torch
from transformers import TrainingArguments

from training.running.randomness import use_deterministic_kernels
from training.settings import Settings, SettingsError


def prepare_machine(settings: Settings, network: Any) -> None:
    """Check that the hardware can do what is asked, and set up what is not an argument.

    Raises:
        SettingsError: a precision that this machine does not have.
    """
    check_precision(settings.mixed_precision)
    if settings.threads:
        torch.set_num_threads(settings.threads)
    if settings.deterministic:
        use_deterministic_kernels()
    if settings.gradient_checkpointing:
        # The older name is the only one in transformers 5.3, and goes away in 6.
        enable = getattr(network, "activation_checkpointing_enable", None)
        (enable or network.gradient_checkpointing_enable)()


def check_precision(precision: str) -> None:
    """Refuse a mixed precision that the hardware would emulate or cannot do at all."""
    if precision == "no":
        return
    if not torch.cuda.is_available():
        raise SettingsError(
            f"mixed_precision is {precision!r}, and this machine has no GPU, on which alone it is "
            "faster; expected 'no'"
        )
    if precision == "bf16" and not torch.cuda.is_bf16_supported(including_emulation=False):
        name = torch.cuda.get_device_name()
        raise SettingsError(f"mixed_precision is 'bf16', which {name} lacks; expected 'fp16'")


def steps_of(settings: Settings, updates_per_epoch: int) -> int:
    """Optimiser steps in all.

    Raises:
        SettingsError: so few epochs that they end before what begins or ends at a step.
    """
    if not settings.epochs:
        return settings.steps
    steps = math.ceil(settings.epochs * updates_per_epoch)
    for name in ("warmup_steps", "head_only_steps", "thaw_encoder_at"):
        if (getattr(settings, name) or 0) > steps:
            raise SettingsError(
                f"{name} is {getattr(settings, name)}, and {settings.epochs:g} epochs of this data "
                f"are {steps} steps; expected at most that"
            )
    return steps


def training_arguments(
    settings: Settings, checkpoints: Path, *, updates_per_epoch: int, evaluate: bool
) -> TrainingArguments:
    """The settings in the Trainer's words."""
    arguments = TrainingArguments(
        output_dir=str(checkpoints),
        max_steps=steps_of(settings, updates_per_epoch),
        learning_rate=settings.learning_rate,
        lr_scheduler_type="cosine",
        warmup_steps=settings.warmup_steps,
        weight_decay=settings.weight_decay,
        adam_beta2=settings.adam_beta2,
        max_grad_norm=settings.max_grad_norm,
        gradient_accumulation_steps=settings.gradient_accumulation,
        # Each step's loss belongs to the curves; LineReport chooses what is printed.
        logging_steps=1,
        logging_nan_inf_filter=False,
        eval_strategy="steps" if evaluate else "no",
        eval_steps=settings.evaluation_steps,
        save_strategy="steps",
        save_steps=settings.evaluation_steps,
        remove_unused_columns=False,
        disable_tqdm=True,
        report_to=[],
        bf16=settings.mixed_precision == "bf16",
        fp16=settings.mixed_precision == "fp16",
        # Said outright: several processes without a GPU would not find each other otherwise.
        use_cpu=not torch.cuda.is_available(),
        # Layers that a step drops, masks and thaws leave weights without a gradient.
        ddp_find_unused_parameters=True,
        seed=settings.seed,
        data_seed=settings.seed,
    )
    # Several GPUs work by torchrun; one process would divide each batch over them instead.
    arguments._n_gpu = min(1, arguments.n_gpu)  # noqa: SLF001
    return arguments
