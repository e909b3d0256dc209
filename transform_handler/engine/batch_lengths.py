"""How long each item of a batch really is, for the parts of a network that mix frames.

Padding changes nothing where a frame is computed from itself alone. Three kinds of operation look
at others: attention, which the library masks; norms over time (``front_end.py``); convolutions,
which alone would see zeros beyond the end. The hooks here give them those zeros.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn


@dataclass(frozen=True, kw_only=True)
class Step:
    """A convolution's effect on a length."""

    kernel: int
    stride: int
    padding: int = 0

    @classmethod
    def of(cls, convolution: nn.Conv1d) -> Step:
        """The step that a convolution makes."""
        return cls(
            kernel=convolution.kernel_size[0],
            stride=convolution.stride[0],
            padding=int(convolution.padding[0]),
        )

    def length(self, length: int) -> int:
        """Frames out of ``length`` frames."""
        return max(0, (length + 2 * self.padding - self.kernel) // self.stride + 1)

    def lengths(self, lengths: Tensor) -> Tensor:
        """The same for a tensor of lengths."""
        moved = torch.div(
            lengths + 2 * self.padding - self.kernel, self.stride, rounding_mode="floor"
        )
        return (moved + 1).clamp(min=0)


@dataclass(kw_only=True)
class BatchLengths:
    """The items of the batch that is in the network; one object for all of its parts.

    ``samples`` and ``frames`` have shape (n_windows,), before and after the front end;
    ``longest`` is the largest of ``frames``, known without asking the device. ``padded`` says
    whether any item is shorter than that.
    """

    samples: Tensor | None = None
    frames: Tensor | None = None
    longest: int = 0
    padded: bool = False
    _masks: dict[int, Tensor] = field(default_factory=dict)

    def set(self, *, samples: Tensor | None, frames: Tensor, longest: int, padded: bool) -> None:
        """A new batch."""
        self.samples, self.frames, self.longest, self.padded = samples, frames, longest, padded
        self._masks = {}

    def mask(self, steps: tuple[Step, ...], width: int) -> Tensor:
        """Which frames are real after ``steps``; bool, shape (n_windows, 1, width)."""
        level = len(steps)
        if level not in self._masks:
            assert self.frames is not None
            lengths = self.frames
            for step in steps:
                lengths = step.lengths(lengths)
            places = torch.arange(width, device=lengths.device)
            self._masks[level] = (places < lengths[:, None])[:, None]
        return self._masks[level]


def shield(network: nn.Module, lengths: BatchLengths) -> tuple[Step, ...]:
    """Zero the padding before each convolution over time in ``network``, but for its front end.

    A convolution that adds no zeros of its own never looks beyond an item's end. Returns the steps
    by which an adapter shortens what the encoder gives.
    """
    steps = _adapter_steps(network)
    for name, module in network.named_modules():
        looks_beyond = isinstance(module, nn.Conv1d) and int(module.padding[0]) > 0
        if looks_beyond and not name.startswith("feature_extractor."):
            parts = name.split(".")
            level = int(parts[2]) if parts[:2] == ["adapter", "layers"] else 0
            module.register_forward_pre_hook(_Zeroing(lengths, steps[:level]))
    return steps


def _adapter_steps(network: nn.Module) -> tuple[Step, ...]:
    adapter: Any = getattr(network, "adapter", None)
    if adapter is None:
        return ()
    convolutions = [
        next(m for m in layer.modules() if isinstance(m, nn.Conv1d)) for layer in adapter.layers
    ]
    return tuple(Step.of(one) for one in convolutions)


class _Zeroing:
    """Zeroes what lies beyond each item's end, in an input of shape (n_windows, n, n_frames)."""

    def __init__(self, lengths: BatchLengths, steps: tuple[Step, ...]) -> None:
        self._lengths = lengths
        self._steps = steps

    def __call__(self, module: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...] | None:  # noqa: ARG002
        if not self._lengths.padded:
            return None
        frames, *others = inputs
        mask = self._lengths.mask(self._steps, frames.shape[-1])
        return (frames.masked_fill(~mask, 0.0), *others)
