"""What chosen heads of a decoder look at in the sound, while it runs as fast as it otherwise does.

The kernels that compute attention quickly do not give it out. The few heads that are wanted are
computed anew from their queries and keys.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

Heads = Sequence[tuple[int, int]]
"""Layer and number within it."""


class CrossAttention:
    """Keeps the queries and keys of the last pass through a decoder's layers."""

    def __init__(self, decoder: Any, heads: Heads) -> None:
        self._heads = heads
        self._layers = {layer: decoder.layers[layer].encoder_attn for layer, _ in heads}
        self._kept: dict[tuple[int, str], Tensor] = {}
        self._hooks: list[Any] = []

    def __enter__(self) -> Self:
        for number, layer in self._layers.items():
            for name in ("q_proj", "k_proj"):
                self._hooks.append(
                    getattr(layer, name).register_forward_hook(self._keeping(number, name))
                )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for hook in self._hooks:
            hook.remove()
        self._kept.clear()

    def of(self, row: int, tokens: int) -> npt.NDArray[np.float32] | None:
        """What the first ``tokens`` of window ``row`` gave to each position of the encoder.

        The logarithms of unscaled weights, shape (n_heads, tokens, n_positions); None without
        heads.
        """
        if not self._heads:
            return None
        found = []
        for number, head in self._heads:
            layer = self._layers[number]
            own = slice(head * layer.head_dim, (head + 1) * layer.head_dim)
            queries = self._kept[number, "q_proj"][row, :tokens, own]
            keys = self._kept[number, "k_proj"][row, :, own]
            found.append(queries @ keys.T * layer.head_dim**-0.5)
        scores: npt.NDArray[np.float32] = torch.stack(found).float().cpu().numpy()
        return scores

    def _keeping(self, number: int, name: str) -> Any:
        def keep(module: Any, inputs: Any, output: Tensor) -> None:  # noqa: ARG001
            self._kept[number, name] = output

        return keep
