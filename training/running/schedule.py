"""What learns when, and how fast: parts that thaw by the step, and learning rates by depth."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from training.settings import Settings

_LAYER = re.compile(r"encoder\.layers\.(\d+)\.")
_ABOVE_THE_LAYERS = re.compile(r"encoder\.(layer_norm|adapter)|\.adapter\.")
_HEAD = re.compile(r"(^|\.)lm_head\.")
_NOT_DECAYED = re.compile(r"(^|[._])(bias|layer_norm|norm)([._]|$)")


class Thaw:
    """Which parameters learn at a step; those that never learn were frozen before it was made."""

    def __init__(self, network: Any, settings: Settings) -> None:
        features = _parameters_of(_feature_encoder(network))
        if settings.freeze_feature_encoder and settings.thaw_encoder_at is None:
            freeze_feature_encoder(network)
        learning = [(name, p) for name, p in network.named_parameters() if p.requires_grad]
        self._network = network
        self._head_only_steps = settings.head_only_steps
        self._thaw_at = settings.thaw_encoder_at
        self._features = [p for _, p in learning if id(p) in features]
        self._body = [p for n, p in learning if id(p) not in features and not _HEAD.search(n)]

    def at(self, step: int) -> None:
        """Set what learns in the step that follows ``step`` finished ones."""
        body = step >= self._head_only_steps
        encoder = body and step >= (self._thaw_at or 0)
        for parameter in self._body:
            parameter.requires_grad = body
        for parameter in self._features:
            parameter.requires_grad = encoder
        if self._features:
            _mark(_feature_encoder(self._network), trained=encoder)


def freeze_feature_encoder(network: Any) -> None:
    """Take the convolutions out of training for good."""
    encoder = _feature_encoder(network)
    for parameter in _parameters_of(encoder).values():
        parameter.requires_grad = False
    _mark(encoder, trained=False)


def parameter_groups(network: Any, settings: Settings) -> Iterator[dict[str, Any]]:
    """The parameters that learn, in groups of one learning rate and one weight decay each.

    With N layers the head has the full rate times its factor, layer i the factor
    ``layer_decay ** (N - i)`` (i from 0, so that the top layer has one decay), and what lies below
    the layers one more.
    """
    depth = 1 + max(
        (i for name, _ in network.named_parameters() if (i := _layer(name)) >= 0), default=-1
    )
    groups: dict[tuple[float, float], list[Any]] = {}
    for name, parameter in network.named_parameters():
        if parameter.requires_grad:
            decay = 0.0 if _NOT_DECAYED.search(name) else settings.weight_decay
            groups.setdefault((_factor(name, depth, settings), decay), []).append(parameter)
    for (factor, decay), parameters in groups.items():
        rate = settings.learning_rate * factor
        yield {"params": parameters, "lr": rate, "weight_decay": decay}


def _factor(name: str, depth: int, settings: Settings) -> float:
    if _HEAD.search(name):
        return settings.head_learning_rate_factor
    if (layer := _layer(name)) >= 0:
        return float(settings.layer_decay ** (depth - layer))
    return 1.0 if _ABOVE_THE_LAYERS.search(name) else float(settings.layer_decay ** (depth + 1))


def _layer(name: str) -> int:
    found = _LAYER.search(name)
    return int(found[1]) if found else -1


def _feature_encoder(network: Any) -> Any:
    """The convolutions on the samples; None where a model hears mel features."""
    modules = dict(network.named_modules())
    names = [name for name in modules if name.rpartition(".")[2] == "feature_extractor"]
    return modules[names[0]] if names else None


def _parameters_of(module: Any) -> dict[int, Any]:
    return {} if module is None else {id(p): p for p in module.parameters()}


def _mark(encoder: Any, *, trained: bool) -> None:
    # Its forward makes the samples want gradients while this is set, frozen or not.
    if hasattr(encoder, "_requires_grad"):
        encoder._requires_grad = trained  # noqa: SLF001
