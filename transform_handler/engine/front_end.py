"""The convolutions that make frames of samples, for windows of different lengths at once.

Takes the place of ``feature_extractor`` in models of the wav2vec2 family. Frames lie in rows, so
that a convolution is a matrix product over the rows as they are in memory, and group norm, which
looks at a whole window, takes its statistics from the window's own frames.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from transform_handler.engine.batch_lengths import BatchLengths, Step


class FrontEnd(nn.Module):
    """Samples, shape (n_windows, n_samples), into features, shape (n_windows, width, n_frames).

    Samples are in float32 or float64, zero beyond each window's end, and as many as ``padded``
    says. What lies in a window's row beyond its own frames has no meaning, but is finite.
    """

    def __init__(self, original: Any, lengths: BatchLengths, *, dtype: torch.dtype) -> None:
        super().__init__()
        first, *others = original.conv_layers
        self._lengths = lengths
        self.steps = tuple(Step.of(layer.conv) for layer in original.conv_layers)
        kind = _NormalisedFirst if _is_group_norm(first) else _First
        self.first = kind(first, lengths, dtype=dtype)
        self.others = nn.ModuleList(_Layer(layer, dtype=dtype) for layer in others)

    @staticmethod
    def fits(original: Any) -> bool:
        """Whether a model's ``feature_extractor`` is one whose place this can take."""
        layers = list(getattr(original, "conv_layers", ()))
        plain = all(
            isinstance(getattr(layer, "conv", None), nn.Conv1d)
            and layer.conv.groups == 1
            and layer.conv.dilation == (1,)
            and layer.conv.padding == (0,)
            for layer in layers
        )
        if not layers or not plain or layers[0].conv.in_channels != 1:
            return False
        norms = [getattr(layer, "layer_norm", None) for layer in layers]
        by_frame = all(norm is None or isinstance(norm, nn.LayerNorm) for norm in norms[1:])
        at_first = norms[0] is None or isinstance(norms[0], nn.LayerNorm)
        return by_frame and (at_first or _is_group_norm(layers[0]))

    def padded(self, n_samples: int) -> int:
        """The least length from ``n_samples`` on that all strides divide."""
        whole = 1
        for step in self.steps:
            whole *= step.stride
        return -(-n_samples // whole) * whole

    def frames(self, n_samples: int) -> int:
        """The frames that a window of ``n_samples`` gives."""
        for step in self.steps:
            n_samples = step.length(n_samples)
        return n_samples

    def forward(self, samples: Tensor) -> Tensor:
        """Features of the batch that ``lengths`` describes."""
        rows: Tensor = self.first(samples)
        for layer in self.others:
            rows = layer(rows)
        return rows[:, : self._lengths.longest].transpose(1, 2)


class _Norm(nn.Module):
    """The norm over a frame's channels, if there is one, and the activation."""

    def __init__(self, layer: Any, *, dtype: torch.dtype) -> None:
        super().__init__()
        norm = getattr(layer, "layer_norm", None)
        self.norm = norm.to(dtype) if isinstance(norm, nn.LayerNorm) else None
        self.activation = layer.activation

    def forward(self, rows: Tensor) -> Tensor:
        activated: Tensor = self.activation(rows if self.norm is None else self.norm(rows))
        return activated


class _Layer(nn.Module):
    """A convolution of frames in rows, shape (n_windows, n, n_channels); n is divided by stride.

    The taps are taken in groups as wide as the stride: each is a product of the rows as they lie
    with a part of the weights, and the next group is the same a row further down. At its end a
    window reads the next one's first rows, into frames that are not its own.
    """

    def __init__(self, layer: Any, *, dtype: torch.dtype) -> None:
        super().__init__()
        self.step = Step.of(layer.conv)
        taps = layer.conv.weight.detach().to(dtype).transpose(1, 2)  # (out, kernel, in)
        parts = taps.split(self.step.stride, dim=1)
        self.weights = nn.ParameterList(_fixed(part.flatten(1).contiguous()) for part in parts)
        bias = layer.conv.bias
        self.bias = None if bias is None else _fixed(bias.detach().to(dtype))
        self.after = _Norm(layer, dtype=dtype)

    def forward(self, rows: Tensor) -> Tensor:
        windows, length, _ = rows.shape
        flat = rows.reshape(windows * length // self.step.stride, -1)
        weight, *further = self.weights
        found = nn.functional.linear(flat[:, : weight.shape[1]], weight, self.bias)
        for down, weight in enumerate(further, start=1):
            found[:-down].addmm_(flat[down:, : weight.shape[1]], weight.t())
        made: Tensor = self.after(found.view(windows, length // self.step.stride, -1))
        return made


class _First(nn.Module):
    """The convolution of samples: a product with all stretches that the kernel sees.

    Half precision would round the samples to eight bits, a noise at -50 dB that filters with a
    quiet output would raise. There each number is the sum of two, and the three products that
    matter are one with three times the columns.
    """

    def __init__(self, layer: Any, lengths: BatchLengths, *, dtype: torch.dtype) -> None:
        super().__init__()
        self.step = Step.of(layer.conv)
        self.dtype = dtype
        exact = dtype if dtype in (torch.float32, torch.float64) else torch.float32
        weight = layer.conv.weight.detach()[:, 0].to(exact)  # (out, kernel)
        bias = layer.conv.bias
        bias = weight.new_zeros(len(weight)) if bias is None else bias.detach().to(exact)
        self.weight = _fixed(weight)
        self.bias = _fixed(bias)
        self.after = _Norm(layer, dtype=dtype)
        self.lengths = lengths

    def forward(self, samples: Tensor) -> Tensor:
        seen = self.seen(samples)
        weight, bias = self.filters(seen)
        made: Tensor = self.after(_product(seen, weight, bias, dtype=self.dtype))
        return made

    def seen(self, samples: Tensor) -> Tensor:
        """Shape (n_windows, n_samples / stride, kernel)."""
        beyond = max(0, self.step.kernel - self.step.stride)
        padded = nn.functional.pad(samples.to(self.weight.dtype), (0, beyond))
        return padded.unfold(1, self.step.kernel, self.step.stride)

    def filters(self, seen: Tensor) -> tuple[Tensor, Tensor]:
        """Weights, shape (n_windows, out, kernel), and biases, shape (n_windows, out)."""
        windows = len(seen)
        return self.weight.expand(windows, -1, -1), self.bias.expand(windows, -1)


class _NormalisedFirst(_First):
    """The same with group norm of one channel a group, folded into filters for each window.

    Mean and variance of a filter's output over time follow from the mean m and the covariance C of
    what it sees: wm and wCw'. They are summed in float64 over the window's own frames.
    """

    def __init__(self, layer: Any, lengths: BatchLengths, *, dtype: torch.dtype) -> None:
        super().__init__(layer, lengths, dtype=dtype)
        norm = layer.layer_norm
        self.epsilon = norm.eps
        self.scale = _fixed(norm.weight.detach().to(self.weight.dtype))
        self.shift = _fixed(norm.bias.detach().to(self.weight.dtype))

    def filters(self, seen: Tensor) -> tuple[Tensor, Tensor]:
        mean, covariance = self._statistics(seen)
        weight = self.weight.double()
        variance = ((weight @ covariance) * weight).sum(-1).clamp(min=0)  # (n_windows, out)
        factor = self.scale.double() * torch.rsqrt(variance + self.epsilon)
        shift = self.shift.double() - factor * (mean @ weight.t())
        return (factor[..., None] * weight).to(seen.dtype), shift.to(seen.dtype)

    def _statistics(self, seen: Tensor) -> tuple[Tensor, Tensor]:
        """Mean, shape (n_windows, kernel), and covariance, (n_windows, kernel, kernel)."""
        assert self.lengths.samples is not None
        count = self.step.lengths(self.lengths.samples)
        own = torch.arange(seen.shape[1], device=seen.device) < count[:, None]
        exact = seen.double() * own[..., None]
        share = count.clamp(min=1).double()[:, None]
        mean = exact.sum(1) / share
        # In pieces: one long sum a window would keep one core of a GPU busy and all others idle.
        pieces = exact.view(len(exact) * math.gcd(exact.shape[1], 64), -1, exact.shape[2])
        products = torch.bmm(pieces.transpose(1, 2), pieces)
        products = products.view(len(exact), -1, *products.shape[1:]).sum(1) / share[..., None]
        return mean, products - mean[:, :, None] * mean[:, None, :]


def _fixed(values: Tensor) -> nn.Parameter:
    return nn.Parameter(values, requires_grad=False)


def _is_group_norm(layer: Any) -> bool:
    norm = getattr(layer, "layer_norm", None)
    return isinstance(norm, nn.GroupNorm) and norm.num_groups == norm.num_channels and norm.affine


def _product(seen: Tensor, weight: Tensor, bias: Tensor, *, dtype: torch.dtype) -> Tensor:
    """``seen @ weight' + bias`` for each window, in ``dtype``; the bias is one more column."""
    one = seen.new_ones(1).expand(*seen.shape[:2], 1)
    if dtype == seen.dtype:
        left, right = [seen, one], [weight, bias[..., None]]
    else:
        coarse, fine = _halves(seen, dtype)
        weights, corrections = _halves(weight, dtype)
        biases, rests = _halves(bias[..., None], dtype)
        left = [coarse, fine, coarse, one.to(dtype), one.to(dtype)]
        right = [weights, weights, corrections, biases, rests]
    columns = sum(part.shape[-1] for part in left)
    # Rows of 16 bytes and their multiples: tensor cores take no others.
    for parts in (left, right):
        parts.append(parts[0].new_zeros(1).expand(*parts[0].shape[:2], -columns % 8))
    return torch.bmm(torch.cat(left, dim=-1), torch.cat(right, dim=-1).transpose(1, 2))


def _halves(exact: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Two numbers in ``dtype`` whose sum is ``exact`` to twice the digits."""
    coarse = exact.to(dtype)
    return coarse, (exact - coarse.to(exact.dtype)).to(dtype)
