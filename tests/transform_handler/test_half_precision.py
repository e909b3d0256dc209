"""Half precision is used where a network's numbers stay within it."""

import copy

import pytest
import torch

from tests.transform_handler.small_networks import FAMILIES, extractor, model
from transform_handler.engine.half_precision import dtypes_for, outgrows_float16
from transform_handler.engine.torch_network import TorchNetwork


def network(name: str, *, louder: float = 1.0, dtype: torch.dtype = torch.float32) -> TorchNetwork:
    made = copy.deepcopy(model(name))
    encoder = getattr(made, made.base_model_prefix).encoder
    with torch.no_grad():
        for parameter in encoder.layers[0].parameters():
            parameter.mul_(louder)
    return TorchNetwork(made, extractor(name), device="cpu", dtype=dtype)


@pytest.mark.parametrize("name", FAMILIES)
def test_usual_activations_do_not_outgrow_float16(name: str) -> None:
    assert not outgrows_float16(network(name))


def test_activations_near_the_largest_float16_are_seen_before_they_overflow() -> None:
    assert outgrows_float16(network("wav2vec2 layer", louder=100.0))


def test_an_overflow_is_seen_in_float16_itself() -> None:
    assert outgrows_float16(network("wav2vec2 layer", louder=1e4, dtype=torch.float16))


def test_looking_leaves_the_network_as_it_was() -> None:
    made = network("wav2vec2 group")
    outgrows_float16(made)
    assert not any(module._forward_hooks for module in made.modules())


def test_a_cpu_computes_in_half_precision_only_what_was_made_for_gpus() -> None:
    assert dtypes_for("exact", "cpu") == (torch.float32,)
    assert dtypes_for("fast", "cpu") == (torch.float16, torch.bfloat16)


@pytest.mark.parametrize(
    ("capability", "expected"),
    [((7, 5), (torch.float16, torch.float32)), ((9, 0), (torch.float16, torch.bfloat16))],
)
def test_a_gpu_tries_float16_first(
    monkeypatch: pytest.MonkeyPatch, capability: tuple[int, int], expected: tuple[torch.dtype, ...]
) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    assert dtypes_for("fast", "cuda:0") == expected
    assert dtypes_for("exact", "cuda:0") == (torch.float32,)
