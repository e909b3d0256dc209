"""CTC loss with a wish for doubt: label smoothing that fits a loss over alignments."""

from __future__ import annotations

import math

import torch


def smoothed(
    loss: torch.Tensor, logits: torch.Tensor, output_lengths: torch.Tensor, share: float
) -> torch.Tensor:
    """``(1 - share) * loss + share * mean KL(output ‖ uniform)``.

    ``logits`` has shape (batch, n_frames, n_vocab), ``output_lengths`` shape (batch,). The mean is
    taken over an item's own frames, then over items, so that padding weighs nothing. (Kim et al.
    2018, "Improved training for online end-to-end speech recognition systems", sum over frames;
    the mean fits a loss that is a mean.)
    """
    return (1 - share) * loss + share * _distance(logits, output_lengths).mean()


def _distance(logits: torch.Tensor, output_lengths: torch.Tensor) -> torch.Tensor:
    """Mean over each item's frames of the divergence from a uniform output, shape (batch,)."""
    logs = torch.log_softmax(logits.float(), dim=-1)
    divergence = (logs.exp() * logs).sum(-1) + math.log(logits.shape[-1])
    lengths = output_lengths.to(logits.device)
    own = torch.arange(logits.shape[1], device=logits.device) < lengths[:, None]
    return (divergence * own).sum(-1) / lengths.clamp(min=1)
