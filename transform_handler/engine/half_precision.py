"""Which half precision a network can be trusted with."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from transform_handler.audio.layout import SAMPLE_RATE
from transform_handler.engine.frames import Samples
from transform_handler.engine.torch_network import TorchNetwork

# Of the largest float16; speech may go further than the probe by this factor.
HEADROOM = 8
_LARGEST = torch.finfo(torch.float16).max / HEADROOM
_PROBE_SECONDS = 4


def dtypes_for(precision: str, device: str) -> tuple[torch.dtype, ...]:
    """What to try for a precision, the best first; the last needs no trying.

    ``exact`` is float32. ``fast`` on a GPU is float16, whose eleven digits change a tenth of the
    words that bfloat16's eight do, at the same speed; and where a network's numbers outgrow it,
    bfloat16 on GPUs that compute in it. A CPU is slower in half precision: it computes so where a
    bundle for GPUs is made and checked on a machine without one.
    """
    if precision == "exact":
        return (torch.float32,)
    if not device.startswith("cuda"):
        return torch.float16, torch.bfloat16
    major, _ = torch.cuda.get_device_capability(device)
    return torch.float16, torch.bfloat16 if major >= 8 else torch.float32


def outgrows_float16(network: TorchNetwork) -> bool:
    """Whether a network's activations come near the largest float16, or are beyond it.

    Hears noise, a tone and a click that is a hundred times louder than the rest.
    """
    largest = torch.zeros((), dtype=torch.float32, device=network.device)

    def look(module: Any, inputs: Any, output: Any) -> None:  # noqa: ARG001
        for values in _tensors(output):
            # NaN and infinity are larger than any limit, and stay.
            found = values.detach().abs().max().float().nan_to_num(nan=torch.inf)
            torch.maximum(largest, found, out=largest)

    hooks = [module.register_forward_hook(look) for module in network.modules()]
    try:
        network(_probe(), language=None)
    except ArithmeticError:
        return True
    finally:
        for hook in hooks:
            hook.remove()
    return float(largest) > _LARGEST


def _tensors(output: Any) -> Iterator[Tensor]:
    if isinstance(output, Tensor):
        if output.is_floating_point() and output.numel():
            yield output
    elif isinstance(output, (tuple, list)):
        for one in output:
            yield from _tensors(one)


def _probe() -> list[Samples]:
    count = _PROBE_SECONDS * SAMPLE_RATE
    noise = np.random.default_rng(0).standard_normal(count).astype(np.float32)
    tone = np.sin(np.arange(count, dtype=np.float32) * (2 * np.pi * 220 / SAMPLE_RATE))
    click = noise * np.float32(0.003)
    click[count // 2] = 1.0
    return [0.1 * noise, (0.3 * tone).astype(np.float32), click]
