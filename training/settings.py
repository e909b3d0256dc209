"""Hyperparameters of a training run, checked before anything is loaded."""

from __future__ import annotations

import dataclasses
import json
import math
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Mapping


_PRECISIONS = ("no", "bf16", "fp16")


class SettingsError(ValueError):
    """A hyperparameter that cannot be used; the message shows name and value."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a person may set; the defaults fine-tune a base model on minutes of speech."""

    steps: int = 150
    """Optimiser steps in all."""
    batch_seconds: float = 20.0
    """Seconds of sound a step, padding included."""
    learning_rate: float = 5e-4
    """Peak, reached after the warm-up and followed by a cosine to zero."""
    warmup_steps: int = 15
    weight_decay: float = 0.01
    adam_beta2: float = 0.98
    max_grad_norm: float = 1.0
    freeze_feature_encoder: bool = False
    """Leave the convolutions as the base model has them."""
    base_share: float = 0.5
    """How much of the base model's weights is mixed into the fine-tuned ones at the end (0–1).

    Minutes of one speaker make a model forget the others; the mean of both sets of weights keeps
    most of what each knows (Wortsman et al. 2022, "Robust fine-tuning of zero-shot models").
    """
    evaluation_steps: int = 50
    """Steps between evaluations, which are also the checkpoints."""
    logging_steps: int = 10
    noise_share: float = 0.5
    telephone_share: float = 0.1
    gain_db: float = 12.0
    mixed_precision: str = "no"
    """`no`, `bf16` or `fp16`; the last on a GPU only."""
    workers: int = 0
    """Processes that read sound ahead; worth it where a GPU waits for it."""
    shortest_first: bool = False
    """Short utterances first in the first epoch: a model from scratch finds the letters sooner."""
    architecture: str | None = None
    """JSON file of a `Wav2Vec2Config`: train a new model instead of a base model."""
    seed: int = 7

    def __post_init__(self) -> None:
        for name in ("steps", "evaluation_steps", "logging_steps"):
            self._check(name, at_least=1)
        for name in ("batch_seconds", "learning_rate", "max_grad_norm"):
            self._check(name, above=0)
        for name in ("warmup_steps", "weight_decay", "gain_db", "workers", "seed"):
            self._check(name, at_least=0)
        for name in ("noise_share", "telephone_share", "adam_beta2", "base_share"):
            self._check(name, at_least=0, at_most=1)
        if self.mixed_precision not in _PRECISIONS:
            raise SettingsError(
                f"mixed_precision is {self.mixed_precision!r}; expected {', '.join(_PRECISIONS)}"
            )
        if self.warmup_steps > self.steps:
            raise SettingsError(
                f"warmup_steps is {self.warmup_steps}; expected at most steps, {self.steps}"
            )

    def _check(
        self,
        name: str,
        *,
        above: float | None = None,
        at_least: float | None = None,
        at_most: float | None = None,
    ) -> None:
        value = getattr(self, name)
        if not math.isfinite(value):
            raise SettingsError(f"{name} is {value}; expected a finite number")
        if above is not None and not value > above:
            raise SettingsError(f"{name} is {value}; expected a number above {above}")
        if at_least is not None and not value >= at_least:
            raise SettingsError(f"{name} is {value}; expected at least {at_least}")
        if at_most is not None and not value <= at_most:
            raise SettingsError(f"{name} is {value}; expected at most {at_most}")

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Self:
        """Settings from names and values; SageMaker hands some values over as strings.

        Raises:
            SettingsError: an unknown name, or a value of the wrong kind or range.
        """
        fields = {f.name: str(f.type) for f in dataclasses.fields(cls)}
        for name in given:
            if name not in fields:
                near = get_close_matches(name, fields, 1)
                hint = f"; did you mean {near[0]}?" if near else f"; known: {', '.join(fields)}"
                raise SettingsError(f"unknown hyperparameter {name}{hint}")
        return cls(**{name: _convert(name, value, fields[name]) for name, value in given.items()})

    @classmethod
    def parse(cls, source: str) -> Self:
        """Settings from a JSON object or from the path of a file that holds one."""
        text = source if source.lstrip().startswith("{") else Path(source).read_text("utf-8")
        try:
            given = json.loads(text)
        except ValueError as error:
            raise SettingsError(f"hyperparameters are not JSON: {error}") from error
        if not isinstance(given, dict):
            raise SettingsError(f"hyperparameters are {text[:60]!r}; expected a JSON object")
        return cls.of(given)


def _whole(value: Any) -> int:
    """A whole number; a tuner may write 200.0, but half a step is a mistake."""
    number = float(value)
    if not number.is_integer():
        raise ValueError(value)
    return int(number)


_TRUTH = {"true": True, "1": True, "false": False, "0": False}


def _convert(name: str, value: Any, kind: str) -> Any:
    try:
        if kind == "bool":
            return value if isinstance(value, bool) else _TRUTH[str(value).lower()]
        if kind == "int":
            return _whole(value)
        if kind == "float":
            return float(value)
    except (ValueError, TypeError, KeyError, OverflowError) as error:
        raise SettingsError(f"{name} is {value!r}; expected a value of type {kind}") from error
    return None if value is None else str(value)
