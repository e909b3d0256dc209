"""What ends a training early by its own settings, and which of them to change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from training.settings import Settings
from transform_handler.audio.layout import SAMPLE_RATE


class DivergedError(ValueError):
    """A loss that is not a number."""

    @classmethod
    def at(cls, step: int, settings: Settings) -> DivergedError:
        """The error for the loss of a step."""
        return cls(
            f"the loss is not a number at step {step}: lower learning_rate "
            f"({settings.learning_rate}), or set mixed_precision to 'no' "
            f"(now {settings.mixed_precision!r})"
        )


class BatchTooLargeError(ValueError):
    """A batch that does not fit into the memory of a GPU."""

    @classmethod
    def of(cls, inputs: Mapping[str, Any], settings: Settings) -> BatchTooLargeError:
        """The error for a batch, whose `input_values` have shape (batch, n_samples)."""
        n_items, n_samples = inputs["input_values"].shape
        return cls(
            f"a batch of {n_items} utterances of {n_samples / SAMPLE_RATE:.1f} s does not fit "
            f"into the GPU's memory: lower batch_seconds ({settings.batch_seconds:g}) and "
            "raise gradient_accumulation, or set gradient_checkpointing"
        )
